"""The last screen of a run that succeeded: accounts and quality of each product, where to look, the next command."""

import atexit
import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cxrfactory.logs import get_logger

CARD = "README.md"
_PICTURES = "*.png"
_PICTURES_SHOWN = 3


def closing_lines(folder: str | Path) -> list[str]:
    """Return the lines about a finished product.

    Parameters
    ----------
    folder
        Folder of the product.

    Raises
    ------
    CxrError
        If the folder is no finished product.

    Examples
    --------
    >>> from cxrfactory.workflow.closing import closing_lines
    >>> print(closing_lines(results)[1].strip())
    demo         7 rows = 3 kept + 2 excluded + 2 rejected
    """
    from cxrfactory.door.product import open_product

    folder = Path(folder)
    product = open_product(folder)
    rows = [(release, f"{each.rows:,} rows = {each.kept:,} kept + {each.excluded:,} excluded + "
             f"{each.rejected:,} rejected") for release, each in product.accounts.items()]  # fmt: skip
    rows += product.quality().items()
    pictures = sorted(folder.glob(_PICTURES))[:_PICTURES_SHOWN]
    look = [folder / CARD, *pictures] if (folder / CARD).is_file() else pictures
    if look:
        rows.append(("look at", "  ".join(map(str, look))))
    rows.append(("next", f"python -m cxrfactory browse {shlex.quote(str(folder))}"))
    width = max(len(name) for name, _ in rows)
    return [str(folder), *(f"  {name.ljust(width)}  {text}" for name, text in rows)]


def made_products(workflow: Any, folders: Mapping[str, str]) -> list[str]:
    """Return the products that belong to a run, finished before or in it.

    Parameters
    ----------
    workflow
        Snakemake's workflow.
    folders
        Folder of each product.
    """
    outputs = {str(path).rstrip("/") for job in workflow.dag.jobs for path in job.output}
    return [folder for folder in folders.values() if folder.rstrip("/") in outputs and Path(folder).is_dir()]


def say_products(workflow: Any, folders: Mapping[str, str], at_exit: Callable[..., Any] = atexit.register) -> None:
    """Print the lines about each product at the exit of the interpreter, because Snakemake prints more after its hook.

    With ``--quiet`` nothing is printed. A fault of this display is one warning, because the run has succeeded.
    """
    if getattr(workflow.output_settings, "quiet", None):
        return
    try:
        lines = [line for folder in made_products(workflow, folders) for line in ["", *closing_lines(folder)]]
    except Exception as error:  # no error of the display may spoil a run that succeeded
        get_logger(__name__).warning("the last screen is not shown: %s: %s", type(error).__name__, error)
        return
    if lines:
        at_exit(print, *lines, sep="\n", file=sys.stderr, flush=True)
