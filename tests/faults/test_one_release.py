"""All malformed radiographs and some good ones in one release, through ingest and preprocessing."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cxrfactory.ingest.manifest import read_manifest, write_manifest

from .checks import time_limit
from .corpus.case import KEPT
from .corpus.tables import NIH, NIH_HEADER, NIH_TABLE
from .families import FAMILIES
from .runners import preprocess

CASES = [case for case in FAMILIES["radiographs"][1] if not case.bomb]
GOOD = [f"good{n}.png" for n in range(5)]
SHARDS = 2
pytestmark = pytest.mark.filterwarnings("ignore")


def release(root, cases):
    """An NIH release of the cases and the good images; the file of each case."""
    (root / "images").mkdir(parents=True)
    files = {f"case{number:03d}.png": case for number, case in enumerate(cases)}
    for name, case in files.items():
        case.make(root / "images" / name)
    for seed, name in enumerate(GOOD):
        pixels = np.random.default_rng(seed).integers(0, 256, (100, 90), dtype=np.uint8)
        Image.fromarray(pixels).save(root / "images" / name)
    rows = "".join(f"{name},No Finding,1,50,F,PA\n" for name in [*files, *GOOD])
    (root / NIH_TABLE).write_text(NIH_HEADER + rows)
    return files


def ingest_and_preprocess(root, folder):
    folder.mkdir()
    manifest = read_manifest(NIH, root, check_files=True)
    write_manifest(manifest, folder / "m.parquet")
    parts = [preprocess(root, folder / "m.parquet", shard, SHARDS) for shard in range(SHARDS)]
    images, faults = (pd.concat(part, ignore_index=True) for part in zip(*parts, strict=True))
    return manifest, images.set_index("image_id"), faults.set_index("image_id")


def test_nothing_crashes_hangs_or_vanishes_and_good_images_stay_as_they_are(tmp_path):
    files = release(tmp_path / "all", CASES)
    with time_limit(60):
        manifest, images, faults = ingest_and_preprocess(tmp_path / "all", tmp_path / "out")
    included = set(manifest.loc[manifest["included"], "image_id"])
    excluded = manifest[~manifest["included"]].set_index("image_id")["exclusion_reason"]
    assert set(manifest["image_id"]) == {*files, *GOOD}
    assert len(images) + len(faults) == len(included)
    assert {*images.index, *faults.index} == included
    assert {*GOOD, *(name for name, case in files.items() if case.outcome == KEPT)} == set(images.index)
    assert all(reason.isprintable() for reason in [*excluded, *faults["reason"]])

    release(tmp_path / "few", [])
    _, alone, none = ingest_and_preprocess(tmp_path / "few", tmp_path / "out2")
    assert none.empty
    for name in GOOD:
        assert alone.loc[name].equals(images.loc[name])
