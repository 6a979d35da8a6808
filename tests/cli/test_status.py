import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from cxrfactory.cli import main
from cxrfactory.tables.parquet import write_table
from cxrfactory.tables.schemas import REJECTED

SHARD = "results/preprocess/padchest/0001-of-0002.rejected.parquet"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = {"datasets": {"padchest": {"root": "x", "shards": 2}}, "infer": {"weights": "pretrained"}}
    Path("my config.yaml").write_text(yaml.safe_dump(config))
    write_table(pd.DataFrame(columns=REJECTED.names), SHARD, REJECTED)
    return tmp_path


def call(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["cxrfactory", "status", *arguments, "--configfile", "my config.yaml"])
    try:
        main()
        code = 0
    except SystemExit as stop:
        code = stop.code or 0
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_status_by_name_and_by_folder(folder, monkeypatch, capsys):
    code, out, _ = call(monkeypatch, capsys, "chexmask")
    assert code == 0
    assert out.startswith("chexmask: 0 of 12 jobs done; 12 waiting")
    assert call(monkeypatch, capsys, "results/chexmask/")[1] == out
    code, _, err = call(monkeypatch, capsys, "nothing")
    assert (code, err.count("\n")) == (1, 1)


def test_damage_is_listed_with_the_commands_that_mend_it(folder, monkeypatch, capsys):
    assert call(monkeypatch, capsys, "--check")[:2] == (0, "chexmask: 1 files and folders read, 0 damaged\n")
    Path(SHARD).write_bytes(b"")
    code, out, err = call(monkeypatch, capsys, "--check")
    assert code == 1
    assert err == "error: chexmask: 1 outputs are damaged; run the commands above\n"
    lines = out.splitlines()
    assert lines[1].startswith(f"damaged: {SHARD}: not a readable Parquet file")
    assert lines[2:] == [
        f"rm -r -- {SHARD}",
        f"snakemake --cores all {SHARD} results/chexmask --configfile 'my config.yaml'",
    ]
    assert Path(SHARD).exists()


def test_damage_is_deleted_on_request_but_not_beside_a_run(folder, monkeypatch, capsys):
    Path(SHARD).write_bytes(b"")
    assert "goes with --check" in call(monkeypatch, capsys, "--delete-damaged")[2]
    lock = folder / ".snakemake/locks/0.input.lock"
    lock.parent.mkdir(parents=True)
    lock.touch()
    assert "Snakemake holds its lock here" in call(monkeypatch, capsys, "--check", "--delete-damaged")[2]
    assert Path(SHARD).exists()
    lock.unlink()
    code, out, _ = call(monkeypatch, capsys, "--check", "--delete-damaged")
    assert code == 0
    assert f"deleted: {SHARD}" in out
    assert not Path(SHARD).exists()


def test_neither_snakemake_nor_torch_is_imported(folder):
    code = (
        "import sys; from cxrfactory.cli import main\n"
        "try: main()\nfinally: print(sorted({'torch', 'snakemake', 'SimpleITK', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, "status", "--configfile", "my config.yaml"],
                          capture_output=True, text=True, check=True)  # fmt: skip
    assert done.stdout.splitlines()[-1] == "[]"


def test_watch_ends_where_nothing_runs_and_does_not_go_with_check(folder, monkeypatch, capsys):
    code, out, _ = call(monkeypatch, capsys, "--watch")
    assert (code, out) == (0, call(monkeypatch, capsys)[1])
    code, _, err = call(monkeypatch, capsys, "--watch", "--check")
    assert (code, err) == (1, "error: --watch and --check do not go together; give one of them\n")
