"""Open the product for reading: one image for each row of its Parquet tables."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cxrfactory.anatomy.graph import slices_within
from cxrfactory.anatomy.organs import LUNGS, ORGANS
from cxrfactory.imaging.geometry import Geometry
from cxrfactory.products.opened import ContouredImage, OpenedProduct, Structure
from cxrfactory.tables.chexmask_columns import ESTIMATE_COLUMNS, PARQUET_NAMES
from cxrfactory.tables.parquet import read_batches, stored_rows, stored_schema
from cxrfactory.tables.schemas import GEOMETRY_FIELDS, SCORE_FIELDS
from cxrfactory.tables.selected_rows import selected_rows

ROWS_AT_A_TIME = 64
ROWS_OF_SCORES = 65536
_RCA, _ESTIMATE, _FLAGGED, _MIRRORED = "dice_rca_mean", "dice_estimate", "flagged", "mirrored"
_TABLES = "Parquet"
_NEEDED = ["landmarks", "landmarks_std", *ORGANS, *(field.name for field in GEOMETRY_FIELDS)]
_SCORES = [field.name for field in SCORE_FIELDS]
_ESTIMATES = [name for name, published in PARQUET_NAMES.items() if published in ESTIMATE_COLUMNS]


def belongs(folder: Path) -> bool:
    """Return whether a folder holds this product."""
    return any((folder / _TABLES).glob("*.parquet"))


class Opened(OpenedProduct):
    """Lungs and heart of frontal radiographs: one image for each row of ``Parquet/<release>.parquet``."""

    kind = "chexmask"
    holds_images = False

    @property
    def tables(self) -> dict[str, Path]:
        """Path of each release's table, by release."""
        return {path.stem: path for path in sorted((self.folder / _TABLES).glob("*.parquet"))}

    def kept(self) -> dict[str, int]:
        """Return the number of rows of each table, by release."""
        return {release: stored_rows(path) for release, path in self.tables.items()}

    def __len__(self) -> int:
        return sum(self.kept().values())

    def __iter__(self) -> Iterator[ContouredImage]:
        for release, path in self.tables.items():
            for batch in read_batches(path, ["image_id", *_columns(path)], ROWS_AT_A_TIME):
                for row in batch.to_pylist():
                    yield self._image(release, row)

    def structures(self) -> list[Structure]:
        """Return the lungs and the heart, in the order of their nodes."""
        return [
            Structure(number, organ, "lungs" if organ in LUNGS else organ) for number, organ in enumerate(ORGANS, 1)
        ]

    def select(self, image_ids: Collection[str]) -> Iterator[ContouredImage]:
        """Iterate over the images with these ids, from all releases; other row groups are not read."""
        for release, path in self.tables.items():
            for frame in selected_rows(path, image_ids, _columns(path)):
                for row in frame.astype(object).where(frame.notna(), None).to_dict("records"):
                    yield self._image(release, row)

    def quality(self) -> dict[str, str]:
        """Return the mean RCA score, the films that may be mirrored, and with a calibration mean estimate and flags.

        One pass over the columns of scores; the masks are not read.
        """
        from cxrfactory.metrics.flags import side_flags

        sums: Counter[str] = Counter()
        counts: Counter[str] = Counter()
        for path in self.tables.values():
            stored = stored_schema(path).names
            names = [name for name in (_RCA, _ESTIMATE, _FLAGGED, _MIRRORED) if name in stored]
            for batch in read_batches(path, names, ROWS_OF_SCORES):
                for name in names:
                    values = [float(value) for value in batch[name].to_pylist() if value is not None]
                    if name == _MIRRORED:
                        values = [float(bool(side_flags(value))) for value in values]
                    sums[name] += sum(values)
                    counts[name] += len(values)
        said = {}
        if counts[_RCA]:
            said["Dice by RCA"] = f"{sums[_RCA] / counts[_RCA]:.3f} on average (mean over the reference images)"
        if counts[_ESTIMATE]:
            said["Dice estimate"] = f"{sums[_ESTIMATE] / counts[_ESTIMATE]:.3f} on average"
        if counts[_MIRRORED]:
            said["mirrored"] = (
                f"{int(sums[_MIRRORED]):,} of {counts[_MIRRORED]:,} images may be, or have a heart on the right"
            )
        if counts[_FLAGGED]:
            said["flagged"] = f"{int(sums[_FLAGGED]):,} of {counts[_FLAGGED]:,} images"
        return said

    def _image(self, release: str, row: Mapping[str, Any]) -> ContouredImage:
        points = np.asarray(row["landmarks"], np.float32).reshape(-1, 2)
        geometry = Geometry.from_row(row)
        spread = geometry.inverse_spread(np.asarray(row["landmarks_std"], np.float32).reshape(-1, 2))
        slices = slices_within(len(points))
        return ContouredImage(
            image_id=row["image_id"],
            release=release,
            height=geometry.original_height,
            width=geometry.original_width,
            scores={name: row[name] for name in (*_SCORES, *_ESTIMATES) if name in row},
            facts={"geometry": geometry},
            landmarks={organ: points[where] for organ, where in slices.items()},
            uncertainty={organ: spread[where] for organ, where in slices.items()},
            _rles={organ: row[organ] for organ in ORGANS if row[organ]},
            _source=self.sources.get(release),
        )


def _columns(path: Path) -> list[str]:
    stored = stored_schema(path).names
    return [name for name in (*_NEEDED, *_SCORES, *_ESTIMATES) if name in stored or name in _NEEDED]
