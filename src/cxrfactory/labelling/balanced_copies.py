"""Balance a folder of radiographs with lung masks: a recipe sets the number of copies by source and class.

This is the balancing of CXLSeg (Table II), which is done once before training. Copies keep the patient of their image,
so that a split by patient keeps them together.
"""

from collections import Counter
from dataclasses import dataclass, fields
from glob import escape
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from cxrfactory.errors import CxrError, ImageError
from cxrfactory.imaging.drawing.png import save_png
from cxrfactory.imaging.radiograph.intensity import to_uint8
from cxrfactory.imaging.radiograph.reading import read_radiograph
from cxrfactory.imaging.radiograph.screening import HeaderChecks
from cxrfactory.imaging.radiograph.vary import Changes, copy_name, varied_copies
from cxrfactory.logs import get_logger, progress
from cxrfactory.tables.atomic import flush, write_text
from cxrfactory.tables.key_values import parse_yaml
from cxrfactory.tables.paths import path_inside

COLUMNS = ("image_id", "patient_id", "source", "class")

Group = tuple[str, str]  # (source, class)

log = get_logger(__name__)


@dataclass(frozen=True)
class Recipe:
    """Number of times that the images of each source and class are used.

    Attributes
    ----------
    times
        Number of output images per input image, 1 or more. The first of them is the unchanged image.
    images
        Numbers of images by group, for planning without a folder of images; groups may be missing.
    changes
        Random changes of the copies.
    seed
        Seed of the changes.
    """

    times: dict[Group, int]
    images: dict[Group, int]
    changes: Changes
    seed: int = 0


def read_recipe(path: str | Path) -> Recipe:
    """Read a recipe, such as ``resources/cxlseg-balance.yaml``.

    Raises
    ------
    CxrError
        If the file is missing or is not YAML, if it has an unknown key or a group twice, or if a value is out of range.
    """
    path = Path(path)
    if not path.is_file():
        raise CxrError(f"{path}: no such file; expected a recipe; resources/ holds an example")
    try:
        found = parse_yaml(path.read_text(encoding="utf-8"), path)
    except UnicodeDecodeError as error:
        raise CxrError(f"{path}: not readable as YAML ({' '.join(str(error).split())})") from error
    if not isinstance(found, dict) or not isinstance(found.get("groups"), list):
        raise CxrError(f"{path}: expected keys groups (a list), changes and seed")
    _refuse_others(path, found, {"groups", "changes", "seed"})
    times: dict[Group, int] = {}
    images: dict[Group, int] = {}
    for number, group in enumerate(found["groups"], start=1):
        where = f"{path}: group {number}"
        if not isinstance(group, dict):
            raise CxrError(f"{where}: {group!r}; expected source, class, times and perhaps images")
        _refuse_others(where, group, {"source", "class", "images", "times"})
        key = (str(group.get("source", "")), str(group.get("class", "")))
        if "" in key or key in times:
            raise CxrError(f"{where}: source and class {key}; expected both, and each pair once")
        times[key] = _whole(where, group, "times")
        if "images" in group:
            images[key] = _whole(where, group, "images")
    changes = found.get("changes") or {}
    _refuse_others(f"{path}: changes", changes, {field.name for field in fields(Changes)})
    return Recipe(times, images, Changes(**changes), int(found.get("seed", 0)))


def planned(recipe: Recipe, images: dict[Group, int]) -> pd.DataFrame:
    """Count the images that a recipe makes from given numbers of images.

    Returns
    -------
    DataFrame
        Columns ``source``, ``class``, ``images``, ``times`` and ``planned``, with one row per group.

    Raises
    ------
    CxrError
        If the recipe has no entry for a group.
    """
    if missing := sorted(set(images) - set(recipe.times)):
        raise CxrError(
            f"the recipe has no entry for source '{missing[0][0]}', class '{missing[0][1]}' ({len(missing)} such "
            "groups); expected one for each"
        )
    rows = [(*key, count, recipe.times[key], count * recipe.times[key]) for key, count in images.items()]
    return pd.DataFrame(rows, columns=["source", "class", "images", "times", "planned"])


def log_plan(plan: pd.DataFrame) -> None:
    """Log the numbers of images before and after balancing, for each class and in total."""
    for name, group in plan.groupby("class", sort=True):
        log.info("%s: %d images become %d", name, group["images"].sum(), group["planned"].sum())
    log.info("all: %d images become %d", plan["images"].sum(), plan["planned"].sum())


def balance_masks(root: str | Path, recipe: Recipe, output: str | Path) -> pd.DataFrame:
    """Write a balanced copy of a folder.

    Parameters
    ----------
    root
        Folder with ``table.csv`` (``image_id``, ``patient_id``, ``source``, ``class``), ``images/`` and ``masks/``; the
        last two contain one file per id. The folder is only read.
    recipe
        Number of copies by source and class.
    output
        Folder to write in the same layout, with PNG files: ``<id>`` is the unchanged image, and ``<id>-copy01`` etc.
        are changed copies. The folder must be empty or missing.

    Returns
    -------
    The plan, as returned by :func:`planned`.

    Raises
    ------
    CxrError
        If the table or an image is unreadable, if the recipe lacks a group, if ``output`` is not empty, or if a copy
        would have the name of another image.
    """
    root, output = Path(root), Path(output)
    rows = _read_rows(root / "table.csv")
    if output.exists() and any(output.iterdir()):
        raise CxrError(f"{output}: not empty; give a new folder")
    plan = planned(recipe, dict(Counter((row["source"], row["class"]) for row in rows)))
    log_plan(plan)
    names = Counter(
        copy_name(row["image_id"], copy) for row in rows for copy in range(recipe.times[row["source"], row["class"]])
    )
    if twice := sorted(name for name, count in names.items() if count > 1):
        raise CxrError(f"{root / 'table.csv'}: a copy would be named like image '{twice[0]}'; rename that image")
    made = []
    for row in progress(rows, "balance", len(rows)):
        image, mask = _read_pair(root, row["image_id"])
        times = recipe.times[row["source"], row["class"]]
        for name, *pair in varied_copies(image, mask, row["image_id"], times, recipe.changes, recipe.seed):
            for folder, picture in zip(("images", "masks"), pair, strict=True):
                save_png(picture, path_inside(output / folder, f"{name}.png"))
            made.append(row | {"image_id": name})
    table = pd.DataFrame(made, columns=list(COLUMNS)).sort_values("image_id")
    flush()
    write_text(output / "table.csv", table.to_csv(index=False, lineterminator="\n"))
    log.info("wrote %s: %d images", output, len(table))
    return plan


def _refuse_others(where: str | Path, found: dict[str, Any], known: set[str]) -> None:
    if not isinstance(found, dict):
        raise CxrError(f"{where}: {found!r}; expected keys and values")
    if others := sorted(map(str, set(found) - known)):
        raise CxrError(f"{where}: unknown key '{others[0]}'; known: {', '.join(sorted(known))}")


def _whole(where: str, group: dict[str, Any], key: str) -> int:
    value = group.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise CxrError(f"{where}: {key} is {value!r}; expected a whole number of 1 or more")
    return value


def _read_rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        raise CxrError(f"{path}: no such file; expected a table with {', '.join(COLUMNS)}")
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    if missing := [name for name in COLUMNS if name not in table.columns]:
        raise CxrError(f"{path}: columns {missing} are missing; found {list(table.columns)}")
    if (twice := table["image_id"].duplicated()).any():
        raise CxrError(f"{path}: image '{table['image_id'][twice].iloc[0]}' occurs twice; expected it once")
    return table[list(COLUMNS)].sort_values("image_id").to_dict("records")


def _read_pair(root: Path, image_id: str) -> tuple[np.ndarray, np.ndarray]:
    pair = []
    for folder in ("images", "masks"):
        found = sorted(path_inside(root / folder, image_id).parent.glob(f"{escape(Path(image_id).name)}.*"))
        if len(found) != 1:
            raise CxrError(f"{root / folder}: {len(found)} files '{image_id}.*'; expected one")
        pair.append(found[0])
    try:
        image = read_radiograph(pair[0], checks=HeaderChecks(orientation="ignore")).pixels  # as its mask lies
    except ImageError as error:
        raise CxrError(f"{pair[0]}: {error}") from error
    mask = cv2.imread(str(pair[1]), cv2.IMREAD_GRAYSCALE)
    if mask is None or mask.shape != image.shape:
        raise CxrError(f"{pair[1]}: no mask of the image's {image.shape[0]} x {image.shape[1]} pixels")
    return image if image.dtype == np.uint8 else to_uint8(image), mask
