"""Time the measurement of many rows: a product with the rows of a real one, repeated under new ids.

    python benchmarks/measure_rows.py results/chexmask --rows 100000 --workers 2

Prints the wall time and the processor time of all processes, each for all rows and for one, and the size of the files.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from cxrfactory.config import MeasureConfig
from cxrfactory.door.measured import measure_files
from cxrfactory.tables.parquet import open_parquet, parquet_writer

ROWS_PER_GROUP = 256


def main() -> None:
    """Make the product, measure it, print the times."""
    asked = arguments()
    with tempfile.TemporaryDirectory(dir=asked.folder) as name:
        folder = Path(name) / "results/chexmask"
        source = max((asked.product / "Parquet").glob("*.parquet"), key=lambda path: path.stat().st_size)
        size = repeated(source, folder / "Parquet/repeated.parquet", asked.rows)
        print(f"{asked.rows} rows of {source} repeated, {size / 1e6:.0f} MB")
        before, start = cpu_s(), time.monotonic()
        accounts = measure_files([folder], Path(name) / "measure", MeasureConfig(), workers=asked.workers)
        wall, cpu = time.monotonic() - start, cpu_s() - before
        print(accounts)
        print(f"wall {wall:.0f} s, {1000 * wall / asked.rows:.2f} ms a row, {asked.workers} workers")
        print(f"processor {cpu:.0f} s, {1000 * cpu / asked.rows:.2f} ms a row, over all processes")
        for path in sorted((Path(name) / "measure").iterdir()):
            print(f"{path.stat().st_size / 1e6:10.2f} MB {path.name}")


def arguments() -> argparse.Namespace:
    """Return the arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("product", type=Path, help="a product results/chexmask, of which the largest release is taken")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="folder for the files, which are deleted at the end")
    return parser.parse_args()


def repeated(source: Path, target: Path, rows: int) -> int:
    """Write rows of a table again and again under new ids; return the size of the file."""
    target.parent.mkdir(parents=True)
    with open_parquet(source) as file:
        table = file.read()
    with parquet_writer(target, table.schema) as writer:
        for start in range(0, rows, len(table)):
            part = table.slice(0, min(len(table), rows - start))
            numbers = pa.array([f"{start + place:08d}-" for place in range(len(part))])
            ids = pc.binary_join_element_wise(numbers, part["image_id"], "")
            place = part.schema.get_field_index("image_id")
            writer.write_table(part.set_column(place, part.schema.field(place), ids), row_group_size=ROWS_PER_GROUP)
    return target.stat().st_size


def cpu_s() -> float:
    """Return the processor time of this process and of its finished children, seconds."""
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


if __name__ == "__main__":
    main()
