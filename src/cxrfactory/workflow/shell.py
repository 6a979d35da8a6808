"""What every rule's shell command begins with."""

import shlex


def prefix(basedir: str) -> str:
    """Return a strict bash that finds the package of a checkout, whether or not it is installed.

    Parameters
    ----------
    basedir
        Folder of the Snakefile; spaces, quotes and braces in it are taken as they are.
    """
    source = shlex.quote(f"{basedir}/src")
    # Snakemake formats the prefix, so that braces are written twice.
    return f"set -euo pipefail; export PYTHONPATH={source}; ".replace("{", "{{").replace("}", "}}")
