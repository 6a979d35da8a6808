"""A tiny release with reports: two bright lungs on each picture, and a network that finds what is bright."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from cxrfactory.config import CxlsegSplitConfig, LungPicturesConfig, ReadingConfig
from cxrfactory.imaging.radiograph.masked import Closing
from cxrfactory.products.accounts import ReleaseNames
from cxrfactory.products.cxlseg.inputs import CxlsegInputs, ReportTables
from cxrfactory.products.cxlseg.release import package_cxlseg
from cxrfactory.products.cxlseg.shard import CxlsegRecipe, cxlseg_shard
from cxrfactory.tables.parquet import write_table
from cxrfactory.tables.report_headings import SECTIONS
from cxrfactory.tables.reports import REJECTED_REPORTS, REPORTS
from cxrfactory.tables.schemas import MANIFEST
from cxrfactory.tables.weights import write_weights
from tests.models import stub_pixels

SIZE = 64


def radiograph(number, height=150, width=120):
    """Dark, with two bright ellipses that differ from number to number."""
    rows, columns = np.mgrid[:height, :width]
    image = np.random.default_rng(number).integers(20, 60, (height, width))
    for x in (0.3, 0.7):
        inside = ((rows / height - 0.5) / 0.3) ** 2 + ((columns / width - x) / (0.1 + 0.01 * number)) ** 2 < 1
        image[inside] += 150
    return image.astype(np.uint8)


def manifest_row(image_id, study, patient="p1", reason=None, **values):
    row = dict.fromkeys(MANIFEST.names) | {"image_id": image_id, "path": f"files/{study}/{image_id}.png"}
    row |= {"patient_id": patient, "study_id": study, "view": "PA", "included": reason is None}
    return row | {"exclusion_reason": reason} | values


def report_row(study, text="Clear lungs.", reason=None):
    row = dict.fromkeys(REPORTS.names) | {"study_id": study, "path": f"{study}.txt"} | dict.fromkeys(SECTIONS)
    return row | {"report": text, "report_source": text and "findings", "exclusion_reason": reason}


@dataclass
class Release:
    """Rows of the inputs; change them, then ``write``."""

    manifest: list = field(default_factory=lambda: [
        *(manifest_row(f"i{number}", f"s{number}", f"p{number // 2}") for number in range(6)),
        manifest_row("i6", "s0", "p0", view="AP"),
        manifest_row("side", "s1", "p0", "view is LL"),
        manifest_row("lost", "s2", "p1"),
        manifest_row("mute", "s7", "p3"),
        manifest_row("bare", "s8", "p3"),
        manifest_row("torn", "s9", "p3"),
        manifest_row("free", None, "p3", path="files/free.png"),
    ])  # fmt: skip
    reports: list = field(default_factory=lambda: [
        *(report_row(f"s{number}", f"Report {number}, \"clear\".") for number in range(6)),
        report_row("s7", None, "the report holds nothing"),
    ])  # fmt: skip
    faults: list = field(default_factory=lambda: [
        {"study_id": "s9", "path": "s9.txt", "stage": "reports", "reason": "file is empty"},
    ])  # fmt: skip

    def write(self, folder: Path) -> dict:
        """Write tables, pictures and weights; returns the arguments that name the tables."""
        paths = {name: folder / f"{name}.parquet" for name in ("manifest", "reports", "rejected_reports")}
        write_table(pd.DataFrame(self.manifest, columns=MANIFEST.names), paths["manifest"], MANIFEST)
        write_table(pd.DataFrame(self.reports, columns=REPORTS.names), paths["reports"], REPORTS)
        faults = pd.DataFrame(self.faults, columns=REJECTED_REPORTS.names)
        write_table(faults, paths["rejected_reports"], REJECTED_REPORTS)
        for row in self.manifest:
            place = folder / "root" / row["path"]
            place.parent.mkdir(parents=True, exist_ok=True)
            if row["image_id"] != "lost":
                number = int(row["image_id"][1:]) if row["image_id"][1:].isdigit() else 0
                cv2.imwrite(str(place), radiograph(number))
        organs = ("right_lung", "left_lung")
        write_weights(folder / "w.safetensors", {"threshold": np.array(0.4, np.float32)},
                      stub_pixels.card(organs, (SIZE, SIZE)))  # fmt: skip
        return paths


def recipe(**values):
    made = CxlsegRecipe.of(LungPicturesConfig(), ReadingConfig())
    return replace(made, **{"size": SIZE, "clahe": None, "closing": Closing(3), "mask_png": True} | values)


def shards_of(tables, folder, shards=1, workers=1, **values):
    """Make all shards; returns the arguments that name them."""
    named = {"pictures": [], "rejected": []}
    for shard in range(shards):
        output, rejected = folder / f"{shard}-of-{shards}.parquet", folder / f"{shard}-of-{shards}.rejected.parquet"
        places = (folder.parent / "root", folder.parent / "w.safetensors", shard, shards, output, rejected)
        cxlseg_shard(ReportTables(**tables), *places, recipe(**values), workers=workers)
        named["pictures"].append(output)
        named["rejected"].append(rejected)
    return named


def pack(tables, named, folder, split=CxlsegSplitConfig(), labels=None):
    inputs = CxlsegInputs(ReportTables(**tables), **named, labels=labels)
    return package_cxlseg(inputs, ReleaseNames("demo", "Demo"), folder / "product", folder / "part", split)
