"""A config in which a key occurs twice, at any depth and in any spelling; paths with ``~``, braces and other signs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cxrfactory.config import read_config
from cxrfactory.errors import CxrError
from cxrfactory.tables.key_values import parse_config_text
from cxrfactory.workflow.plan import Plan
from tests.reported import Case

KIND = "a config with a key twice, and signs in its paths"
SOURCE = "snakemake#2323"
ROOT = Path(__file__).parents[2]

RELEASE = "  mimic-cxr-jpg: {root: first, shards: 1}\n"
END = "infer: {weights: pretrained}\n"
# Text, key, and the two lines of the message.
TWICE = {
    "a release": (f"datasets:\n{RELEASE}{RELEASE}{END}", "datasets.mimic-cxr-jpg", 2, 3),
    "a section": (f"datasets:\n{RELEASE}{END}datasets:\n{RELEASE}", "datasets", 1, 4),
    "a key of a flow mapping": ("datasets: {a: {root: x,\n  root: y}}\n", "datasets.a.root", 1, 2),
    "both in one line": ("rca: {k: 1, k: 2}\n", "rca.k", 1, 1),
    "a key in quotes": ("rca:\n  k: 1\n  'k': 2\n", "rca.k", 2, 3),
    "another kind of quotes": ("rca:\n  \"k\": 1\n  'k': 2\n", "rca.k", 2, 3),
    "escaped signs": ('rca:\n  k: 1\n  "\\x6b": 2\n', "rca.k", 2, 3),
    "yes and true": ("yes: 1\ntrue: 2\n", "true", 1, 2),
    "two forms of a number": ("datasets:\n  16: 1\n  0x10: 2\n", "datasets.0x10", 2, 3),
    "a number and its text": ("datasets:\n  1: a\n  '1': b\n", "datasets.1", 2, 3),
    "null and its sign": ("~: 1\nnull: 2\n", "null", 1, 2),
    "an explicit key": ("a: 1\n? a\n: 2\n", "a", 1, 2),
    "two merges": ("x: &x {a: 1}\ny:\n  <<: *x\n  <<: *x\n", "y.<<", 3, 4),
    "inside a list": ("a:\n- b: 1\n- c: 1\n  c: 2\n", "a.c", 3, 4),
    "inside an anchor": ("x: &x {a: 1,\n a: 2}\ny: *x\n", "x.a", 1, 2),
    "JSON": ('{"datasets": {"a": {"root": "x"},\n"a": {"root": "y"}}}', "datasets.a", 1, 2),
    "JSON with brackets in texts": ('{"a": ["}", {"b": "[",\n"b": 2}]}', "a.b", 1, 2),
    "JSON with escapes": ('{"a": 1,\n"\\u0061": 2}', "a", 1, 2),
    "tabs of JSON": ('{\n\t"a": 1,\n\t"a": 2\n}', "a", 2, 3),
    "windows line ends": ("a: 1\r\nb: 2\r\na: 3\r\n", "a", 1, 3),
    "a byte order mark": ("\ufeffa: 1\na: 2\n", "a", 1, 2),
}
ONCE = {
    "a key over a merged one": ("x: &x {a: 1}\ny:\n  <<: *x\n  a: 2\n", {"x": {"a": 1}, "y": {"a": 2}}),
    "one mapping, named twice": ("x: &x {a: 1}\ny: *x\nz: *x\n", {name: {"a": 1} for name in "xyz"}),
    "the same key in two mappings": ("x: {a: 1}\ny: {a: 1}\n", {"x": {"a": 1}, "y": {"a": 1}}),
    "names that differ in case": ("a: 1\nA: 2\n", {"a": 1, "A": 2}),
    "JSON objects in a list": ('[{"a": 1}, {"a": 2}]', [{"a": 1}, {"a": 2}]),
    "an empty file": ("", None),
}


def refused_twice(text, key, first, second):
    def run(folder):
        path = folder / "c.yaml"
        path.write_bytes(text.encode())
        for read in (read_config, lambda file: Plan.of({}, [file])):
            with pytest.raises(CxrError) as error:
                read(path)
            line = str(error.value)
            assert f"key '{key}' occurs twice, in line {first} " in f"{line} ".replace("(as", " (as"), line
            assert f"and in line {second};" in line
            assert "\n" not in line
            assert str(path) in line

    return run


def read_once(text, values):
    def run(_):
        assert parse_config_text(text, "c.yaml") == values

    return run


def plan(text):
    return Plan.of({"datasets": {"vindr-cxr": {"root": text}}, "infer": {"weights": "pretrained"}})


def expanded(folder):
    values = {
        "results": "~/r",
        "datasets": {"a": {"layout": "vindr-cxr", "root": "~/x/", "labels": "~/l.csv",
                           "reports": {"source": "~/s", "layout": "table"}}},
        "scans": {"s": {"root": "~"}},
        "labelled": {"root": "~/lab", "images": {"J": "~/im"}, "train_list": "~/t.txt"},
        "infer": {"weights": "~/w.safetensors"},
        "cxlseg": {"weights": "~/w.safetensors"},
    }  # fmt: skip
    config = Plan.of(values).config
    home, dataset = os.path.expanduser("~"), config.datasets["a"]
    assert (config.results, dataset.root, dataset.labels) == (f"{home}/r", f"{home}/x/", f"{home}/l.csv")
    assert (dataset.reports.source, config.scans["s"].root) == (f"{home}/s", home)
    assert (config.labelled.root, config.labelled.images) == (f"{home}/lab", {"J": f"{home}/im"})
    assert (config.labelled.train_list, config.infer.weights) == (f"{home}/t.txt", f"{home}/w.safetensors")


def kept(text):
    def run(_):
        assert plan(text).config.datasets["vindr-cxr"].root == text

    return run


def refused_path(text, word):
    def run(_):
        with pytest.raises(CxrError, match=r"datasets\.vindr-cxr\.root") as error:
            plan(text)
        assert word in str(error.value)
        assert "\n" not in str(error.value)

    return run


def refused_in_arguments(folder):
    arguments = ["snakemake", "-n", "--config", "results=x", "datasets={a: {root: x}, a: {root: y}}"]
    with pytest.raises(CxrError, match="--config datasets: key 'a' occurs twice"):
        Plan.of({}, [], arguments)
    with pytest.raises(CxrError, match="--config datasets: key 'a' occurs twice"):
        Plan.of({}, [], ["--config=datasets={a: 1, a: 2}"])
    Plan.of({}, [], ["--config", "a=1", "a=2", "b={a: {root: x}}", "--set-resources", "x={a: 1, a: 2"])


def renamed_copies(folder):
    """An entry that was copied and renamed, and whose root was forgotten; another table makes it another release."""
    entry = "layout: folder, view: all-frontal"
    text = f"datasets:\n  a: {{root: /x, {entry}}}\n  b: {{root: /x/, shards: 2, {entry}TABLE}}\n"
    text += "infer: {weights: pretrained}\n"
    (folder / "c.yaml").write_text(text.replace("TABLE", ""))
    with pytest.raises(CxrError, match="datasets: 'a' and 'b' have the same root '/x/' and settings"):
        read_config(folder / "c.yaml")
    (folder / "c.yaml").write_text(text.replace("TABLE", ", table: t.csv"))
    assert list(read_config(folder / "c.yaml").datasets) == ["a", "b"]


CASES = [
    Case("twice: renamed", "refused", renamed_copies),
    Case("twice: --config", "refused", refused_in_arguments),
    *(Case(f"twice: {name}", "refused", refused_twice(*rest)) for name, rest in TWICE.items()),
    *(Case(f"once: {name}", "right", read_once(*rest)) for name, rest in ONCE.items()),
    Case("home folder in every path", "right", expanded),
    *(
        Case(f"path {text!r}", "right", kept(text))
        for text in ("$HOME/x", "a~b", "./~x", "with space/x", "ünï/x", "x/", "a'b", 'a"b', "a&b;c", "#x", "a:b")
    ),
    *(
        Case(f"path {text!r}", "refused", refused_path(text, word))
        for text, word in (
            ("{}", "braces"), ("a{x}b", "braces"), ("{{a}}", "braces"), ("}", "braces"), ("<results>/x", "angle"),
            ("~no-such-user-here/x", "home folder"), ("a\nb", "one line"),
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case(case, tmp_path):
    case.run(tmp_path)


def dry_run(folder, *arguments):
    command = [sys.executable, "-m", "snakemake", "-n", "--cores", "1", "--snakefile", str(ROOT / "Snakefile")]
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        [*command, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("how", ["--configfile", "configfile of the workflow"])
def test_the_workflow_refuses_a_release_that_stands_twice(tmp_path, how):
    name = "c.yaml" if how == "--configfile" else "config.yaml"
    (tmp_path / name).write_text(f"datasets:\n{RELEASE}{RELEASE}{END}")
    code, said = dry_run(tmp_path, *(["--configfile", name] if how == "--configfile" else []))
    assert code
    assert "key 'datasets.mimic-cxr-jpg' occurs twice, in line 2 and in line 3" in said


@pytest.mark.slow
def test_the_workflow_finds_a_release_in_the_home_folder(tmp_path, monkeypatch):
    home = tmp_path / "home"
    (home / "mimic").mkdir(parents=True)
    (home / "mimic/mimic-cxr-2.0.0-metadata.csv").write_text("dicom_id\n")
    monkeypatch.setenv("HOME", str(home))
    (tmp_path / "c.yaml").write_text(f"datasets:\n  mimic-cxr-jpg: {{root: ~/mimic, shards: 1}}\n{END}")
    code, said = dry_run(tmp_path, "--configfile", "c.yaml")
    assert code == 0, said[-2000:]
