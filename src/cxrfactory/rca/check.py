"""Does the RCA score follow the true Dice? Good and spoiled masks of images whose truth is known.

The registrations depend on the images alone, so each image is aligned once and all its masks are scored
with the same transforms.
"""

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, UInt8

from cxrfactory.errors import CxrError, ImageError
from cxrfactory.imaging.geometry import Geometry
from cxrfactory.imaging.png import decode_png
from cxrfactory.logs import get_logger, progress
from cxrfactory.metrics.overlap import dice
from cxrfactory.metrics.uncertainty import organ_spread
from cxrfactory.rca.reference import check_definition, origin_of, read_reference
from cxrfactory.rca.score import (
    HEART,
    LUNGS,
    Masks,
    align,
    graph_of,
    organ_masks,
    resized,
    score_aligned,
    select_references,
)
from cxrfactory.rca.spoil import KINDS, spoil
from cxrfactory.tables.atomic import atomic_path, write_text
from cxrfactory.tables.keys import seed_of
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.schemas import GEOMETRY_FIELDS

log = get_logger(__name__)

SEVERITIES = (0.25, 0.5, 0.75, 1.0)
_SIZE = 256


@dataclass(frozen=True)
class Case:
    """An image with predicted landmarks and true masks, all at one size.

    Attributes
    ----------
    image_id, image
        Id and 8-bit image [row, column].
    latent
        Latent mean.
    landmarks
        Predicted, (x, y) pixels of the image.
    truth
        True masks, ``lungs`` and ``heart``.
    spread
        Uncertainty of the prediction by organ (:func:`cxrfactory.metrics.uncertainty.organ_spread`), where known.
    """

    image_id: str
    image: UInt8[np.ndarray, "rows columns"]
    latent: Float[np.ndarray, " latent"]
    landmarks: Float[np.ndarray, "nodes 2"]
    truth: Masks
    spread: Mapping[str, float] | None = None


def true_dice(masks: Masks, truth: Masks) -> float:
    """Dice of the masks with the truth, as RCA estimates it: mean of both lungs together and the heart."""
    organs = [LUNGS, HEART] if HEART in masks else [LUNGS]
    return float(np.mean([dice(masks[organ], truth[organ]) for organ in organs]))


def check_cases(
    cases: Sequence[Case], reference: str | Path, references: int = 5, severities: Sequence[float] = SEVERITIES
) -> pd.DataFrame:
    """Score the predicted and the spoiled masks of every case.

    Parameters
    ----------
    cases
        At least two; each is spoiled towards the next one by ``swap``.
    reference
        Reference set from ``rca-reference``; a case that is in it is no reference of itself.
    references
        References an image is compared with.
    severities
        Degrees of each kind of :data:`cxrfactory.rca.spoil.KINDS`.

    Returns
    -------
    One row a mask: ``image_id``, ``kind`` (``none`` for the prediction), ``severity``, ``true_dice``,
    ``dice_rca_mean``, ``dice_rca_max``, then by organ ``lungs_true``, ``lungs_mean``, ``lungs_max``, ``heart_true``,
    ... (empty without a heart), and ``dice_std``, ``lungs_std``, ``heart_std`` (:class:`Case`; empty for spoiled
    masks, of which the network's uncertainty says nothing). Cases whose registration fails are logged and left out.
    """
    if len(cases) < 2:
        raise CxrError(f"{len(cases)} images to check RCA on; expected at least 2")
    known = read_reference(reference)
    rows: list[dict[str, Any]] = []
    for number, case in enumerate(progress(cases, "rca-check")):
        graph = graph_of(len(case.landmarks))
        size = known.size
        if case.image.shape != (size, size):
            raise CxrError(f"image '{case.image_id}' of shape {case.image.shape}; references are {size} x {size}")
        chosen = select_references(case.latent, known.latents, known.ids, references, exclude=case.image_id)
        atlas = [known.references[position] for position in chosen]
        try:
            transforms = align(case.image, atlas)
        except ImageError as error:
            log.warning("left out %s: %s", case.image_id, error)
            continue
        other = cases[(number + 1) % len(cases)].landmarks
        spoiled = [("none", 0.0, case.landmarks)] + [
            (kind, severity, spoil(case.landmarks, graph, kind, severity, case.image_id, size, other))
            for kind in KINDS
            for severity in severities
        ]
        for kind, severity, landmarks in spoiled:
            masks = organ_masks(landmarks, graph, size, size)
            score = score_aligned(masks, transforms, atlas).as_row()
            row = {
                "image_id": case.image_id,
                "kind": kind,
                "severity": severity,
                "true_dice": true_dice(masks, case.truth),
                "dice_rca_mean": score["dice_rca_mean"],
                "dice_rca_max": score["dice_rca_max"],
            }
            for organ in (LUNGS, HEART):
                row[f"{organ}_true"] = dice(masks[organ], case.truth[organ]) if organ in masks else None
                row |= {name: score[name] for name in (f"{organ}_mean", f"{organ}_max")}
            spread = case.spread if case.spread is not None and kind == "none" else {}
            row |= {"dice_std": spread.get("both"), "lungs_std": spread.get(LUNGS), "heart_std": spread.get(HEART)}
            rows.append(row)
    if not rows:
        raise CxrError("no image could be registered; RCA cannot be checked")
    return pd.DataFrame(rows)


def correlation(table: pd.DataFrame) -> dict[str, Any]:
    """Pearson r of the RCA score with the true Dice, overall and by kind of spoiling.

    Raises
    ------
    CxrError
        If all true Dice are equal: there is nothing to correlate.
    """
    if table["true_dice"].nunique() < 2:
        raise CxrError("every mask has the same true Dice; a correlation needs masks of different quality")

    def r(rows: pd.DataFrame, column: str) -> float | None:
        if rows["true_dice"].nunique() < 2 or rows[column].nunique() < 2:
            return None
        return float(np.corrcoef(rows["true_dice"], rows[column])[0, 1])

    by_kind = {}
    for kind in KINDS:
        rows = table[table["kind"].isin(["none", kind])]
        by_kind[kind] = {"masks": len(rows), "r_mean": r(rows, "dice_rca_mean"), "r_max": r(rows, "dice_rca_max")}
    return {
        "images": int(table["image_id"].nunique()),
        "masks": len(table),
        "r_mean": r(table, "dice_rca_mean"),
        "r_max": r(table, "dice_rca_max"),
        "mean_absolute_difference": float((table["dice_rca_mean"] - table["true_dice"]).abs().mean()),
        "by_kind": by_kind,
    }


def run_check(cases: Sequence[Case], reference: str | Path, output: str | Path, references: int = 5) -> dict[str, Any]:
    """Check RCA on the cases; write ``rca_check.csv``, ``rca_check.json`` and ``rca_check.png``."""
    output = Path(output)
    table = check_cases(cases, reference, references)
    found = correlation(table) | {"origin": origin_of(reference, references).model_dump(mode="json")}
    write_text(output / "rca_check.csv", table.to_csv(index=False, float_format="%.6f"))
    write_text(output / "rca_check.json", json.dumps(found, indent=2) + "\n")
    _plot(table, found, output / "rca_check.png")
    log.info("%d images, %d masks: Pearson r %.3f (mean), %.3f (max); wrote %s",
             found["images"], found["masks"], found["r_mean"], found["r_max"], output)  # fmt: skip
    return found


def check_truth(
    images: Sequence[str | Path],
    landmarks: Sequence[str | Path],
    truth: str | Path,
    reference: str | Path,
    output: str | Path,
    count: int,
    references: int = 5,
) -> dict[str, Any]:
    """Check RCA on ``count`` images of shards whose truth is known; see the functions that this calls."""
    for path in landmarks:
        check_definition(path, reference)
    size = read_reference(reference).size
    return run_check(cases_of_truth(images, landmarks, truth, count, size), reference, output, references)


def cases_of_truth(
    images: Sequence[str | Path],
    landmarks: Sequence[str | Path],
    truth: str | Path,
    count: int,
    size: int = _SIZE,
) -> list[Case]:
    """Read ``count`` images of some shards, chosen by a hash of the id, with prediction and true masks.

    The true masks, PNG at the original size, are brought to ``size`` by the image's geometry; a pixel
    belongs to an organ that covers half of it or more.

    Raises
    ------
    CxrError
        If a table lacks a column, an id repeats, or no image is in all three.
    """
    geometry_columns = [field.name for field in GEOMETRY_FIELDS]
    columns = ["image_id", "landmarks", "landmarks_std", "latent", *geometry_columns]
    predicted = pd.concat([read_table(path, columns=columns) for path in landmarks], ignore_index=True)
    known = read_table(truth, columns=["image_id", "right_lung", "left_lung", "heart"])
    for name, frame in (("landmarks", predicted), (str(truth), known)):
        if frame["image_id"].duplicated().any():
            raise CxrError(f"{name}: an image_id stands twice; check one release at a time")
    merged = predicted.merge(known, on="image_id")
    merged = merged.sort_values("image_id", key=lambda ids: ids.map(lambda each: seed_of(each, "rca-check")))
    merged = merged.head(count)
    pictures = [read_table(path, columns=["image_id", "png"]) for path in images]
    pictures = [frame[frame["image_id"].isin(merged["image_id"])] for frame in pictures]
    merged = merged.merge(pd.concat(pictures), on="image_id")
    if merged.empty:
        raise CxrError(f"no image_id is in the images, the landmarks and {truth}; give tables of one run")
    cases = []
    for row in merged.to_dict("records"):
        geometry = dataclasses.replace(Geometry.from_row(row), size=size)
        organs = {
            organ: geometry.forward_image(np.where(decode_png(row[organ]) > 0, 255, 0).astype(np.uint8)) >= 128
            for organ in ("right_lung", "left_lung", "heart")
        }
        points = np.asarray(row["landmarks"], np.float64).reshape(-1, 2)
        cases.append(
            Case(
                row["image_id"],
                resized(decode_png(row["png"]), size),
                np.asarray(row["latent"]),
                (points + 0.5) * (size / row["size"]) - 0.5,
                {LUNGS: organs["right_lung"] | organs["left_lung"], HEART: organs["heart"]},
                organ_spread(np.asarray(row["landmarks_std"]).reshape(-1, 2), graph_of(len(points)), row["size"]),
            )
        )
    return cases


def cases_of_labelled(labelled: str | Path, encode: Any, ids: Iterable[str], size: int = _SIZE) -> list[Case]:
    """Take labelled images as cases: their own landmarks are both prediction and truth."""
    table = read_table(labelled, columns=["image_id", "png", "landmarks", "size"]).set_index("image_id")
    cases = []
    for image_id in ids:
        row = table.loc[image_id]
        image = decode_png(row["png"])
        points = np.asarray(row["landmarks"], np.float64).reshape(-1, 2)
        graph = graph_of(len(points))
        scaled = (points + 0.5) * (size / row["size"]) - 0.5
        truth = organ_masks(scaled, graph, size, size)
        cases.append(Case(image_id, resized(image, size), encode(image), scaled, truth))
    return cases


def _plot(table: pd.DataFrame, found: dict[str, Any], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(10, 5), sharex=True, sharey=True, layout="compressed")
    for axis, column, name in zip(axes, ("dice_rca_mean", "dice_rca_max"), ("mean", "max"), strict=True):
        for kind, rows in table.groupby("kind"):
            label = "prediction" if kind == "none" else kind
            axis.scatter(rows["true_dice"], rows[column], s=10, alpha=0.7, label=label)
        axis.plot([0, 1], [0, 1], color="grey", linewidth=0.8)
        axis.set(xlabel="true Dice", ylabel=f"RCA Dice ({name})", aspect="equal", xlim=(0, 1), ylim=(0, 1))
        axis.set_title(f"Pearson r = {found[f'r_{name}']:.3f}")
    axes[0].legend(fontsize="small")
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=110, metadata={"Software": None})
    plt.close(figure)
