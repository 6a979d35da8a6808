import subprocess
import sys

import pytest

from cxrfactory.cli import COMMANDS, build_app

HEAVY = ("torch", "monai", "torch_geometric", "SimpleITK", "matplotlib", "pandas", "cv2", "numba")


def run(*arguments):
    return subprocess.run([sys.executable, "-m", "cxrfactory", *arguments], capture_output=True, text=True, check=False)


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from cxrfactory.cli import build_app; build_app();"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_every_command_has_help():
    names = {command.name for command in build_app().registered_commands}
    assert names == set(COMMANDS)
    for command in build_app().registered_commands:
        assert (command.callback.__doc__ or "").strip()


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


def test_default_config_is_printed():
    assert run("config").stdout.startswith("# The embedded default")
