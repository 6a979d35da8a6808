"""The prefix of every rule's shell command."""

import shlex


def prefix(basedir: str) -> str:
    """Return a strict bash prefix that puts the package of a checkout on the path, whether or not it is installed.

    Parameters
    ----------
    basedir
        Folder of the Snakefile; it may contain spaces, quotes and braces.
    """
    source = shlex.quote(f"{basedir}/src")
    # Snakemake formats the prefix, so braces are doubled.
    return f"set -euo pipefail; export PYTHONPATH={source}; ".replace("{", "{{").replace("}", "}}")
