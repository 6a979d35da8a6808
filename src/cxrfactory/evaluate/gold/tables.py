"""Compare the product with the gold standard, and readers with each other: overlap, distances, landmark errors.

``lungs`` is the union of both lungs, as in the papers. The masks are those of the tables (RLE). Distances are in pixels
of a 1024 x 1024 frame. In the published corrections the RLE masks differ slightly from the filled landmarks (Dice 0.99
or more); the paper's figures use the RLE.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from cxrfactory.anatomy.organs import ORGAN_COLUMNS, ORGANS
from cxrfactory.config.studies import BootstrapConfig
from cxrfactory.errors import CxrError
from cxrfactory.evaluate.gold.collect import SUFFIX
from cxrfactory.metrics.distance import BoundaryDistances, surface_distances
from cxrfactory.metrics.intervals import bootstrap_interval, mean_of
from cxrfactory.metrics.landmarks import PAPER_SIZE_PX, landmark_mse
from cxrfactory.metrics.overlap import dice
from cxrfactory.tables.chexmask import read_chexmask
from cxrfactory.tables.rle import rle_decode
from cxrfactory.tables.rows import Row

PREDICTED = "predicted"
ALL = "all"
CHUNK_ROWS = 1000
MASK_COLUMNS = {organ: ORGAN_COLUMNS[organ] for organ in ORGANS}
MEASURES = ("dice", "hd_px", "hd95_px", "landmark_mse_px2")
IMAGE_COLUMNS = ["release", "found", "truth", "image_id", "organ", *MEASURES]
GROUP_COLUMNS = ["release", "found", "truth", "organ"]


@dataclass(frozen=True)
class Annotated:
    """One table of landmarks and masks by image id; ``reader`` is :data:`PREDICTED` for the product's table."""

    release: str
    reader: str
    rows: pd.DataFrame


def read_annotations(paths: Sequence[str | Path], releases: Sequence[str]) -> list[Annotated]:
    """Read gold-standard tables, ours or those published with CheXmask.

    Parameters
    ----------
    paths
        ``{release}_annotations.csv`` or ``{release}_{reader}_annotations.csv``; a reader without a name is ``gold``.
    releases
        Names of the predicted tables.

    Raises
    ------
    CxrError
        If a file name has another form, the release is unknown, an image or a pair of release and reader occurs twice,
        or the column ``Dataset`` contradicts the file name.
    """
    found = []
    for path in map(Path, paths):
        stem = path.stem
        matching = [name for name in releases if stem == name + SUFFIX or stem.startswith(name + "_")]
        if not stem.endswith(SUFFIX) or not matching:
            raise CxrError(f"{path}: expected <release>_annotations.csv or <release>_<reader>_annotations.csv of a "
                           f"predicted table; those are {', '.join(releases)}")  # fmt: skip
        release = max(matching, key=len)
        reader = stem[len(release) : -len(SUFFIX)].strip("_") or "gold"
        frame = read_chexmask(path)
        others = sorted(set(frame["Dataset"]) - {release}) if "Dataset" in frame else []
        if others:
            raise CxrError(f"{path}: column 'Dataset' holds '{others[0]}'; expected '{release}', as the file's name")
        if any((each.release, each.reader) == (release, reader) for each in found):
            raise CxrError(f"{path}: a second table of reader '{reader}' for '{release}'; give each once")
        found.append(Annotated(release, reader, _by_id(path, frame)))
    return found


def read_predicted(path: str | Path, wanted: set[str]) -> Annotated:
    """Read the rows of the wanted images from a published table (``Preprocessed/{release}.csv``).

    Raises
    ------
    CxrError
        If the table is unreadable, an image is not square, or an image is missing or occurs twice.
    """
    path = Path(path)
    columns = ["Landmarks", *MASK_COLUMNS.values(), "Height", "Width"]
    pieces = [piece[piece["image_id"].isin(wanted)] for piece in read_chexmask(path, columns, CHUNK_ROWS)]
    rows = _by_id(path, pd.concat(pieces))
    missing = sorted(wanted - set(rows.index))
    if missing:
        raise CxrError(f"{path}: {len(missing)} of {len(wanted)} annotated images are missing, first '{missing[0]}'")
    oblong = rows.index[rows["Height"] != rows["Width"]]
    if len(oblong):
        raise CxrError(f"{path}: image '{oblong[0]}' is not square; readers correct the preprocessed image: give the "
                       "table of Preprocessed/")  # fmt: skip
    return Annotated(path.stem, PREDICTED, rows)


def _by_id(path: Path, frame: pd.DataFrame) -> pd.DataFrame:
    if (twice := frame["image_id"].duplicated()).any():
        raise CxrError(f"{path}: image '{frame.loc[twice, 'image_id'].iloc[0]}' occurs twice")
    return frame.set_index("image_id")


def pairs(predicted: Annotated, readers: Sequence[Annotated]) -> list[tuple[Annotated, Annotated]]:
    """Return the pairs (found, truth) of one release: the product with each reader, then each pair of readers."""
    return [(predicted, reader) for reader in readers] + list(combinations(readers, 2))


def compare(found: Annotated, truth: Annotated, sizes: pd.Series) -> Iterator[Row]:
    """Measure the images that both tables have.

    Parameters
    ----------
    found, truth
        Two tables of one release.
    sizes
        Side of each image's frame, pixels, by image id.

    Yields
    ------
    One row for each image and organ (``lungs``, ``right_lung``, ``left_lung``, and ``heart`` if both have one), and one
    row ``all`` for each image with the error of all landmarks. The keys are those of :data:`IMAGE_COLUMNS` that apply.

    Raises
    ------
    CxrError
        If a mask does not fit the frame, or the tables differ in the number of landmarks.
    """
    key = {"release": truth.release, "found": found.reader, "truth": truth.reader}
    for image_id in sorted(set(found.rows.index) & set(truth.rows.index)):
        one, other, size = found.rows.loc[image_id], truth.rows.loc[image_id], int(sizes[image_id])
        where = f"release '{truth.release}', image '{image_id}'"
        if one["Landmarks"].shape != other["Landmarks"].shape:
            raise CxrError(f"{where}: {len(one['Landmarks'])} landmarks of '{found.reader}', {len(other['Landmarks'])} "
                           f"of '{truth.reader}'; expected the same graph")  # fmt: skip
        masks = [_masks(row, size, f"{where}, '{by.reader}'") for row, by in ((one, found), (other, truth))]
        step = (PAPER_SIZE_PX / size,) * 2
        for organ in masks[0]:
            if organ in masks[1]:
                a, b = masks[0][organ], masks[1][organ]
                distances = BoundaryDistances(*surface_distances(a, b, step))
                measures = {"dice": dice(a, b), "hd_px": distances.hd, "hd95_px": distances.hd95}
                yield key | {"image_id": image_id, "organ": organ} | measures
        mse = landmark_mse(one["Landmarks"], other["Landmarks"], size)
        yield key | {"image_id": image_id, "organ": ALL, "landmark_mse_px2": mse}


def _masks(row: pd.Series, size: int, where: str) -> dict[str, np.ndarray]:
    try:
        masks = {organ: rle_decode(row[column], size, size) for organ, column in MASK_COLUMNS.items()}
    except CxrError as error:
        raise CxrError(f"{where}: {error}") from error
    masks = {"lungs": masks["right_lung"] | masks["left_lung"], **masks}
    if not row["Heart"]:
        del masks["heart"]  # the model segments only the lungs
    return masks


def summarise(images: pd.DataFrame, settings: BootstrapConfig) -> pd.DataFrame:
    """Summarise measures with bootstrap intervals over images, by release (and all), pair and organ.

    Returns
    -------
    Table with ``release``, ``found``, ``truth``, ``organ``, ``measure``. ``images`` is the number of finite values, to
    which the statistics refer; ``infinite`` is the number of infinite values (one mask is empty). ``mean``, ``ci_low``,
    ``ci_high`` (95 %), ``sd``, ``median``, ``min``, ``max``.
    """
    whole = images.assign(release=ALL) if images["release"].nunique() > 1 else images.iloc[:0]
    rows = []
    for key, group in pd.concat([images, whole]).groupby(GROUP_COLUMNS, sort=False):
        for measure in MEASURES:
            values = group[measure].dropna().to_numpy(np.float64)
            if values.size:
                rows.append(dict(zip(GROUP_COLUMNS, key, strict=True)) | {"measure": measure}
                            | _spread(values, settings))  # fmt: skip
    columns = [*GROUP_COLUMNS, "measure", "images", "infinite", "mean", "ci_low", "ci_high", "sd", "median", "min",
               "max"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def _spread(values: np.ndarray, settings: BootstrapConfig) -> dict[str, float | int]:
    finite = values[np.isfinite(values)]
    row: dict[str, float | int] = {"images": finite.size, "infinite": int(values.size - finite.size)}
    if finite.size:
        low, high = bootstrap_interval(mean_of, finite, resamples=settings.resamples, seed=settings.seed)
        row |= {"mean": finite.mean(), "ci_low": low, "ci_high": high, "median": np.median(finite)}
        row |= {"min": finite.min(), "max": finite.max()}
    if finite.size > 1:
        row["sd"] = finite.std(ddof=1)
    return row
