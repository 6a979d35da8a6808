"""The prefix of every rule's shell command."""

import shlex


def prefix(checkout: str | None) -> str:
    """Return a strict bash prefix that puts the package of a checkout on the path, whether or not it is installed.

    Parameters
    ----------
    checkout
        Folder of the Snakefile; it may contain spaces, quotes and braces. None if the rules use the installed package.
    """
    path = "" if checkout is None else f"export PYTHONPATH={shlex.quote(f'{checkout}/src')}; "
    # Snakemake formats the prefix, so braces are doubled.
    return f"set -euo pipefail; {path}".replace("{", "{{").replace("}", "}}")
