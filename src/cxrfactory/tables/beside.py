"""Names of the files that ``segment`` and ``mask-to-landmarks`` write beside their table ``NAME.csv``."""

from pathlib import Path

REJECTED, DEVIATIONS, QUALITY, FILMS = ".rejected.csv", ".std.csv", ".quality.csv", ".films.csv"


def table_name(table: Path) -> str:
    """Return the name of a table without its endings: ``NAME`` of ``NAME.csv`` and of ``NAME.csv.gz``."""
    return table.name.removesuffix(".gz").removesuffix(".csv")


def beside(table: Path, ending: str) -> Path:
    """Return where a file beside a table is, such as ``NAME.rejected.csv`` of ``NAME.csv`` and of ``NAME.csv.gz``."""
    return table.with_name(table_name(table) + ending)
