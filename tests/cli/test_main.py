import subprocess
import sys

import pytest

from cxrfactory.cli.application import StageGroup
from cxrfactory.cli.commands import GROUPS, PEOPLE, product_commands
from cxrfactory.cli.renamed import RENAMED

HEAVY = ("torch", "monai", "torch_geometric", "SimpleITK", "matplotlib", "pandas", "cv2", "numba")


def run(*arguments):
    return subprocess.run([sys.executable, "-m", "cxrfactory", *arguments], capture_output=True, text=True, check=False)


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from cxrfactory.cli.application import build_app; from cxrfactory.cli.commands import *;"
        "tables = [*PEOPLE.values(), *(rows for _, rows in GROUPS.values()), product_commands()];"
        "build_app(); [command.load() for rows in tables for command in rows.values()];"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def commands():
    people = {name: command for rows in PEOPLE.values() for name, command in rows.items()}
    groups = {f"{group} {name}": command for group, (_, rows) in GROUPS.items() for name, command in rows.items()}
    return {**people, **groups, **{f"stage {name}": command for name, command in product_commands().items()}}


@pytest.mark.parametrize("name", commands())
def test_the_table_says_the_first_sentence_of_the_command(name):
    command = commands()[name]
    assert command.sentence == (command.load().__doc__ or "").strip().splitlines()[0]
    assert command.sentence.endswith(".")


def test_help_lists_what_a_person_types_first_and_cuts_nothing_off():
    shown = run("--help").stdout
    assert shown.index("segment") < shown.index("stage")
    assert "..." not in shown.replace("[ARGS]...", "")
    for name in (name for rows in PEOPLE.values() for name in rows):
        assert f"\n  {name} " in shown
    stages = run("stage", "--help").stdout
    for name in StageGroup.of("stage", "", GROUPS["stage"][1]).rows():
        assert f"\n  {name} " in stages


@pytest.mark.parametrize("old", RENAMED)
def test_old_names_work_with_a_warning_that_names_the_new_one(old):
    assert RENAMED[old] in commands()
    if old == "rca":
        done = run(old, "--help")
        assert done.returncode == 0
        assert " stage rca [OPTIONS]" in done.stdout
        assert done.stderr == "warning: the command 'rca' is now 'stage rca'; the old name ends with 0.2\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("segmnt",), "no command 'segmnt'; did you mean 'segment'"),
        (("preproces",), "no command 'preproces'; did you mean 'stage preprocess'"),
        (("stage", "ingest-scan"), "no command 'ingest-scan'; did you mean 'ingest-scans'"),
        (("stage", "close-cxseg"), "no command 'close-cxseg'; did you mean 'close-cxlseg'"),
        (("label", "qqq"), "no command 'qqq'; python -m cxrfactory label --help lists them"),
    ],
)
def test_an_unknown_command_is_one_line_with_the_nearest_names(words, said):
    found = run(*words)
    assert found.returncode == 1
    assert found.stderr.startswith(f"error: {said}")
    assert found.stderr.count("\n") == 1


def test_help_of_a_command_imports_the_sections_of_its_options_alone():
    code = (
        "import sys; sys.argv = ['cxrfactory', 'stage', 'cohort-scans', '--help'];"
        "from cxrfactory.cli.application import build_app; build_app()(standalone_mode=False);"
        "print([name for name in ('whole', 'training', 'cxlseg') if f'cxrfactory.config.{name}' in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.splitlines()[-1] == "[]"


def test_a_config_that_fits_names_its_scans_and_says_what_is_default(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("scans: {my-ct: {root: ct}}\n")
    said = run("config", "--check", str(path)).stdout
    assert said.endswith("vindr-cxr (the default; the file names none); scans: my-ct\n")
    path.write_text("datasets: {mine: {root: f, layout: folder, view: all-frontal}}\ninfer: {weights: pretrained}\n")
    said = run("config", "--check", str(path)).stdout
    assert said.endswith("fits; releases: mine; scans: virtual-ct (the default; the file names none)\n")


def test_a_users_error_is_one_line_and_status_1(tmp_path):
    found = run("config", "--check", str(tmp_path / "none.yaml"))
    assert found.returncode == 1
    assert found.stderr.startswith("error: ")
    assert found.stderr.count("\n") == 1


@pytest.mark.parametrize("option", [("--input-size", "100"), ("--schedule", "sometimes"), ("--igsc", "a")])
def test_options_are_checked_like_the_config(tmp_path, option):
    labelled, out = str(tmp_path / "l.parquet"), str(tmp_path / "w.safetensors")
    found = run("train", "--labelled", labelled, "--output", out, *option)
    assert found.returncode == 1
    assert f"error: {option[0]}: " in found.stderr
    assert option[1] in found.stderr


def test_version_is_shown():
    assert run("--version").stdout.startswith("cxrfactory ")


def test_default_config_is_printed():
    assert run("config").stdout.startswith("# The embedded default")
