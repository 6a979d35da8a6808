"""Matplotlib figures as PNG files: no display, the same bytes for the same figure."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxrfactory.tables.atomic import atomic_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def pyplot() -> Any:
    """Matplotlib without a display, imported when first needed."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    return plt


def save_figure(figure: "Figure", path: str | Path, dpi: int = 110) -> None:
    """Write a figure as PNG, atomically and without the version of the library, and close it."""
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=dpi, metadata={"Software": None})
    pyplot().close(figure)
