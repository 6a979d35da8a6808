"""Data never runs: weights and arrays load without pickle, and nothing in the source could do otherwise."""

import ast
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

import cxrfactory
from cxrfactory.cli import main
from cxrfactory.errors import CxrError, ImageError
from cxrfactory.ingest.labelled import read_landmarks
from cxrfactory.tables.weights import CARD_KEYS, card_path, read_weights, sha256_of

SOURCE = Path(cxrfactory.__file__).parent
MODULES = sorted(SOURCE.rglob("*.py"))
# Modules whose loaders can run what they read, or that run text.
FORBIDDEN_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "pty", "telnetlib"}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__"}
FORBIDDEN_ATTRIBUTES = {
    ("torch", "load"), ("yaml", "load"), ("yaml", "unsafe_load"), ("yaml", "full_load"), ("yaml", "load_all"),
    ("os", "system"), ("os", "popen"), ("pd", "read_pickle"), ("pd", "eval"), ("np", "fromregex"), ("pickle", "loads"),
    ("torch", "hub"), ("jit", "load"),
}  # fmt: skip
UNPACKING = {"extractall", "unpack_archive"}
TOUCHED = []


def note():
    TOUCHED.append("went off")


class Bomb:
    """An object that says so when a pickle of it is loaded."""

    def __reduce__(self):
        return note, ()


@pytest.fixture(autouse=True)
def nothing_goes_off():
    TOUCHED.clear()
    yield
    assert TOUCHED == []


def test_a_bomb_would_go_off():
    pickle.loads(pickle.dumps(Bomb()))
    assert TOUCHED == ["went off"]
    TOUCHED.clear()


def weights(path, data):
    """A weights file of any bytes, with a card that fits."""
    path.write_bytes(data)
    card = dict.fromkeys(CARD_KEYS, "") | {"segmenter": "hybridgnet", "settings": {}, "sha256": sha256_of(path)}
    card_path(path).write_text(json.dumps(card))
    return path


def torch_pickle(path):
    torch.save({"weight": Bomb()}, path)
    return path.read_bytes()


def object_array(path):
    with path.open("wb") as stream:
        np.save(stream, np.array([Bomb()], object), allow_pickle=True)
    return path.read_bytes()


def object_archive(path):
    with path.open("wb") as stream:
        np.savez(stream, a=np.array([Bomb()], object))
    return path.read_bytes()


KINDS = {"torch": torch_pickle, "npy": object_array, "npz": object_archive, "pickle": lambda path: pickle.dumps(Bomb())}


@pytest.mark.parametrize("kind", KINDS)
def test_a_pickle_in_the_place_of_weights_is_one_line(kind, tmp_path):
    path = weights(tmp_path / "w.safetensors", KINDS[kind](tmp_path / "made"))
    with pytest.raises(CxrError, match="not readable as safetensors") as caught:
        read_weights(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("command", ["segment", "rca-reference"])
def test_a_pickle_is_refused_at_the_command_line(kind, command, tmp_path, monkeypatch, capsys):
    path = weights(tmp_path / "w.safetensors", KINDS[kind](tmp_path / "made"))
    (tmp_path / "a.png").write_bytes(b"x")
    arguments = {
        "segment": [tmp_path / "a.png", "--output", tmp_path / "o.csv"],
        "rca-reference": ["--labelled", tmp_path / "l.parquet", "--output", tmp_path / "o.parquet"],
    }[command]
    monkeypatch.setattr("sys.argv", ["cxrfactory", command, *map(str, arguments), "--weights", str(path)])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 1
    said = capsys.readouterr().err.splitlines()
    assert said[-1].startswith("error: ")


@pytest.mark.parametrize("kind", KINDS)
def test_a_pickle_in_the_place_of_landmarks_is_a_rejection(kind, tmp_path):
    for folder in ("RL", "LL"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.npy").write_bytes(KINDS[kind](tmp_path / "made"))
    with pytest.raises(ImageError, match="landmark file"):
        read_landmarks(tmp_path, "a")


def names(node):
    """Dotted names of a call, innermost first: ``torch.jit.load`` is ("load", "jit", "torch")."""
    while isinstance(node, ast.Attribute):
        yield node.attr
        node = node.value
    if isinstance(node, ast.Name):
        yield node.id


def faults(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = node.module if isinstance(node, ast.ImportFrom) else None
            for name in [module, *(alias.name for alias in node.names)] if module else [a.name for a in node.names]:
                if name and name.split(".")[0] in FORBIDDEN_MODULES:
                    yield node.lineno, f"import {name}"
        if not isinstance(node, ast.Call):
            continue
        called = tuple(names(node.func))
        if isinstance(node.func, ast.Name) and called[0] in FORBIDDEN_CALLS:
            yield node.lineno, called[0]
        if called[1::-1] in FORBIDDEN_ATTRIBUTES or (called[:1] and called[0] in UNPACKING):
            yield node.lineno, ".".join(reversed(called))
        for option in node.keywords:
            value = getattr(option.value, "value", None)
            if (option.arg == "allow_pickle" and value is not False) or (option.arg == "shell" and value is not False):
                yield node.lineno, f"{option.arg}={value}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_no_module_can_run_what_it_reads(path):
    assert list(faults(ast.parse(path.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize(
    "line",
    ["import pickle", "from pickle import loads", "import joblib.x", "torch.load(f)", "yaml.load(f)", "eval('1')",
     "np.load(f, allow_pickle=True)", "np.load(f, allow_pickle=x)", "run('ls', shell=True)", "archive.extractall()",
     "os.system('ls')", "torch.jit.load(f)", "exec(text)"],
)  # fmt: skip
def test_the_search_finds_what_it_looks_for(line):
    assert len(list(faults(ast.parse(line)))) == 1


def test_the_search_lets_others_pass():
    fine = "yaml.safe_load(f)\nnp.load(f)\nnp.load(f, allow_pickle=False)\nnetwork.eval()\nsubprocess.run(['ls'])\n"
    assert list(faults(ast.parse(fine + "re.compile('a')\narchive.extractfile(m)\n"))) == []
