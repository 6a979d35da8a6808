"""Matplotlib figures as PNG files; no display is needed, and the same figure gives the same bytes."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxrfactory.tables.atomic import atomic_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def pyplot() -> Any:
    """Return ``matplotlib.pyplot`` with the Agg backend; Matplotlib is imported on the first call."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    return plt


def save_figure(figure: "Figure", path: str | Path, dpi: int = 110) -> None:
    """Write a figure as PNG and close it; the file is written atomically and does not name Matplotlib's version."""
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=dpi, metadata={"Software": None})
    pyplot().close(figure)
