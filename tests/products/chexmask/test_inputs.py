import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.imaging.geometry import Geometry
from cxrfactory.products.chexmask.inputs import merged_landmarks
from cxrfactory.tables.parquet import write_table
from cxrfactory.tables.schemas import LANDMARKS

NODES = 120


def shard(path, ids, rows_per_group=None):
    rng = np.random.default_rng(len(ids))
    rows = [
        {
            "image_id": image_id,
            **{name: rng.random(2 * NODES, dtype=np.float32) for name in LANDMARKS.names if name.startswith("landm")},
            "latent": np.zeros(4, np.float32),
            **Geometry.whole(8, 6, 16).as_row(),
        }
        for image_id in ids
    ]
    frame = pd.DataFrame(rows, columns=LANDMARKS.names)
    write_table(frame, path, LANDMARKS, rows_per_group=rows_per_group)
    return path


def test_shards_are_merged_by_id_whatever_their_groups(tmp_path):
    ids = [f"{number:03d}" for number in range(50)]
    one = [shard(tmp_path / "a.parquet", ids)]
    many = [shard(tmp_path / f"b{part}.parquet", ids[part::7], rows_per_group=2) for part in range(7)]
    assert [row.image_id for row in merged_landmarks(one, NODES)] == ids
    assert [row.image_id for row in merged_landmarks(many[::-1], NODES)] == ids


def test_one_row_group_of_each_shard_is_held(tmp_path):
    pool = pa.default_memory_pool()

    def most(name, rows_per_group):
        ids = [f"{image:05d}" for image in range(6 * 400)]
        paths = [shard(tmp_path / f"{name}-{part}.parquet", ids[part::6], rows_per_group) for part in range(6)]
        before, peak = pool.bytes_allocated(), 0
        for _ in merged_landmarks(paths, NODES):
            peak = max(peak, pool.bytes_allocated() - before)
        return peak

    assert most("groups", 16) < most("whole", None) / 4


def test_an_id_in_two_shards(tmp_path):
    paths = [shard(tmp_path / f"{name}.parquet", ["x", name]) for name in ("y", "z")]
    with pytest.raises(CxrError, match="image 'x' appears twice"):
        list(merged_landmarks(paths, NODES))


def test_more_shards_than_a_process_may_usually_open(tmp_path):
    ids = [f"{number:03d}" for number in range(90)]
    for number, image_id in enumerate(ids):
        shard(tmp_path / f"{number:03d}.parquet", [image_id])
    program = (
        "import resource, sys; from pathlib import Path\n"
        "from cxrfactory.products.chexmask.inputs import merged_landmarks\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (64, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))\n"
        f"print(*[row.image_id for row in merged_landmarks(sorted(Path(sys.argv[1]).glob('*.parquet')), {NODES})])\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ids
