"""Stands in for ``conda`` in tests: answers what Snakemake asks, and makes environments that solve nothing.

An environment's ``python`` is this interpreter. It writes down, in ``calls.txt`` of its environment, what it was called
with, so that a test sees which rule ran in which environment.
"""

import itertools
import json
import sys
from pathlib import Path

ACTIVATE = """\
export CONDA_PREFIX="$1"
export PATH="$1/bin:$PATH"
"""
PYTHON = """\
#!/bin/bash
printf '%s\\n' "$*" >> '{prefix}/calls.txt'
exec '{interpreter}' "$@"
"""


def install(folder: Path) -> Path:
    """Make a ``bin`` with ``conda`` and ``activate`` in a folder, and return it."""
    programs = folder / "bin"
    programs.mkdir(parents=True)
    _program(programs / "conda", f"#!/bin/sh\nexec '{sys.executable}' '{__file__}' '{folder}' \"$@\"\n")
    (programs / "activate").write_text(ACTIVATE)
    return programs


def create(file: Path, prefix: Path) -> None:
    """Make an environment out of its file, which stays beside it as ``environment.yaml``."""
    (prefix / "bin").mkdir(parents=True)
    (prefix / "conda-meta").mkdir()
    (prefix / "conda-meta/history").touch()
    (prefix / "environment.yaml").write_bytes(file.read_bytes())
    _program(prefix / "bin/python", PYTHON.format(prefix=prefix, interpreter=sys.executable))


def main(folder: str, *words: str) -> None:
    """Answer one call."""
    if words == ("info", "--json"):
        print(json.dumps({"conda_prefix": folder, "platform": "linux-64", "conda_version": "25.1.0"}))
    elif words == ("--version",):
        print("conda 25.1.0")
    elif words == ("config", "--get", "channel_priority", "--json"):
        print(json.dumps({"get": {"channel_priority": "strict"}}))
    elif words[:2] == ("env", "create"):
        options = dict(itertools.pairwise(words))
        create(Path(options["--file"]), Path(options["--prefix"]))
    elif words[:1] != ("clean",):
        sys.exit(f"fake conda: not expected: {' '.join(words)}")


def _program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


if __name__ == "__main__":
    main(*sys.argv[1:])
