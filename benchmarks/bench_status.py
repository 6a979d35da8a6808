"""Time of the status of a product of 700 shards, and the cost of checksums and of flushing.

Run from the repository's root::

    PYTHONPATH=src python benchmarks/bench_status.py

Status: the files of a half-finished chexmask of one release are made, with shards of as many row groups and columns as
real ones, and ``python -m cxrfactory status`` is called as by a user. Checksums: a shard of pictures is written and
read
with and without checksums; its bytes come from a random generator, because PNG bytes look random. Flushing: files are
written with and without fsync into the given folder, because the cost depends on the disk.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from cxrfactory.config import read_config
from cxrfactory.status.jobs import stages_of
from cxrfactory.tables.atomic import write_bytes
from cxrfactory.tables.parquet import check_whole, read_batches, table_writer, write_arrow
from cxrfactory.tables.schemas import IMAGES, LANDMARKS, RCA, REJECTED

SCHEMAS = {"preprocess": IMAGES, "infer": LANDMARKS, "rca": RCA}


def best(work: Callable[[], object], times: int = 5) -> float:
    """Return the shortest of several wall times, s."""
    spent = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        spent.append(time.perf_counter() - start)
    return min(spent)


def rows(schema: pa.Schema, count: int, png_bytes: int = 40) -> pa.Table:
    """Return a table of a schema with plausible values."""
    rng = np.random.default_rng(0)
    columns = []
    for field in schema:
        if field.name == "image_id":
            values: list = [f"{number:08d}.png" for number in range(count)]
        elif pa.types.is_binary(field.type):
            values = [rng.bytes(png_bytes) for _ in range(count)]
        elif pa.types.is_list(field.type):
            values = [[1.0, 2.0]] * count
        elif pa.types.is_string(field.type):
            values = ["x"] * count
        else:
            values = [0] * count
        columns.append(pa.array(values).cast(field.type))
    return pa.Table.from_arrays(columns, schema=schema)


def make_run(folder: Path, shards: int, groups: int) -> None:
    """Write the files of a release whose last stage is half done."""
    config = {"datasets": {"padchest": {"root": "release", "shards": shards}}, "scans": {}}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    os.chdir(folder)
    for stage in stages_of(read_config("config.yaml"), "chexmask"):
        if stage.rule not in SCHEMAS:
            continue
        table, lost = rows(SCHEMAS[stage.rule], 4 * groups), rows(REJECTED, 3)
        write_arrow(lost, "lost.parquet")
        with table_writer("shard.parquet", table.schema) as writer:
            writer.write_table(table, row_group_size=4)
        for number, job in enumerate(stage.jobs):
            if stage.rule == "rca" and number >= shards // 2:
                break
            for source, path in zip(("shard.parquet", "lost.parquet"), job.outputs, strict=True):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(Path(source).read_bytes())
            for path, text in ((job.log, "wrote\n"), (job.benchmark, "s\th:m:s\n60.5\t0:01:00\n")):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)


def time_status(shards: int, groups: int, show: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        make_run(Path(folder), shards, groups)
        command = [sys.executable, "-m", "cxrfactory", "status"]
        if show:
            subprocess.run(command, check=True)
        files = sum(1 for _ in Path("results").rglob("*.parquet"))
        spent = best(lambda: subprocess.run(command, check=True, capture_output=True), 3)
        print(f"status: {shards} shards a stage, {files} Parquet files of {groups} row groups: {spent:.2f} s")
        os.chdir("/")


def time_checksums(pictures: int, png_bytes: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        table = rows(IMAGES, pictures, png_bytes)
        plain, checked = Path(folder) / "plain.parquet", Path(folder) / "checked.parquet"
        compression = {field.name: "NONE" if field.name == "png" else "ZSTD" for field in IMAGES}

        def write_plain() -> None:
            pq.write_table(table, plain, row_group_size=64, compression=compression, use_dictionary=False)

        def write_checked() -> None:
            with table_writer(checked, IMAGES) as writer:
                writer.write_table(table, row_group_size=64)

        def read_plain() -> None:
            with pq.ParquetFile(plain) as file:
                for _ in file.iter_batches(batch_size=64):
                    pass

        def read_checked() -> None:
            for _ in read_batches(checked, IMAGES.names, 64):
                pass

        size = table.nbytes / 1e6
        for name, without, having in (("write", write_plain, write_checked), ("read", read_plain, read_checked)):
            before, after = best(without), best(having)
            print(f"{name} {pictures} pictures, {size:.0f} MB: {before:.3f} s without checksums, {after:.3f} s with "
                  f"(writing: and fsync): {(after - before) / pictures * 1e3:.3f} ms a picture")  # fmt: skip
        whole = best(lambda: check_whole(checked))
        print(f"check of every byte: {whole:.3f} s, {size / whole:.0f} MB/s")


def time_flushing(folder: Path, count: int) -> None:
    for size in (4_000, 400_000):
        with tempfile.TemporaryDirectory(dir=folder) as place:
            for durable in (False, True):

                def write(durable: bool = durable, size: int = size, place: str = place) -> None:
                    for number in range(count):
                        write_bytes(f"{place}/{number}", bytes(size), durable)

                print(f"file of {size / 1000:.0f} kB, {'fsync' if durable else 'no fsync'}: "
                      f"{best(write, 3) / count * 1e3:.2f} ms")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shards", type=int, default=700)
    parser.add_argument("--groups", type=int, default=16, help="row groups a file: 64 pictures each in real ones")
    parser.add_argument("--pictures", type=int, default=1000)
    parser.add_argument("--png-bytes", type=int, default=300_000)
    parser.add_argument("--disk", type=Path, default=Path(tempfile.gettempdir()), help="folder to try fsync in")
    parser.add_argument("--show", action="store_true", help="print the status once")
    options = parser.parse_args()
    time_status(options.shards, options.groups, options.show)
    time_checksums(options.pictures, options.png_bytes)
    time_flushing(options.disk, 100)


if __name__ == "__main__":
    main()
