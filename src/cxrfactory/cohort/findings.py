"""Virtual findings of the four classes of CXLSeg: their presence, their side and their sentences in the report.

Findings are off by default: the patients of the embedded cohort are healthy except for the size of their hearts. A
probability above 0 adds findings for the classification study (``workflow/rules/classify.smk``), whose labels are then
known exactly.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Float

from cxrfactory.cohort.patient import Person, Projection, lung_depth
from cxrfactory.cohort.source import ORGAN_GROUPS, SourceChest
from cxrfactory.projection.lesions import TISSUE_IN_LUNG_PER_MM, LungField, effusion, nodule, opacity, plate
from cxrfactory.tables.keys import seed_of

LESION, EFFUSION, PNEUMONIA, ATELECTASIS = "Lung Lesion", "Pleural Effusion", "Pneumonia", "Atelectasis"
LABELS = (LESION, PNEUMONIA, ATELECTASIS, EFFUSION)  # the classes of CXLSeg's table III, in the order of the table
TEXTS = {
    LESION: "nodule",
    PNEUMONIA: "patchy opacity, as in pneumonia",
    ATELECTASIS: "plate-like atelectasis",
    EFFUSION: "pleural effusion",
}
SEEN_DEPTH_MM = 15.0  # smallest depth of lung along the ray for a pixel to be part of the lung field
SIDES = (("right lung", -1), ("left lung", 1))  # a frontal picture shows the patient's right on its left side


@dataclass(frozen=True)
class Findings:
    """Findings of one patient.

    Attributes
    ----------
    sides
        Lung of each present finding: label -> ``right lung`` or ``left lung``.
    """

    sides: dict[str, str]

    def sentences(self) -> str:
        """Return the sentences of a synthetic report on all four classes, present or absent."""
        said = [
            f"{TEXTS[label].capitalize()} in the {self.sides[label]}." if label in self.sides else f"No {TEXTS[label]}."
            for label in LABELS
        ]
        return " ".join(said)

    def labels(self) -> dict[str, str]:
        """Return the labels in the format of the CheXpert table: ``1.0`` is present and ``0.0`` is absent."""
        return {label: f"{float(label in self.sides)}" for label in LABELS}


def add_findings(
    source: SourceChest, person: Person, projection: Projection, share: float, seed: int
) -> tuple[Projection, Findings]:
    """Draw a patient's findings and add them to the frontal projection.

    Parameters
    ----------
    source, person
        Source chest and virtual patient.
    projection
        Frontal projection of the patient.
    share
        Probability of each of the four findings; they are drawn independently.
    seed
        Seed of the cohort.

    Returns
    -------
    The projection with the findings added to its soft channel, and the findings.
    """
    rng = np.random.default_rng(seed_of(f"patient {person.number}", "findings", seed))
    present = {label: bool(rng.random() < share) for label in LABELS}
    lines, sides = projection.lines.copy(), {}
    fields = lung_fields(source, person, projection) if any(present.values()) else []
    for label in LABELS:
        # Each finding has its own random stream, so a larger share keeps the findings of a smaller one.
        stream = np.random.default_rng(seed_of(f"patient {person.number}", f"finding {label}", seed))
        if present[label]:
            place = int(stream.integers(len(SIDES)))
            lines[0] += _DRAW[label](fields[place], stream).astype(np.float32)
            sides[label] = SIDES[place][0]
    return replace(projection, lines=lines), Findings(sides)


def replaced_share(
    source: SourceChest, person: Person, before: Projection, after: Projection
) -> Float[np.ndarray, "rows columns"]:
    """Return the share of the air along each frontal ray that findings replace by tissue, 0 to 1.

    Parameters
    ----------
    source, person
        Source chest and virtual patient.
    before, after
        Frontal projections of the patient without and with findings (:func:`add_findings`).

    Returns
    -------
    Map on the grid of the line integrals; 0 outside the lungs.
    """
    height, width = before.lines.shape[1:]
    depth = _enlarged(lung_depth(source, person).sum(axis=0), height, width)
    added_mm = (after.lines[0] - before.lines[0]) / TISSUE_IN_LUNG_PER_MM
    return np.where(depth > 1.0, np.clip(added_mm / np.maximum(depth, 1.0), 0, 1), 0.0)


def lung_fields(source: SourceChest, person: Person, projection: Projection) -> list[LungField]:
    """Return the right and the left lung field on the pixel grid of the line integrals."""
    height, width = projection.lines.shape[1:]
    dense = [list(ORGAN_GROUPS).index(name) for name in ("heart", "abdomen", "mediastinum", "spinal_cord")]
    covered = _enlarged(projection.organs[dense].max(axis=0), height, width) > 0.5
    fields = []
    for depth, (_, lateral) in zip(lung_depth(source, person), SIDES, strict=True):
        depth = _enlarged(depth, height, width)
        seen = (depth >= SEEN_DEPTH_MM) & ~covered
        fields.append(LungField(depth, seen, projection.lines_pixel_mm, lateral))
    return fields


def _enlarged(values: Float[np.ndarray, "rows columns"], height: int, width: int) -> Float[np.ndarray, "h w"]:
    """Resample values linearly to a grid whose outermost pixels have the same centres."""
    rows, columns = values.shape
    matrix = np.array([[(columns - 1) / (width - 1), 0, 0], [0, (rows - 1) / (height - 1), 0]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(values, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)


def _several(maps: Sequence[Float[np.ndarray, "rows columns"]]) -> Float[np.ndarray, "rows columns"]:
    return np.maximum.reduce(list(maps))  # where findings overlap, the air is replaced only once


_DRAW: dict[str, Callable[[LungField, np.random.Generator], Float[np.ndarray, "rows columns"]]] = {
    LESION: lambda lung, rng: _several(
        [nodule(lung, float(rng.uniform(6, 16)), rng) for _ in range(int(rng.integers(1, 4)))]
    ),
    EFFUSION: lambda lung, rng: effusion(lung, float(rng.uniform(0.12, 0.45)), rng),
    PNEUMONIA: lambda lung, rng: opacity(lung, float(rng.uniform(14, 34)), float(rng.uniform(0.25, 0.7)), rng),
    ATELECTASIS: lambda lung, rng: _several(
        [
            plate(lung, float(rng.uniform(35, 90)), float(rng.uniform(2.5, 6)), rng)
            for _ in range(int(rng.integers(1, 3)))
        ]
    ),
}
