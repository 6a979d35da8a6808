"""Each family's real stage, run on one case; what came of it in one form for all."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from cxrfactory.config import ReportsConfig, ScanConfig, ScanFilesConfig
from cxrfactory.drr.recipe import ProjectionRecipe
from cxrfactory.drr.shard import project_shard
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import decode_png
from cxrfactory.imaging.radiograph.image import Radiograph
from cxrfactory.imaging.radiograph.prepare import Preparation, prepare
from cxrfactory.ingest.labelled import Split, read_labelled, read_list, write_labelled
from cxrfactory.ingest.manifest import read_manifest, write_manifest
from cxrfactory.ingest.reports.collect import collect_reports
from cxrfactory.ingest.scans import ingest_scans
from cxrfactory.preprocess.labelled import preprocess_labelled
from cxrfactory.preprocess.shard import preprocess_shard
from cxrfactory.tables.parquet import read_table, write_table
from cxrfactory.tables.reports import REJECTED_REPORTS, REPORTS
from cxrfactory.tables.schemas import IMAGES, MANIFEST, REJECTED, STUDIES

from ..drr.conftest import NAMES
from .corpus import labelled as labelled_set
from .corpus import volumes
from .corpus.case import KEPT, REFUSED, Case
from .corpus.case import REJECTED as ROW

RECIPE = Preparation(size=64)
GOOD = np.random.default_rng(9).integers(0, 256, (70, 90), dtype=np.uint8)


@dataclass(frozen=True)
class Result:
    """What came of a case: its outcome, the reason where it was not kept, and the value where it was."""

    outcome: str
    reason: str = ""
    value: Any = None


def expected_image(pixels: np.ndarray) -> np.ndarray:
    """What preprocessing makes of pixels."""
    return prepare(Radiograph(pixels), RECIPE)[0]


def manifest_rows(paths: dict[str, str | None]) -> pd.DataFrame:
    """Included rows of a manifest."""
    rows = pd.DataFrame({"image_id": list(paths), "path": list(paths.values())}, dtype=object)
    for name in MANIFEST.names:
        if name not in rows:
            rows[name] = None
    return rows.assign(included=True)[MANIFEST.names]


def preprocess(root: Path, manifest: Path, shard: int = 0, shards: int = 1) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Run a shard; the tables of images and of rejections."""
    output, rejected = manifest.with_suffix(f".{shard}.images"), manifest.with_suffix(f".{shard}.rejected")
    counts = preprocess_shard(manifest, root, shard, shards, output, rejected, RECIPE)
    images, faults = read_table(output, IMAGES), read_table(rejected, REJECTED)
    assert counts == (len(images), len(faults))
    return images, faults


def run_radiograph(case: Case, folder: Path) -> Result:
    """Preprocess a shard of the case and a good neighbour, which must come out whatever the case is."""
    root = folder / "release"
    root.mkdir()
    case.make(root / "case")
    Image.fromarray(GOOD).save(root / "good.png")
    manifest = folder / "manifest.parquet"
    write_table(manifest_rows({"case": "case", "good": "good.png"}), manifest, MANIFEST)
    images, faults = preprocess(root, manifest)
    assert sorted([*images["image_id"], *faults["image_id"]]) == ["case", "good"]
    found = dict(zip(images["image_id"], images["png"], strict=True))
    assert np.array_equal(decode_png(found["good"]), expected_image(GOOD))
    if "case" in found:
        return Result(KEPT, value=decode_png(found["case"]))
    assert faults["stage"].tolist() == ["preprocess"]
    return Result(ROW, faults["reason"][0])


def run_study(case: Case, folder: Path) -> Result:
    """Ingest and project a CT release of the case and a good study, which must come out whatever the case is."""
    root = folder / "release"
    for study in ("case", "good"):
        (root / study).mkdir(parents=True)
        (root / study / "ct.nii.gz").write_bytes(volumes.nifti())
        (root / study / "labels.nii.gz").write_bytes(volumes.nifti(volumes.LABELS))
    (root / "names.csv").write_text(NAMES)
    case.make(root / "case")
    ingest_scans(ScanConfig(root=str(root), ct="{study}/ct.*"), folder / "m.parquet", "r")
    outputs = {part: folder / f"{part}.parquet" for part in ("images", "masks", "studies", "rejected")}
    files = ScanFilesConfig(root=str(root), names="names.csv")
    counts = project_shard(folder / "m.parquet", files, 0, outputs, ProjectionRecipe(16))
    studies, faults = read_table(outputs["studies"], STUDIES), read_table(outputs["rejected"], REJECTED)
    assert counts == (len(studies), len(faults))
    assert sorted([*studies["study_id"], *faults["image_id"]]) == ["case", "good"]
    assert "good" in set(studies["study_id"])
    return Result(ROW, faults["reason"][0]) if len(faults) else Result(KEPT)


def run_table(case: Case, folder: Path) -> Result:
    """Ingest a release; the value of what is kept is (rows, included)."""
    root = folder / "release"
    root.mkdir()
    slug = case.make(root)
    try:
        manifest = read_manifest(slug, root)
        write_manifest(manifest, folder / "m.parquet")
    except CxrError as error:
        return Result(REFUSED, str(error))
    stored = read_table(folder / "m.parquet", MANIFEST)
    assert len(stored) == len(manifest)
    excluded = stored[~stored["included"]]
    assert excluded["exclusion_reason"].map(lambda reason: isinstance(reason, str) and reason.isprintable()).all()
    assert stored.loc[stored["included"], "path"].map(lambda path: isinstance(path, str)).all()
    return Result(KEPT, value=np.array([len(stored), int(stored["included"].sum())]))


def run_labelled(case: Case, folder: Path) -> Result:
    """Ingest a labelled set and preprocess it; image b comes out whatever is wrong with a."""
    labelled_set.write_sound(folder)
    train = case.make(folder)
    try:
        split = Split(train=read_list(train)) if train else None
        table, refused = read_labelled(
            folder / "set", {"JSRT": folder / "images"}, split=split, image_size=labelled_set.SIZE
        )
    except CxrError as error:
        return Result(REFUSED, str(error))
    assert len(table) + len(refused) == 2
    assert "b" in set(table["image_id"])
    assert not Path("unpickled").exists()
    write_labelled(table, refused, folder / "t.parquet", folder / "r.parquet")
    written, faults = preprocess_labelled(folder / "t.parquet", folder / "i.parquet", folder / "f.parquet", RECIPE)
    assert (written, faults) == (len(table), 0)
    return Result(ROW, refused["reason"].iloc[0]) if len(refused) else Result(KEPT)


def run_reports(case: Case, folder: Path) -> Result:
    """Collect reports; the good one comes out unless the whole source is refused."""
    source, layout = case.make(folder)
    try:
        counts = collect_reports(
            ReportsConfig(source=str(source), layout=layout), folder / "o.parquet", folder / "r.parquet"
        )
    except CxrError as error:
        return Result(REFUSED, str(error))
    rows, faults = read_table(folder / "o.parquet", REPORTS), read_table(folder / "r.parquet", REJECTED_REPORTS)
    assert counts["reports"] == len(rows) + len(faults)
    assert "good" in set(rows["study_id"])
    return Result(ROW, faults["reason"][0]) if len(faults) else Result(KEPT)


def run_value(case: Case, folder: Path) -> Result:
    """Call one reader."""
    try:
        return Result(KEPT, value=case.make(folder)())
    except CxrError as error:
        return Result(REFUSED, str(error))
