"""Tiny shards of projected studies, as the projection stage leaves them."""

from dataclasses import dataclass, field

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cxrfactory.projection.conventions import VIEWS
from cxrfactory.tables.rle import rle_encode
from cxrfactory.tables.schemas import MASKS, PROJECTIONS, REJECTED, SCANS, STUDIES

SIZE = 32


@dataclass(frozen=True)
class Named:
    class_id: int
    name: str
    system: str


CLASSES = (
    Named(1, "heart", "Cardiac"),
    Named(2, "left lung", "Pulmonary"),
    Named(3, "right lung", "Pulmonary"),
    Named(4, "lung", "Pulmonary"),
    Named(5, "clavicle", "Skeletal"),
)
REGIONS = {"heart": {1}, "lung": {2, 3, 4}, "bone": {5}}


def box(top, left, height, width):
    mask = np.zeros((SIZE, SIZE), np.uint8)
    mask[top : top + height, left : left + width] = 1
    return mask


def structures(shift):
    """Masks of one study by view: name -> (class_id, source_id, origin, mask). The clavicle is never labelled."""
    right, left = box(4, 3 + shift, 20, 8), box(4, 18, 20, 9 + shift)
    side = box(5, 6, 18, 12)
    return {
        "PA": {
            "heart": (1, 51, "label", box(12, 12, 8, 8 + shift)),
            "left lung": (2, 10, "label", left),
            "right lung": (3, 12, "label", right),
            "lung": (4, None, "union", left | right),
            "port": (None, 200, "label", box(0, 0, 2, 2)),
        },
        "LL": {
            "heart": (1, 51, "label", box(12, 8, 8, 7)),
            "left lung": (2, 10, "label", side),
            "right lung": (3, 12, "label", np.zeros_like(side)),
            "lung": (4, None, "union", side),
            "port": (None, 200, "label", np.zeros_like(side)),
        },
    }


def mask_row(study, view, name, class_id, source_id, origin, mask):
    rows, columns = np.nonzero(mask)
    filled = len(rows) > 0
    return {
        "study_id": study,
        "view": view,
        "source_id": source_id,
        "class_id": class_id,
        "name": name,
        "origin": origin,
        "height": mask.shape[0],
        "width": mask.shape[1],
        "rle": rle_encode(mask),
        "area_px": len(rows),
        "bbox_x": int(columns.min()) if filled else None,
        "bbox_y": int(rows.min()) if filled else None,
        "bbox_width": int(np.ptp(columns)) + 1 if filled else None,
        "bbox_height": int(np.ptp(rows)) + 1 if filled else None,
        "centroid_x": float(columns.mean()) if filled else None,
        "centroid_y": float(rows.mean()) if filled else None,
        "touches_border": bool(filled and {0, SIZE - 1} & {*rows.tolist(), *columns.tolist()}),
        "cut_off": bool(filled and rows.max() > SIZE // 2),
    }


def png(study, view, depth):
    rows, columns = np.mgrid[:SIZE, :SIZE]
    values = (rows * 3 + columns * (2 if view == "PA" else 5) + len(study)) * (1 if depth == 8 else 200)
    return cv2.imencode(".png", values.astype(np.uint8 if depth == 8 else np.uint16))[1].tobytes()


def manifest_row(study, patient, release, reason=None):
    return {
        "study_id": study,
        "patient_id": patient,
        "release": release,
        "ct": f"{study}.nii.gz",
        "labels": None,
        "included": reason is None,
        "exclusion_reason": reason,
    }


def study_row(study, patient, release):
    return {
        "study_id": study,
        "patient_id": patient,
        "release": release,
        "size": SIZE,
        "pixel_mm": 1.5,
        "counts_per_unit": 4096.0,
        "structures": 5,
        "notes": None,
    }


@dataclass
class Projected:
    """Rows of every table; tests change them before they are written."""

    manifest: list = field(default_factory=list)
    studies: list = field(default_factory=list)
    masks: list = field(default_factory=list)
    images: list = field(default_factory=list)
    rejected: list = field(default_factory=list)

    def write(self, folder, shards=2, reverse=False):
        """Write the shards; return the paths as ``package_radgenome`` takes them."""
        folder.mkdir(parents=True, exist_ok=True)
        ids = sorted({row["study_id"] for row in self.studies})
        shard = {study: number % shards for number, study in enumerate(ids)}
        paths = {"manifests": []}
        for release in sorted({row["release"] for row in self.manifest}):
            rows = [row for row in self.manifest if row["release"] == release]
            paths["manifests"].append(put(folder / f"{release}.parquet", rows, SCANS))
        for name, schema in (
            ("studies", STUDIES),
            ("masks", MASKS),
            ("images", PROJECTIONS),
        ):
            paths[name] = []
            for number in range(shards):
                rows = [row for row in getattr(self, name) if shard.get(row["study_id"], 0) == number]
                paths[name].append(put(folder / f"{number}.{name}.parquet", rows, schema))
        paths["rejected"] = [put(folder / "0.rejected.parquet", self.rejected, REJECTED)]
        return {name: each[::-1] if reverse else each for name, each in paths.items()}


def put(path, rows, schema):
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)
    return path


def projected():
    """Two releases, five studies: three kept (two of one patient), one rejected, one excluded."""
    made = Projected()
    kept = [("a1", "p1", "alpha"), ("a2", "p1", "alpha"), ("b1", "p2", "beta")]
    made.manifest = [manifest_row(*each) for each in kept]
    made.manifest += [manifest_row("b2", "p3", "beta"), manifest_row("a3", "p4", "alpha", "not a chest CT")]
    made.studies = [study_row(*each) for each in kept]
    for shift, (study, _, _) in enumerate(kept):
        for view, named in structures(shift).items():
            made.masks += [mask_row(study, view, name, *rest) for name, rest in named.items()]
        made.images += [
            {"study_id": study, "view": view, "png8": png(study, view, 8), "png16": png(study, view, 16)}
            for view in VIEWS
        ]
    made.rejected = [{"image_id": "b2", "path": "b2.nii.gz", "stage": "project", "reason": "gantry tilt"}]
    return made
