"""Flags of a segmentation: simple rules on the picture, the contours and the scores, with their thresholds.

A flag does not reject an image. All thresholds are in this module. They were set on public films (docs/segment.md tells
the rates): beyond every value of 332 pairs of lungs and heart that experts drew (JSRT, PadChest), and of the networks'
contours on upright frontal films of JSRT, of a second and a fourth hospital, and of ChestX-ray8.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float, UInt8

from cxrfactory.anatomy.graph import LandmarkGraph
from cxrfactory.anatomy.loops import crossings
from cxrfactory.anatomy.organs import HEART, LUNGS
from cxrfactory.imaging.geometry import Geometry
from cxrfactory.imaging.radiograph.image import USELESS_WINDOW

SEVERAL = "several-pictures"
CRUSHED = "crushed-grey-levels"
WINDOW = "window-not-used"
NOT_FRONTAL = "unlike-frontal-chest"
LOW_RCA = "low-rca"
AT_BORDER = "lungs-at-border"
SMALL = "small-lungs"
SHAPE = "implausible-shape"
MIRRORED = "heart-on-the-right"
LOW_ESTIMATE = "low-estimate"

# Flag -> sentence for logs and notes.
FLAGS = {
    SEVERAL: "a part of the picture looks more like a chest radiograph than the whole; it may hold several films",
    CRUSHED: "the grey values are crushed: much of the picture is black or white, or it has few grey levels",
    WINDOW: "the window or table of the header shows nearly nothing of the picture; its full range of values was used",
    NOT_FRONTAL: "the picture does not resemble a frontal chest radiograph; it may be a lateral or another body part",
    LOW_RCA: "the estimated Dice (RCA) is low; the contours do not fit those of similar radiographs",
    AT_BORDER: "a lung lies at the border of the picture; it may be cut off",
    SMALL: "the lungs are very small in the picture",
    MIRRORED: "the heart seems to lie on the patient's right: the film may be mirrored, or the heart displaced",
    SHAPE: "the contours have an implausible shape or order",
    LOW_ESTIMATE: "the estimated Dice of an organ is lower than that of nearly all films of the quality calibration",
}

TYPICAL = 0.8  # smallest typicality of a frontal film; 1 of 1,263 films of adults is below (docs/segment.md)
RCA = 0.7  # CheXmask's recommendation for the mean; none of these 1,263 films is below
MIRROR = 0.9  # probability of a mirrored film; 2 of 602 films of adults that were in no training have more
TYPICAL_TURNED = 0.7  # typicality from which a picture, turned, may be refused as a turned film
PARTS_IF_TYPICALITY = 0.9  # below one of these two, the parts of the picture are looked at
PARTS_IF_RCA = 0.8
PART_TYPICAL = 0.9  # typicality of a part that counts as a film of its own; parts of single films have 0.88 at most
PART_ASPECT = (0.55, 1.8)  # width over height of a film
WHITE = 0.2  # share of pixels at 255; films of the public sets have 0.14 at most, of the virtual cohort 0.10
BLACK = 0.45  # share of pixels at 0, without padding; films of the public sets have 0.33 at most
BLACK_LUNG = 0.5  # the same inside the lungs
FREQUENT = 8  # number of grey levels, of those between black and white, that may hold ...
IN_FREQUENT = 0.6  # ... this share of the pixels; 0.55 at most in films of the public sets, 0.61 at least in 16 levels
ONE_LEVEL = 0.2  # share of pixels at one level between black and white; 0.13 at most
EDGE = 0.01  # distance from the border that counts as at the border, as a share of the picture's side
EDGE_NODES = 0.05  # share of the lungs' nodes at the border; experts' lungs have 0.02 at most
LUNG_AREA = 0.07  # share of the picture; experts' lungs have 0.12 at least, the networks' contours 0.07
# Smallest and largest ratio; in brackets the range of the experts' contours.
RIGHT_OVER_LEFT_AREA = (0.55, 2.9)  # (0.91, 1.84)
RIGHT_OVER_LEFT_HEIGHT = (0.6, 1.5)  # (0.83, 1.30)
HEART_OVER_LUNGS_AREA = (0.12, 1.2)  # (0.18, 0.90)
HEART_BETWEEN_LUNGS = (0.2, 1.0)  # place of its centre between the lungs' centres, from right to left
CROSSINGS = 4  # crossings of the contours with themselves; the networks' contours of good films have 2 at most


def score_flags(typicality: float | None, dice_rca_mean: float | None) -> list[str]:
    """Return the flags that follow from the scores alone."""
    flags = [NOT_FRONTAL] if typicality is not None and typicality < TYPICAL else []
    return flags + ([LOW_RCA] if dice_rca_mean is not None and dice_rca_mean < RCA else [])


def side_flags(mirrored: float) -> list[str]:
    """Return the flag of a single frontal chest whose probability of being mirrored is given."""
    return [MIRRORED] if mirrored > MIRROR else []


def look_at_parts(typicality: float, dice_rca_mean: float | None) -> bool:
    """Return whether the scores give a reason to look at the parts of the picture (:func:`parts_of`)."""
    return typicality < PARTS_IF_TYPICALITY or (dice_rca_mean is not None and dice_rca_mean < PARTS_IF_RCA)


def parts_of(image: UInt8[np.ndarray, "s s"], geometry: Geometry) -> list[UInt8[np.ndarray, "rows columns"]]:
    """Return the halves, thirds and quarters of a preprocessed picture, without padding, that have a film's aspect."""
    content = image[content_box(geometry)]
    parts = [part for count in (2, 3) for axis in (0, 1) for part in np.array_split(content, count, axis)]
    parts += [part for half in np.array_split(content, 2, 0) for part in np.array_split(half, 2, 1)]
    return [part for part in parts if min(part.shape) > 1 and _within(part.shape[1] / part.shape[0], PART_ASPECT)]


def content_box(geometry: Geometry) -> tuple[slice, slice]:
    """Return the rows and columns of a preprocessed picture that are no padding."""
    top, left = (round(pad * geometry.scale) for pad in (geometry.pad_top, geometry.pad_left))
    high, wide = (round(length * geometry.scale) for length in (geometry.crop_height, geometry.crop_width))
    return slice(top, top + max(high, 1)), slice(left, left + max(wide, 1))


def picture_flags(
    image: UInt8[np.ndarray, "s s"], geometry: Geometry, lungs: UInt8[np.ndarray, "s s"] | None = None
) -> list[str]:
    """Return the flags of the grey values of a preprocessed picture.

    Parameters
    ----------
    image
        Preprocessed image, 8 bits.
    geometry
        Its geometry; the padding does not count.
    lungs
        Mask of both lungs in the same frame, 0 outside.
    """
    content = image[content_box(geometry)]
    counts = np.bincount(content.ravel(), minlength=256)
    black, white = counts[0] / content.size, counts[255] / content.size
    between = np.sort(counts[1:255])
    crushed = white > WHITE or black > BLACK or between[-1] > ONE_LEVEL * content.size
    crushed = crushed or between[-FREQUENT:].sum() > IN_FREQUENT * between.sum()
    if not crushed and lungs is not None and black > 0 and lungs.any():
        crushed = bool((image[lungs > 0] == 0).mean() > BLACK_LUNG)
    return [CRUSHED] if crushed else []


def note_flags(notes: Sequence[str]) -> list[str]:
    """Return the flags that follow from the notes of a radiograph's reading."""
    return [WINDOW] if USELESS_WINDOW in notes else []


def shape_flags(points: Float[np.ndarray, "nodes 2"], graph: LandmarkGraph, geometry: Geometry) -> list[str]:
    """Return the flags of contours.

    Parameters
    ----------
    points
        Landmarks (x, y) in pixels of the preprocessed image.
    graph
        Landmark graph that names them.
    geometry
        Geometry of the preprocessed image.
    """
    organs = {organ: np.asarray(points[where], np.float64) for organ, where in graph.slices.items()}
    rows, columns = content_box(geometry)
    flags = []
    lungs = np.concatenate([organs[organ] for organ in LUNGS])
    margin = EDGE * geometry.size
    low = np.array([columns.start, rows.start]) + margin
    high = np.array([columns.stop, rows.stop]) - margin
    if ((lungs < low) | (lungs > high)).any(axis=1).mean() > EDGE_NODES:
        flags.append(AT_BORDER)
    picture = (rows.stop - rows.start) * (columns.stop - columns.start)
    if sum(contour_area(organs[organ]) for organ in LUNGS) < LUNG_AREA * picture:
        flags.append(SMALL)
    if not plausible(organs):
        flags.append(SHAPE)
    return flags


def plausible(organs: Mapping[str, Float[np.ndarray, "nodes 2"]]) -> bool:
    """Return whether the contours of lungs and heart have plausible sizes, order and outlines."""
    right, left = (organs[organ] for organ in LUNGS)
    areas = {organ: max(contour_area(contour), 1e-9) for organ, contour in organs.items()}
    both = areas[LUNGS[0]] + areas[LUNGS[1]]
    checks = [
        _within(areas[LUNGS[0]] / areas[LUNGS[1]], RIGHT_OVER_LEFT_AREA),
        _within(np.ptp(right[:, 1]) / max(np.ptp(left[:, 1]), 1e-9), RIGHT_OVER_LEFT_HEIGHT),
        right[:, 0].max() < left[:, 0].min(),  # the right lung is on the left of the picture, and they do not overlap
        sum(crossings(contour) for contour in organs.values()) < CROSSINGS,
    ]
    if HEART in organs and all(checks):
        heart, first, last = (organs[organ][:, 0].mean() for organ in (HEART, *LUNGS))
        checks += [
            _within(areas[HEART] / both, HEART_OVER_LUNGS_AREA),
            _within((heart - first) / (last - first), HEART_BETWEEN_LUNGS),
        ]
    return all(checks)


def contour_area(contour: Float[np.ndarray, "nodes 2"]) -> float:
    """Return the area inside a closed contour, square pixels (shoelace formula)."""
    x, y = contour.T
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2


def _within(value: float, limits: tuple[float, float]) -> bool:
    return limits[0] <= value <= limits[1]
