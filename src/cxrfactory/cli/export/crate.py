"""Command that describes a run as an RO-Crate."""

from pathlib import Path
from typing import Annotated

import typer


def ro_crate(
    results: Annotated[Path, typer.Argument(help="Folder of a run's results, with at least one finished product.")],
) -> None:
    """Describe a run for archives: ro-crate-metadata.json in the folder of its results (RO-Crate 1.1)."""
    from cxrfactory.export.ro_crate import export_ro_crate

    export_ro_crate(results)
