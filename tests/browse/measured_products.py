"""Two tiny products with their measurements beside them, for the tests of the browser."""

from pathlib import Path

import pyarrow.parquet as pq

from cxrfactory.config.measure import MeasureConfig
from cxrfactory.door.measured import measure_files
from tests.browse import page_products


def measured(folder: Path) -> tuple[Path, Path]:
    """Write masks of frontal films, projections in two views, and the measurements of both.

    Returns
    -------
    The folder of the results, and that of the films' radiographs.
    """
    product, images = page_products.chexmask(folder)
    results = product.parent
    page_products.radgenome(folder / "projected").rename(results / "radgenome")
    measure_files([product, results / "radgenome"], results / "measure", MeasureConfig(samples=4))
    return results, images


def rows(folder: Path, name: str = "measurements") -> list[dict]:
    """Return the rows of one of the tables."""
    return pq.read_table(folder / f"{name}.parquet").to_pylist()
