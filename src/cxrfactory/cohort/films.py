"""Films of virtual patients with the masks of all structures: the training set of anatomy networks.

Unlike the other parts of the cohort, the patients stand and breathe in, without contrast agent, with shoulders and
hanging arms, and their clavicles lie as in a radiograph. Nothing here is learned from real films or their labels.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32, UInt8

from cxrfactory.anatomy.organs import LUNGS
from cxrfactory.cohort.film_source import CLAVICLES, FilmSource
from cxrfactory.cohort.patient import (
    Person,
    Projection,
    deformation_of,
    field_of_view,
    mask_box,
    sampled_at,
    view_grid,
    with_marks,
)
from cxrfactory.cohort.source import ORGAN_GROUPS
from cxrfactory.projection.appearance import RoomStyle, add_breasts, add_lines, collimate, draw_style, render
from cxrfactory.projection.conventions import VIEWS, View
from cxrfactory.projection.lesions import LungField, effusion, opacity
from cxrfactory.projection.occupancy import occupancy
from cxrfactory.projection.shoulders import add_shoulders
from cxrfactory.projection.warp import project_deformed, sample_deformed
from cxrfactory.tables.keys import seed_of


@dataclass(frozen=True)
class FilmKnobs:
    """What distinguishes these films from the other radiographs of the cohort; each can be left out.

    Attributes
    ----------
    shoulders
        Share of frontal films with shoulders and hanging arms.
    clavicles
        Lay the clavicles as in a standing patient, whose arms hang down.
    rooms
        Draw contrast and windows widely, such as films whose mediastinum and abdomen are white.
    findings
        Probability of an effusion and of a consolidation on each side.
    breasts
        Share of women with breasts of any size.
    """

    shoulders: float = 0.8
    clavicles: bool = True
    rooms: bool = True
    findings: float = 0.0
    breasts: float = 0.8


@dataclass(frozen=True)
class ProjectedPerson:
    """A virtual patient in both views, before exposure.

    Attributes
    ----------
    lines
        Line integrals of each view: soft, bone, and the same of the clavicles alone.
    masks
        Masks of 0 and 1 of every structure of the source in each view.
    lung_depth_mm
        Length of each frontal ray in the right and in the left lung.
    lines_pixel_mm, masks_pixel_mm
        Pixel sizes (horizontal, vertical) of each view.
    first_mm
        Position of pixel [0, 0] of each view.
    """

    lines: dict[View, Float32[np.ndarray, "4 rows columns"]]
    masks: dict[View, UInt8[np.ndarray, "k rows2 columns2"]]
    lung_depth_mm: Float[np.ndarray, "2 rows2 columns2"]
    lines_pixel_mm: dict[View, tuple[float, float]]
    masks_pixel_mm: dict[View, tuple[float, float]]
    first_mm: dict[View, tuple[float, float]]


@dataclass(frozen=True)
class Film:
    """One film with the masks of every structure of the source.

    Attributes
    ----------
    grey
        Grey values [row, column] as float32; 0 is black and 1 is white, not clipped.
    integral
        Dimensionless path integral of each pixel, with what lies over the chest.
    masks
        Masks of 0 and 1 in the order of the source's names.
    pixel_mm
        Pixel size in mm.
    """

    grey: Float[np.ndarray, "h w"]
    integral: Float[np.ndarray, "h w"]
    masks: UInt8[np.ndarray, "k h w"]
    pixel_mm: float


def project_with_structures(source: FilmSource, person: Person, views: Sequence[View] = VIEWS) -> ProjectedPerson:
    """Deform the source chest into the patient, and project its attenuation and all its labels."""
    deformation, low, high = deformation_of(source, person)
    lines, lines_pixel, masks_pixel = {}, {}, {}
    grid = view_grid(low, high, source.labels.spacing_mm)
    labels = sample_deformed(source.labels, deformation, grid, nearest=True)[0].astype(np.uint8)
    masks = dict(zip(VIEWS, occupancy(labels, source.values)[1:], strict=True))
    for view in views:
        volume, axis = (source.frontal, 0) if view == "PA" else (source.lateral, 1)
        beams = view_grid(low, high, volume.spacing_mm)
        lines[view] = project_deformed(volume, deformation, beams, view, "sum")
        lines_pixel[view] = (beams.spacing_mm[axis], beams.spacing_mm[2])
        masks_pixel[view] = (grid.spacing_mm[axis], grid.spacing_mm[2])
    depth = [
        np.isin(labels, ORGAN_GROUPS[lung]).sum(axis=1, dtype=np.float32)[::-1, ::-1] * grid.spacing_mm[1]
        for lung in LUNGS
    ]
    first = {"PA": (-high[0], -high[2]), "LL": (-high[1], -high[2])}
    return ProjectedPerson(lines, masks, np.stack(depth), lines_pixel, masks_pixel, first)  # type: ignore[arg-type]


def expose_film(
    source: FilmSource,
    projected: ProjectedPerson,
    person: Person,
    view: View,
    size: int,
    seed: int,
    knobs: FilmKnobs | None = None,
    pixel_mm: float | None = None,
) -> Film:
    """Expose one film of a projected patient; the same arguments give the same film.

    Parameters
    ----------
    source, projected, person
        Source chest, result of :func:`project_with_structures`, and patient.
    view
        ``PA`` or ``LL``.
    size
        Number of rows and of columns.
    seed
        Seed of the cohort.
    knobs
        What the films show.
    pixel_mm
        Pixel size in mm; None takes the one at which lungs and a margin fill the film.
    """
    knobs = knobs or FilmKnobs()
    rng = np.random.default_rng(seed_of(f"patient {person.number}", f"film {view}", seed))
    organs = _groups(source, projected.masks[view])
    frame = Projection(projected.lines[view], projected.lines_pixel_mm[view], organs,
                       projected.masks_pixel_mm[view], projected.first_mm[view])  # fmt: skip
    to_mm, pixel_mm = field_of_view(frame, view, size, size, rng, pixel_mm)

    def lines(channel: np.ndarray) -> np.ndarray:
        return sampled_at(channel, frame.lines_pixel_mm, frame.first_mm, to_mm, size, size, cv2.INTER_CUBIC)

    def structures(channel: np.ndarray) -> np.ndarray:
        return sampled_at(channel, frame.organs_pixel_mm, frame.first_mm, to_mm, size, size, cv2.INTER_LINEAR)

    soft, bone, loose, loose_bone = (lines(channel) for channel in frame.lines)
    smooth = (1.0, max(frame.organs_pixel_mm[0] / frame.organs_pixel_mm[1], 0.5))
    masks = np.stack([
        structures(cv2.GaussianBlur(mask.astype(np.float32), (0, 0), smooth[0], sigmaY=smooth[1])) > 0.5
        if mask.any() else np.zeros((size, size), bool)
        for mask in projected.masks[view]
    ])  # fmt: skip
    lungs = _group(source, masks, "right_lung") | _group(source, masks, "left_lung")
    box = mask_box(lungs)
    if view == "PA":
        if knobs.clavicles:
            loose, loose_bone, masks = _laid(source, loose, loose_bone, masks, box, pixel_mm, rng)
        depth = [structures(each) for each in projected.lung_depth_mm]
        soft = soft + _findings(depth, _hidden(source, masks), pixel_mm, knobs.findings, rng)
    if view == "PA" and rng.random() < knobs.shoulders:
        soft, bone = add_shoulders(soft, bone, box, pixel_mm, rng)
    soft, bone = soft + loose, bone + loose_bone
    if view == "PA" and person.sex == "F" and rng.random() < knobs.breasts:
        soft = add_breasts(soft, box, pixel_mm, float(rng.uniform(8, 70)), rng)
    if rng.random() < 0.15:
        soft = add_lines(soft, pixel_mm, int(rng.integers(1, 4)), rng)
    grey = render(soft, bone, pixel_mm, wide_style(rng) if knobs.rooms and view == "PA" else draw_style(rng), rng)
    if rng.random() < 0.4:
        grey = collimate(grey, box, rng, level=float(rng.choice([0.0, 0.0, rng.uniform(0, 0.1)])))
    return Film(with_marks(grey, view, pixel_mm, rng), soft, masks.view(np.uint8), pixel_mm)


def wide_style(rng: np.random.Generator) -> RoomStyle:
    """Draw the parameters of one room over a wider range of windows than :func:`draw_style`, with weaker bone."""
    style = draw_style(rng)
    return replace(
        style,
        bone_gain=float(rng.uniform(0.2, 1.8)),
        dense_percentile=float(rng.uniform(66.0, 99.7)),
        scatter=float(rng.uniform(0.1, 0.6)),
        headroom=float(rng.uniform(-0.05, 0.15)),
    )


def _groups(source: FilmSource, masks: UInt8[np.ndarray, "k h w"]) -> Float[np.ndarray, "groups h w"]:
    return np.stack([_group(source, masks, name) for name in ORGAN_GROUPS]).astype(np.float32)


def _group(source: FilmSource, masks: np.ndarray, name: str) -> Bool[np.ndarray, "h w"]:
    places = [source.values.index(value) for value in ORGAN_GROUPS[name] if value in source.values]
    return masks[places].astype(bool).any(axis=0)


def _hidden(source: FilmSource, masks: np.ndarray) -> Bool[np.ndarray, "h w"]:
    dense = ("heart", "abdomen", "mediastinum", "spinal_cord")
    return np.logical_or.reduce([_group(source, masks, name) for name in dense])


def _laid(
    source: FilmSource,
    loose: np.ndarray,
    loose_bone: np.ndarray,
    masks: np.ndarray,
    box: tuple[float, float, float, float],
    pixel_mm: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Turn both clavicles about their inner ends, so that they cross the apices as in a standing patient.

    Attenuation adds up along rays, so a bone that moves in the plane of the picture moves its line integral and its
    mask.
    """
    masks = masks.copy()
    there = [source.values.index(value) if value in source.values else None for value in CLAVICLES]
    middle = 0.5 * (box[0] + box[2])
    centres = [np.nonzero(masks[place])[1].mean() for place in there if place is not None and masks[place].any()]
    middle = float(np.mean(centres)) if len(centres) == 2 else middle
    columns = np.arange(loose.shape[1])
    parts, bones = [], []
    rise = np.radians(rng.uniform(-8, 24))
    sink = rng.uniform(-4, 26) / pixel_mm
    for place, side in zip(there, (-1, 1), strict=True):
        own = (columns < middle) if side < 0 else (columns >= middle)
        only, only_bone = loose * own, loose_bone * own
        if place is None or not masks[place].any():
            parts.append(only)
            bones.append(only_bone)
            continue
        matrix = _laying(masks[place], side, rise + np.radians(rng.normal(0, 3)), sink, pixel_mm, rng)
        flags = {"dsize": loose.shape[::-1], "borderMode": cv2.BORDER_CONSTANT}
        parts.append(cv2.warpAffine(only.astype(np.float32), matrix, flags=cv2.INTER_LINEAR, **flags))
        bones.append(cv2.warpAffine(only_bone.astype(np.float32), matrix, flags=cv2.INTER_LINEAR, **flags))
        moved = cv2.warpAffine(masks[place].astype(np.float32), matrix, flags=cv2.INTER_LINEAR, **flags)
        masks[place] = moved > 0.5
    return parts[0] + parts[1], bones[0] + bones[1], masks


def _laying(
    mask: np.ndarray, side: int, rise_rad: float, sink_px: float, pixel_mm: float, rng: np.random.Generator
) -> Float[np.ndarray, "2 3"]:
    """Return the affine matrix that turns a clavicle about its inner end to a rise above the horizontal."""
    rows, columns = np.nonzero(mask)
    points = np.column_stack([columns, rows]).astype(float)
    centre = points.mean(axis=0)
    _, _, axes = np.linalg.svd(points - centre, full_matrices=False)
    outward = axes[0] if axes[0, 0] * side > 0 else -axes[0]
    reach = (points - centre) @ outward
    inner = centre + outward * reach.min()
    length_mm = np.ptp(reach) * pixel_mm
    stretch = float(np.clip(rng.uniform(125, 160) / max(length_mm, 1.0), 0.8, 1.9))
    wanted = np.array([side * np.cos(rise_rad), -np.sin(rise_rad)])
    source_axes = np.column_stack([outward, [-outward[1], outward[0]]])
    target_axes = np.column_stack([wanted * stretch, [-wanted[1], wanted[0]]])
    linear = target_axes @ source_axes.T
    offset = inner + np.array([0, sink_px]) - linear @ inner
    return np.column_stack([linear, offset])


def _findings(
    depth: list[np.ndarray], hidden: np.ndarray, pixel_mm: float, share: float, rng: np.random.Generator
) -> Float[np.ndarray, "h w"]:
    """Draw effusions and consolidations; the lung's mask stays what it would be without them."""
    added = np.zeros_like(depth[0])
    for each, lateral in zip(depth, (-1, 1), strict=True):
        seen = (each >= 15.0) & ~hidden
        if not seen.any():
            continue
        field = LungField(each, seen, (pixel_mm, pixel_mm), lateral)
        wet, solid = rng.random(2) < share
        if wet:
            added += effusion(field, float(rng.uniform(0.04, 0.25)), rng)
        if solid:
            added += opacity(field, float(rng.uniform(14, 50)), float(rng.uniform(0.25, 0.9)), rng)
    return added
