"""Read the landmark training set: combine contours, clinical table and images to one table of labelled images.

The layout is that of ngaggion/Chest-xray-landmark-dataset. The folders ``RL``, ``LL``, ``H``, ``RCLA`` and ``LCLA``
contain ``<id>.npy`` with an array [nodes, 2] of points (x, y) in pixels of the 1024 x 1024 image. ``clinical.csv`` has
the columns ``File``, ``Dataset``, ``Sex``, ``Age``, ``Condition`` and optionally ``Patient``. The images are in other
folders, one per source.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float32

from cxrfactory.anatomy.graph import LABEL_GRAPHS, ORGAN_NODES
from cxrfactory.config import LabelledConfig
from cxrfactory.errors import CxrError, ImageError
from cxrfactory.imaging.radiograph.reading import picture_size
from cxrfactory.ingest.files import file_fault
from cxrfactory.ingest.rows import printable, unsafe
from cxrfactory.ingest.tabular import read_columns
from cxrfactory.logs import get_logger
from cxrfactory.tables import schemas
from cxrfactory.tables.arrays import read_points
from cxrfactory.tables.keys import put_aside
from cxrfactory.tables.landmark_set import patient_of
from cxrfactory.tables.parquet import write_table
from cxrfactory.tables.people import ages, sexes

log = get_logger(__name__)

STAGE = "ingest-labelled"
ALL_ORGANS = "lungs-heart-clavicles"
SIDE = 1024  # side length in pixels of the images to which the published landmarks belong
ORGAN_FOLDERS = {
    "right_lung": "RL",
    "left_lung": "LL",
    "heart": "H",
    "right_clavicle": "RCLA",
    "left_clavicle": "LCLA",
}
# Organs that each label code adds to the previous one, in node order.
_STEPS = {"L": ("right_lung", "left_lung"), "LH": ("heart",), "LHC": ("right_clavicle", "left_clavicle")}
_SUFFIXES = (".png", ".jpg", ".jpeg")


@dataclass(frozen=True)
class Split:
    """Rule for splitting images: lists of ids if they are given, otherwise a stable hash of the patient.

    Attributes
    ----------
    train, val
        Lists of ids, or None. A source with at least one id on a list is split only by the lists. If only one list is
        given, the other images of the source form the other split. If both are given, images on neither list (for
        example a test set) are excluded.
    val_fraction
        Share of the patients that the hash assigns to validation.
    """

    train: frozenset[str] | None = None
    val: frozenset[str] | None = None
    val_fraction: float = LabelledConfig().val_fraction


def ingest_labelled(
    settings: LabelledConfig, output: str | Path, rejected: str | Path, organs: str = ALL_ORGANS, image_size: int = SIDE
) -> None:
    """Write the table of labelled images and the table of rejected images.

    Parameters
    ----------
    settings
        Locations of the landmarks and the images, and the rule for splitting them into ``train`` and ``val``.
    output, rejected
        Parquet files to write, schemas ``LABELLED`` and ``REJECTED``.
    organs, image_size
        The same as for :func:`read_labelled`.

    Raises
    ------
    CxrError
        Under the conditions of :func:`read_labelled` and :func:`read_list`.
    """
    split = Split(
        train=read_list(settings.train_list) if settings.train_list else None,
        val=read_list(settings.val_list) if settings.val_list else None,
        val_fraction=settings.val_fraction,
    )
    folders = {source: Path(folder) for source, folder in settings.images.items()}
    table, refused = read_labelled(settings.root, folders, organs, split, image_size)
    write_labelled(table, refused, output, rejected)


def read_list(path: str | Path) -> frozenset[str]:
    """Read ids from a text file with one id per line; the suffixes ``.png``, ``.jpg`` and ``.jpeg`` are removed.

    Raises
    ------
    CxrError
        If the file is missing, is not UTF-8 text, or contains no id.
    """
    path = Path(path)
    if not path.is_file():
        raise CxrError(f"{path}: no such file; expected a text file with one image id a line")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CxrError(f"{path}: not readable as UTF-8 text; expected one image id a line") from error
    if "\0" in text:
        raise CxrError(f"{path}: the text holds a zero byte; expected UTF-8 with one image id a line")
    ids = frozenset(stem_of(line.strip()) for line in text.splitlines() if line.strip())
    if not ids:
        raise CxrError(f"{path}: the list is empty; expected one image id a line")
    return ids


def stem_of(name: str) -> str:
    """Remove the suffix ``.png``, ``.jpg`` or ``.jpeg`` from a name; other text after a dot stays."""
    for suffix in _SUFFIXES:
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return name


def read_labelled(
    root: str | Path,
    images: Mapping[str, Path],
    organs: str = ALL_ORGANS,
    split: Split | None = None,
    image_size: int = SIDE,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the labelled set; a row that cannot be used is rejected with a reason.

    Parameters
    ----------
    root
        Folder of the landmarks and ``clinical.csv``.
    images
        Folder of the images of each source (``Dataset`` in the table).
    organs
        Name of a landmark graph. Contours of other organs are ignored; an image with contours of fewer organs is kept.
    split
        Rule for splitting the images into ``train`` and ``val``.
    image_size
        Height and width in pixels of the images to which the landmarks belong.

    Returns
    -------
    DataFrame
        Columns of :data:`cxrfactory.tables.schemas.LABELLED`.
    DataFrame
        Columns of :data:`cxrfactory.tables.schemas.REJECTED`.

    Raises
    ------
    CxrError
        If the table, a folder or a column is missing, if an id occurs twice, if no image can be used, or if the split
        is impossible.
    """
    root, split = Path(root), split or Split()
    steps = _wanted_steps(organs)
    table = _read_clinical(root)
    sources = set(table["Dataset"])
    for source, folder in images.items():
        if not folder.is_dir():
            raise CxrError(f"--images {source}={folder}: no such folder")
        if source not in sources:
            raise CxrError(
                f"--images {source}=...: {root / 'clinical.csv'} holds no such source; found "
                f"{', '.join(sorted(sources))}"
            )
    patients = _patients(table)
    kept, rejected = [], []
    for place, row in enumerate(table.to_dict("records")):
        try:
            image = _find_image(row["image_id"], row["File"], row["Dataset"], images, image_size)
            labels, landmarks = read_landmarks(root, row["image_id"], steps)
        except ImageError as error:
            log.warning("rejected %s: %s", row["image_id"], error)
            rejected.append((row["image_id"], row["File"], STAGE, str(error)))
            continue
        kept.append(
            {
                "image_id": row["image_id"],
                "path": image.as_posix(),
                "patient_id": patients[place],
                "source": row["Dataset"],
                "labels": labels,
                "sex": row["sex"],
                "age": row["age"],
                "condition": row["Condition"].strip() or None,
                "landmarks": landmarks.ravel(),
            }
        )
    refused = pd.DataFrame(rejected, columns=schemas.REJECTED.names, dtype=object)
    if not kept:
        reasons = Counter(reason for *_, reason in rejected).most_common(1)
        raise CxrError(
            f"{root}: none of {len(table)} labelled images can be used; most frequent reason: "
            f"{reasons[0][0] if reasons else 'the table is empty'}"
        )
    labelled = pd.DataFrame(kept)
    labelled["split"] = _divide(labelled, split)
    unlisted = labelled["split"].isna()
    if unlisted.any():
        reason = "image is on neither the train nor the val list"
        more = labelled[unlisted].assign(stage=STAGE, reason=reason)[schemas.REJECTED.names]
        refused = pd.concat([refused, more], ignore_index=True)
        labelled = labelled[~unlisted]
    _log_counts(labelled, refused)
    return labelled[schemas.LABELLED.names], refused


def write_labelled(
    labelled: pd.DataFrame, rejected: pd.DataFrame, output: str | Path, rejected_output: str | Path
) -> None:
    """Write the table and the rejected rows as Parquet."""
    write_table(labelled, output, schemas.LABELLED)
    write_table(rejected, rejected_output, schemas.REJECTED)
    log.info("wrote %s and %s", output, rejected_output)


def read_landmarks(
    root: Path, image_id: str, steps: Mapping[str, tuple[str, ...]] = _STEPS
) -> tuple[str, Float32[np.ndarray, "nodes 2"]]:
    """Read the annotated contours of one image, in the order lungs, heart, clavicles.

    Reading stops at the first of these that is not annotated.

    Returns
    -------
    str
        Label code ``L``, ``LH`` or ``LHC``.
    ndarray
        Points (x, y) in pixels, float32 [nodes, 2].

    Raises
    ------
    ImageError
        If a lung is missing, or if a file is unreadable, has an unexpected shape, or contains values that are not
        finite.
    """
    found, parts = "", []
    for label, organs in steps.items():
        files = [root / ORGAN_FOLDERS[organ] / f"{image_id}.npy" for organ in organs]
        if not all(file.is_file() for file in files):
            break
        parts += [read_points(file, ORGAN_NODES[organ]) for file, organ in zip(files, organs, strict=True)]
        found = label
    if not found:
        raise ImageError("landmarks of a lung are missing")
    return found, np.concatenate(parts)


def _find_image(image_id: str, file: str, source: str, images: Mapping[str, Path], image_size: int) -> Path:
    if unsafe(pd.Series([image_id])).iloc[0] or "/" in image_id:
        raise ImageError("image id is no plain name inside the image folder")
    if source not in images:
        raise ImageError(f"no image folder is given for source {printable(source)}")
    names = dict.fromkeys([file, *(f"{image_id}{suffix}" for suffix in _SUFFIXES)])
    path = next((images[source] / name for name in names if (images[source] / name).is_file()), None)
    if path is None:
        raise ImageError("image file is missing")
    fault = file_fault(path)
    if fault:
        raise ImageError(f"image {fault}")
    try:
        height, width = picture_size(path)
    except ImageError as error:
        raise ImageError(f"image file is unreadable: {error}") from error
    if (height, width) != (image_size, image_size):
        raise ImageError(
            f"image is {width} x {height} pixels, expected the {image_size} x {image_size} that the landmarks "
            "are drawn on"
        )
    return path


def _wanted_steps(organs: str) -> dict[str, tuple[str, ...]]:
    codes = {LABEL_GRAPHS[code]: code for code in _STEPS}  # the landmark sets follow the definition of JSRT
    if organs not in codes:
        raise CxrError(f"--organs '{organs}' is unknown; expected one of {', '.join(codes)}")
    names = list(_STEPS)
    return {name: _STEPS[name] for name in names[: names.index(codes[organs]) + 1]}


def _read_clinical(root: Path) -> pd.DataFrame:
    path = root / "clinical.csv"
    if not path.is_file():
        raise CxrError(f"{path}: no such file; --root must hold clinical.csv beside RL, LL, H, RCLA, LCLA")
    table = read_columns(path, ["File", "Dataset", "Sex", "Age", "Condition"], optional=["Patient"])
    table["image_id"] = table["File"].map(stem_of)
    empty = table["image_id"].str.strip() == ""
    if empty.any():
        raise CxrError(f"{path}: row {int(empty.to_numpy().argmax()) + 1}: column 'File' is empty")
    twice = table["image_id"].duplicated()
    if twice.any():
        raise CxrError(f"{path}: image '{table['image_id'][twice].iloc[0]}' occurs twice; expected it once")
    return table.assign(sex=sexes(table["Sex"]), age=ages(table["Age"]))


def _patients(table: pd.DataFrame) -> list[str]:
    """Return one patient id per row, which is unique across sources.

    The id comes from the column ``Patient`` if the cell is not empty, and otherwise from
    :func:`cxrfactory.tables.landmark_set.patient_of`.
    """
    patients: dict[str, str] = {}
    for row in table.to_dict("records"):
        own = row["image_id"]
        patients[own] = row.get("Patient", "").strip() or patient_of(own, row["Dataset"], row["Condition"])
    resolved = []
    for row in table.to_dict("records"):
        patient, seen = patients[row["image_id"]], set()
        # Follow chains such as "A is the same as B, B is the same as C" to their end; a cycle ends at its start.
        while patient in patients and patients[patient] != patient and patient not in seen:
            seen.add(patient)
            patient = patients[patient]
        resolved.append(f"{row['Dataset']}:{patient}")
    return resolved


def _divide(labelled: pd.DataFrame, split: Split) -> pd.Series:
    """Return ``train``, ``val``, or null (on neither of two lists) for each row.

    No patient is in both splits; lists that would cause this raise CxrError.
    """
    if not 0 <= split.val_fraction < 1:
        raise CxrError(f"--val-fraction {split.val_fraction} is impossible; expected 0 <= fraction < 1")
    hashed = labelled["patient_id"].map(
        lambda patient: "val" if put_aside(patient, "split", split.val_fraction) else "train"
    )
    if split.train is None and split.val is None:
        return hashed
    train, val = split.train or frozenset(), split.val or frozenset()
    if train & val:
        raise CxrError(f"image '{min(train & val)}' stands in the train list and in the val list; expected one")
    ids = labelled["image_id"]
    absent = (train | val) - set(ids)
    if absent:
        log.warning(
            "%d of %d ids of the split lists are no usable labelled image, e.g. %s%s",
            len(absent),
            len(train | val),
            min(absent),
            "; no id matches, so that the lists divide nothing" if len(absent) == len(train | val) else "",
        )
    covered = labelled["source"].isin(labelled.loc[ids.isin(train | val), "source"].unique())
    rest = "val" if split.val is None else "train" if split.train is None else None
    listed = ids.map(dict.fromkeys(train, "train") | dict.fromkeys(val, "val")).astype(object)
    divided = listed.where(listed.notna(), rest).where(covered, hashed)
    mixed = divided.groupby(labelled["patient_id"]).nunique()
    if (mixed > 1).any():
        raise CxrError(
            f"patient '{mixed.index[mixed > 1][0]}' has images in train and in val; put each patient on one list"
        )
    return divided


def _log_counts(labelled: pd.DataFrame, rejected: pd.DataFrame) -> None:
    for (source, labels), part in labelled.groupby(["source", "labels"]):
        in_val = int((part["split"] == "val").sum())
        log.info("%s: %d images with %s (%d train, %d val)", source, len(part), labels, len(part) - in_val, in_val)
    for reason, images in rejected["reason"].str.split(": ", n=1).str[0].value_counts().items():
        log.info("rejected %d images: %s", images, reason)
