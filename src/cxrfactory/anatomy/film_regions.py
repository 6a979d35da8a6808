"""Derive organ masks in the convention of manual radiograph annotation from projected organs.

Projected lungs extend behind the heart and, in the posterior recess, far below the domes of the diaphragm. The
annotators of the landmark data (van Ginneken et al. 2006) exclude both areas. A lung mask is therefore the projection
of the lung minus the projections of the heart, of the abdomen below the diaphragm and of the mediastinum. Only its
largest part is kept, and its outline is smoothed.

:func:`film_regions` is the one rule by which masks of structures, true or segmented, become the regions that people
draw in a frontal film. Training tables and comparisons with drawn masks use it alike.
"""

from collections.abc import Mapping

import cv2
import numpy as np
from jaxtyping import Bool, Float

from cxrfactory.anatomy.clavicles import drawn_clavicle
from cxrfactory.anatomy.organs import LUNGS, ORGANS
from cxrfactory.anatomy.regions import WHOLE_REGIONS

_SMOOTHING_MM = 2.5
_MEDIASTINUM_OPENING_MM = 7.0  # removes main bronchi and small vessels that project onto the lungs
_MEDIASTINUM_SMOOTHING_MM = 5.0
_CORD_TO_BODY_MM = 10.0  # distance from the edge of the spinal cord to the edge of the vertebral body
_LUNG_OPENING_MM = 5.0  # removes slivers between heart and diaphragm, and along the spine
_HEART_OPENING_MM = 17.0  # removes the stumps of the great vessels that the heart's label includes

# Of the regions that people draw; chosen on 20 films of JSRT (docs/cohort.md).
_DRAWN_MEDIASTINUM_OPENING_MM = 12.0
_UPPER_SHARE = 0.3  # upper part of the heart's height in which great vessels lie between it and the right lung
_TOP_SHARE = 0.1  # upper part of the heart's height that is drawn as great vessels
_LARGEST_GAP_MM = 20.0  # between the heart and the border of the right lung
_ANGLE_REACH_MM = 15.0  # the right lung's inner border leaves the heart where it is this far from its usual column
_CONTACT_MM = 12.0  # largest distance of the heart and the left lung that touch
_SAG_MM = 3.0  # of the heart's lower border below the line between the cardiophrenic angles
LUNGS_WIDTH_MM = 270.0  # usual width of both lungs in a frontal film

# Groups of taxonomy classes by their role in a frontal film. The mediastinum excludes the subclavian arteries, which
# cross the apices, and the pulmonary veins, which project onto the lungs.
STRUCTURES: dict[str, tuple[str, ...]] = {
    "right_lung": ("right lung upper lobe", "right lung middle lobe", "right lung lower lobe"),
    "left_lung": ("left lung upper lobe", "left lung lower lobe"),
    "heart": ("heart", "left auricle of heart"),
    "abdomen": (
        "spleen", "right kidney", "left kidney", "gallbladder", "liver", "stomach", "pancreas", "right adrenal gland",
        "left adrenal gland", "small bowel", "duodenum", "colon", "left kidney cyst", "right kidney cyst",
    ),
    "mediastinum": (
        "esophagus", "trachea", "thyroid gland", "aorta", "brachiocephalic trunk", "right common carotid artery",
        "left common carotid artery", "left brachiocephalic vein", "right brachiocephalic vein", "superior vena cava",
        "inferior vena cava",
    ),
    "spinal_cord": ("spinal cord",),
}  # fmt: skip
# Outputs of a network that are regions as people draw them, beside the structures that a CT projects.
DRAWN_PREFIX = "drawn_"
DRAWN_REGIONS = (*ORGANS, *WHOLE_REGIONS.values())
CLAVICLES = {"right_clavicle": "right clavicle", "left_clavicle": "left clavicle"}  # region -> taxonomy class


def film_regions(
    masks: Mapping[str, Bool[np.ndarray, "h w"]], pixel_mm: float | None = None
) -> dict[str, Bool[np.ndarray, "h w"]]:
    """Derive the regions that people draw in a frontal film from masks of anatomical structures.

    Lungs of JSRT's definition are the lobes without what heart, mediastinum, spine and abdomen hide; whole lungs keep
    the part behind the heart. The heart is without the stumps of its great vessels and the upper tenth of its height.
    In its lower seven tenths it goes on to the border of the right lung, and it ends a little below the line between
    the two cardiophrenic angles, as people draw it: what lies lower is seen through the liver only. Clavicles end
    7.4 mm outside the lateral border of the lung, where a lung is.

    Parameters
    ----------
    masks
        Masks [row, column] of a PA view by the name of their taxonomy class, non-zero inside. The classes that are used
        are those of :data:`STRUCTURES` and :data:`CLAVICLES`; a class that is missing counts as empty.
    pixel_mm
        Side length of the square pixels in mm. None takes the size at which both lungs are 270 mm wide.

    Returns
    -------
    dict
        Boolean masks ``right_lung``, ``left_lung``, ``heart``, ``right_whole_lung``, ``left_whole_lung``,
        ``right_clavicle`` and ``left_clavicle``. Right and left are the patient's.

    Raises
    ------
    ValueError
        If no mask is given.

    Examples
    --------
    >>> lobes = np.zeros((64, 64), bool)
    >>> lobes[10:50, 4:28] = True
    >>> regions = film_regions({"right lung upper lobe": lobes}, pixel_mm=5.0)
    >>> bool(regions["right_lung"].any()), bool(regions["heart"].any())
    (True, False)
    """
    shape = next((np.shape(mask) for mask in masks.values()), None)
    if shape is None:
        raise ValueError("no mask was given; expected masks of anatomical structures")
    organs = {group: _union(masks, names, shape).astype(np.float32) for group, names in STRUCTURES.items()}
    if pixel_mm is None:
        columns = np.flatnonzero((organs["right_lung"] + organs["left_lung"] > 0).any(axis=0))
        pixel_mm = LUNGS_WIDTH_MM / (np.ptp(columns) + 1) if len(columns) else LUNGS_WIDTH_MM / shape[1]
    opening_mm = _DRAWN_MEDIASTINUM_OPENING_MM
    whole = whole_lung_truth(organs, pixel_mm, opening_mm)
    frontal = frontal_truth(organs, pixel_mm, opening_mm)
    bones = {
        region: drawn_clavicle(region, _union(masks, (name,), shape), frontal[lung], pixel_mm)
        for (region, name), lung in zip(CLAVICLES.items(), LUNGS, strict=True)
    }
    heart = _to_right_lung(frontal["heart"], frontal["right_lung"], _LARGEST_GAP_MM / pixel_mm)
    heart = _above_diaphragm(heart, frontal["right_lung"], frontal["left_lung"], pixel_mm)
    return {
        **frontal,
        "heart": _without_top(heart),
        **{WHOLE_REGIONS[lung]: mask for lung, mask in whole.items()},
        **bones,
    }


def _to_right_lung(
    heart: Bool[np.ndarray, "h w"], lung: Bool[np.ndarray, "h w"], largest_px: float
) -> Bool[np.ndarray, "h w"]:
    """Fill the gap between the heart and the inner border of the right lung, row by row, where it is narrow."""
    filled = heart.copy()
    rows = np.flatnonzero(heart.any(axis=1))
    if len(rows) == 0:
        return filled
    for row in range(int(rows[0] + _UPPER_SHARE * (rows[-1] - rows[0] + 1)), int(rows[-1]) + 1):
        beside, own = np.flatnonzero(lung[row]), np.flatnonzero(heart[row])
        if len(beside) and len(own) and 0 < own[0] - beside[-1] <= largest_px + 1:
            filled[row, beside[-1] + 1 : own[0]] = True
    return filled


def _above_diaphragm(
    heart: Bool[np.ndarray, "h w"], right: Bool[np.ndarray, "h w"], left: Bool[np.ndarray, "h w"], pixel_mm: float
) -> Bool[np.ndarray, "h w"]:
    """Cut the heart below the line between the right and the left cardiophrenic angle."""
    rows = np.flatnonzero(right.any(axis=1))
    touching = [
        (row, own[-1])
        for row in np.flatnonzero(heart.any(axis=1))
        if (lung := np.flatnonzero(left[row])).size
        and 0 <= lung[0] - (own := np.flatnonzero(heart[row]))[-1] <= _CONTACT_MM / pixel_mm
    ]
    if not len(rows) or not touching:
        return heart
    lower = rows[rows > rows[0] + 0.5 * np.ptp(rows)]
    inner = np.array([np.flatnonzero(right[row])[-1] for row in lower])
    usual = np.median(inner[: max(len(inner) // 3, 1)])
    beside = np.flatnonzero(inner > usual - _ANGLE_REACH_MM / pixel_mm)
    if not len(beside):
        return heart
    first, last = (inner[beside[-1]], lower[beside[-1]]), touching[-1][::-1]  # (x, y)
    columns = np.arange(heart.shape[1])
    span = max(last[0] - first[0], 1)
    line = np.interp(columns, [first[0], first[0] + span], [first[1], last[1]])
    line += _SAG_MM / pixel_mm * np.sin(np.pi * ((columns - first[0]) / span).clip(0, 1))
    return heart & (np.arange(heart.shape[0])[:, None] <= line)


def _without_top(heart: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    rows = np.flatnonzero(heart.any(axis=1))
    cut = heart.copy()
    if len(rows):
        cut[: int(rows[0] + _TOP_SHARE * np.ptp(rows))] = False
    return cut


def _union(masks: Mapping[str, np.ndarray], names: tuple[str, ...], shape: tuple[int, ...]) -> np.ndarray:
    found = np.zeros(shape, bool)
    for name in names:
        if name in masks:
            found |= np.asarray(masks[name]) != 0
    return found


def frontal_truth(
    organs: dict[str, Float[np.ndarray, "h w"]], pixel_mm: float, opening_mm: float = _MEDIASTINUM_OPENING_MM
) -> dict[str, Bool[np.ndarray, "h w"]]:
    """Compute masks of right lung, left lung and heart in the convention of manual annotation.

    Parameters
    ----------
    organs
        Projected soft masks [row, column] with values 0..1 of ``right_lung``, ``left_lung``, ``heart``, ``abdomen``,
        ``mediastinum`` and ``spinal_cord``, in PA display orientation.
    pixel_mm
        Side length of the square pixels in mm.
    opening_mm
        Parts of the mediastinum that are narrower than twice this do not hide a lung.

    Returns
    -------
    dict
        Boolean masks with the names in :data:`ORGANS` as keys. A lung never overlaps the heart. A mask may be empty if
        the organ is outside the picture.
    """
    heart = _largest(_opened(organs["heart"] > 0.5, _HEART_OPENING_MM / pixel_mm))
    heart = _largest(_smoothed(heart, _SMOOTHING_MM / pixel_mm))
    hidden = heart | (organs["abdomen"] > 0.5) | _mediastinum(organs, pixel_mm, opening_mm)
    lungs = _visible_lungs(organs, hidden, pixel_mm)
    return {name: _largest(mask & ~heart) for name, mask in lungs.items()} | {"heart": heart}


def whole_lung_truth(
    organs: dict[str, Float[np.ndarray, "h w"]], pixel_mm: float, opening_mm: float = _MEDIASTINUM_OPENING_MM
) -> dict[str, Bool[np.ndarray, "h w"]]:
    """Compute masks of both lungs with the part behind the heart, down to the domes of the diaphragm (V7's convention).

    Parameters
    ----------
    organs, pixel_mm, opening_mm
        Those of :func:`frontal_truth`.

    Returns
    -------
    dict
        Boolean masks ``right_lung`` and ``left_lung``, without what the abdomen and the mediastinum hide.
    """
    hidden = (organs["abdomen"] > 0.5) | _mediastinum(organs, pixel_mm, opening_mm)
    lungs = _visible_lungs(organs, hidden, pixel_mm)
    return {name: _largest(mask) for name, mask in lungs.items()}


def _mediastinum(organs: dict[str, Float[np.ndarray, "h w"]], pixel_mm: float, opening_mm: float) -> np.ndarray:
    vessels = _opened(organs["mediastinum"] > 0.5, opening_mm / pixel_mm)
    spine = _widened(organs["spinal_cord"] > 0.5, _CORD_TO_BODY_MM / pixel_mm)
    return _smoothed(vessels | spine, _MEDIASTINUM_SMOOTHING_MM / pixel_mm)


def _visible_lungs(
    organs: dict[str, Float[np.ndarray, "h w"]], hidden: np.ndarray, pixel_mm: float
) -> dict[str, np.ndarray]:
    found = {}
    for name in LUNGS:
        visible = _largest(_opened((organs[name] > 0.5) & ~hidden, _LUNG_OPENING_MM / pixel_mm))
        found[name] = _smoothed(visible, _SMOOTHING_MM / pixel_mm)
    return found


def lateral_truth(organs: dict[str, Float[np.ndarray, "h w"]]) -> dict[str, Bool[np.ndarray, "h w"]]:
    """Return the complete projections of right lung, left lung and heart in a lateral view; they may overlap.

    Unlike for frontal radiographs, no annotation convention exists for lateral ones, so no area is excluded.

    Parameters
    ----------
    organs
        Projected soft masks [row, column] with values 0..1 of at least the organs in :data:`ORGANS`.
    """
    return {name: organs[name] > 0.5 for name in ORGANS}


def _opened(mask: np.ndarray, radius_px: float) -> np.ndarray:
    """Apply a morphological opening with a disc, on a reduced mask if the disc is large."""
    step = max(1, int(radius_px // 6))
    height, width = mask.shape
    small = cv2.resize(
        mask.astype(np.uint8), (max(width // step, 1), max(height // step, 1)), interpolation=cv2.INTER_AREA
    )
    radius = max(round(radius_px / step), 1)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    # The organ continues beyond the picture, so the edge of the picture must not erode it.
    padded = cv2.copyMakeBorder(small, *([2 * radius] * 4), cv2.BORDER_REPLICATE)
    core = cv2.morphologyEx(padded, cv2.MORPH_OPEN, disc)[2 * radius : -2 * radius, 2 * radius : -2 * radius]
    if step == 1:
        return core.astype(bool)
    grown = cv2.dilate(core, np.ones((3, 3), np.uint8))  # covers the full-size core, and selects pixels of the mask
    return mask & cv2.resize(grown, (width, height), interpolation=cv2.INTER_NEAREST).astype(bool)


def _widened(mask: np.ndarray, by_px: float) -> np.ndarray:
    """Dilate a mask horizontally only."""
    reach = max(round(by_px), 1)
    return cv2.dilate(mask.astype(np.uint8), np.ones((1, 2 * reach + 1), np.uint8)).astype(bool)


def _smoothed(mask: np.ndarray, sigma_px: float) -> np.ndarray:
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), max(sigma_px, 0.3), borderType=cv2.BORDER_REPLICATE)
    return soft > 0.5


def _largest(mask: np.ndarray) -> np.ndarray:
    count, parts, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    if count < 2:
        return np.zeros_like(mask, dtype=bool)
    return parts == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
