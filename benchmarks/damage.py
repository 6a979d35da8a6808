"""Share of random damage to a shard that is detected, for several kinds of damage, by reading and by a full check.

Run from the repository's root::

    PYTHONPATH=src python benchmarks/damage.py

A shard of pictures as written by the preprocess stage is damaged in one way at a random place. It is then read as the
stages read it (all columns, piece by piece), and checked completely. Damage is unnoticed if other rows are returned
without an error. It is harmless if no reader's result depends on the changed bytes (a statistic, the flag of the
checksums). For comparison, the same rows are also written by pyarrow with its defaults.
"""

import argparse
import random
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cxrfactory.errors import CxrError
from cxrfactory.tables.parquet import check_whole, read_batches, table_writer
from cxrfactory.tables.schemas import IMAGES

Damage = Callable[[bytearray, random.Random], bytes]


def flipped(data: bytearray, rng: random.Random) -> bytes:
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(data)


def flipped_in_the_footer(data: bytearray, rng: random.Random) -> bytes:
    length = int.from_bytes(data[-8:-4], "little") + 8
    data[len(data) - 1 - rng.randrange(length)] ^= 1 << rng.randrange(8)
    return bytes(data)


def cut(data: bytearray, rng: random.Random) -> bytes:
    return bytes(data[: rng.randrange(len(data))])


def zeroed(data: bytearray, rng: random.Random) -> bytes:
    start = rng.randrange(len(data))
    stop = min(start + 4096, len(data))
    data[start:stop] = bytes(stop - start)
    return bytes(data)


def stale(data: bytearray, rng: random.Random) -> bytes:
    """Replace a block of the file by another block of it."""
    size = min(4096, len(data) // 4)
    source, target = (rng.randrange(len(data) - size) for _ in range(2))
    data[target : target + size] = data[source : source + size]
    return bytes(data)


KINDS: dict[str, Damage] = {
    "one bit": flipped,
    "one bit of the footer": flipped_in_the_footer,
    "cut off": cut,
    "4 kB of zeros": zeroed,
    "4 kB of another place": stale,
}


def outcome(read: Callable[[], pa.Table | None], table: pa.Table) -> str:
    try:
        found = read()
    except (CxrError, pa.ArrowException, OSError, UnicodeDecodeError):
        return "noticed"
    return "harmless" if found is None or found.equals(table) else "unnoticed"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=1000, help="damages of each kind")
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--png-bytes", type=int, default=500)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    columns = {
        "image_id": [f"{number:08d}.png" for number in range(options.rows)],
        "png": [rng.bytes(options.png_bytes) for _ in range(options.rows)],
    } | {field.name: rng.integers(0, 4000, options.rows) for field in list(IMAGES)[2:]}
    table = pa.table(columns, schema=IMAGES)
    with tempfile.TemporaryDirectory() as folder:
        own, plain, broken = (Path(folder) / f"{name}.parquet" for name in ("own", "plain", "broken"))
        with table_writer(own, IMAGES) as writer:
            writer.write_table(table, row_group_size=64)
        pq.write_table(table, plain, row_group_size=64)
        readers = {
            "read": (own, lambda: pa.Table.from_batches(read_batches(broken, IMAGES.names, 64, IMAGES), IMAGES)),
            "check": (own, lambda: check_whole(broken) and None),
            "pyarrow's defaults": (plain, lambda: pq.ParquetFile(broken).read()),
        }
        print(f"{options.trials} damages of each kind to a shard of {own.stat().st_size} bytes")
        for kind, damage in KINDS.items():
            for name, (path, read) in readers.items():
                chance, data, counts = random.Random(kind), path.read_bytes(), Counter()
                for _ in range(options.trials):
                    broken.write_bytes(damage(bytearray(data), chance))
                    counts[outcome(read, table)] += 1
                print(f"{kind}, {name}: " + ", ".join(f"{counts[each]} {each}" for each in
                                                     ("noticed", "harmless", "unnoticed")))  # fmt: skip


if __name__ == "__main__":
    main()
