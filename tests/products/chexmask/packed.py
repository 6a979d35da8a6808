"""A tiny release for the packer: shards, scores, rejected tables and manifest, made by hand."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.imaging.geometry import Geometry
from cxrfactory.products.chexmask import release as chexmask
from cxrfactory.products.chexmask.inputs import ChexmaskInputs, TableNames
from cxrfactory.tables.keys import shard_name, shard_of
from cxrfactory.tables.parquet import write_table
from cxrfactory.tables.schemas import LANDMARKS, MANIFEST, RCA, REJECTED

SIZE = 32
CENTRES = {"right_lung": (8, 14), "left_lung": (23, 15), "heart": (16, 21)}
RADII = {"right_lung": (5, 9), "left_lung": (5.5, 9), "heart": (5, 4)}


def ellipses(image_id, graph="lungs-heart"):
    """Landmarks (x, y) in the 32 x 32 frame, fractional, different for each id; heart and lungs overlap."""
    shift = np.random.default_rng(sum(image_id.encode())).uniform(-1, 1, 2)
    points = []
    for organ in landmark_graph(graph).organs:
        count = landmark_graph(graph).slices[organ]
        angle = np.linspace(0, 2 * np.pi, count.stop - count.start, endpoint=False)
        x, y = CENTRES.get(organ, (15, 4))
        a, b = RADII.get(organ, (3, 1))
        points.append(np.stack([x + a * np.cos(angle), y + b * np.sin(angle)], axis=1) + shift)
    return np.concatenate(points).astype(np.float32)


def landmark_row(image_id, graph="lungs-heart", geometry=None, points=None):
    points = ellipses(image_id, graph) if points is None else points
    geometry = geometry or Geometry(64, 48, 2, 0, 60, 47, SIZE)
    return {
        "image_id": image_id,
        "landmarks": points.reshape(-1),
        "landmarks_mean": points.reshape(-1) + np.float32(0.1),
        "landmarks_std": np.full(points.size, 0.5, np.float32),
        "latent": np.zeros(64, np.float32),
        **geometry.as_row(),
    }


def score_row(image_id, mean=0.8, maximum=0.9, heart=True):
    return {
        "image_id": image_id,
        "dice_rca_mean": mean,
        "dice_rca_max": maximum,
        "lungs_mean": mean,
        "lungs_max": maximum,
        "heart_mean": mean if heart else None,
        "heart_max": maximum if heart else None,
        "references": ["r1"],
    }


def rejected_row(image_id, stage="preprocess", reason="empty file"):
    return {"image_id": image_id, "path": f"{image_id}.png", "stage": stage, "reason": reason}


def package_chexmask(output, part, dataset, release, id_column, workers=1, **inputs):
    """Pack a release whose inputs are given by name."""
    names = TableNames(dataset, release, id_column)
    return chexmask.package_chexmask(ChexmaskInputs(**inputs), names, output, part, workers)


@dataclass
class Release:
    """Rows of every input; change them, then ``write``."""

    landmarks: list
    scores: list
    rejected: list
    manifest: list

    def write(self, folder: Path, shards=1):
        """Write the inputs and return the arguments of ``package_chexmask`` that name them."""
        inputs = {"landmarks": [], "rca": [], "rejected": []}
        tables = (("landmarks", self.landmarks, LANDMARKS), ("rca", self.scores, RCA),
                  ("rejected", self.rejected, REJECTED))  # fmt: skip
        for name, rows, schema in tables:
            for shard in range(shards):
                mine = [row for row in rows if shard_of(row["image_id"], shards) == shard]
                path = folder / name / f"{shard_name(shard, shards)}.parquet"
                write_table(pd.DataFrame(mine, columns=schema.names), path, schema)
                inputs[name].append(path)
        write_table(pd.DataFrame(self.manifest, columns=MANIFEST.names), folder / "manifest.parquet", MANIFEST)
        return {"manifest": folder / "manifest.parquet", **inputs}


def manifest_row(image_id, reason=None):
    return {"image_id": image_id, "path": f"{image_id}.png", "included": reason is None, "exclusion_reason": reason}


def release(kept=("b", "a", "c"), heart=True):
    """Three kept, two rejected (preprocess, rca), two excluded."""
    graph = "lungs-heart" if heart else "lungs"
    return Release(
        landmarks=[landmark_row(image_id, graph) for image_id in [*kept, "no-rca"]],
        scores=[score_row(image_id, 0.6 + 0.1 * (index % 3), heart=heart) for index, image_id in enumerate(kept)],
        rejected=[rejected_row("broken"), rejected_row("no-rca", "rca", 'registration, "failed"')],
        manifest=[
            *(manifest_row(image_id) for image_id in [*kept, "broken", "no-rca"]),
            manifest_row("side", "view is LL"),
            manifest_row("other", "view is LL"),
        ],
    )
