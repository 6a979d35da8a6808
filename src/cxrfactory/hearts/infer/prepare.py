"""From the planes of a case to the pictures that the network reads: 8-bit grey values, 2 mm pixels."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from cxrfactory.hearts.case_table import HeartCase, read_cases
from cxrfactory.hearts.template import read_template
from cxrfactory.hearts.views import HeartViews, ImagePlane
from cxrfactory.logs import get_logger, progress
from cxrfactory.models.hybridvnet.graph import write_graph
from cxrfactory.models.hybridvnet.picture_table import PicturedHeart, write_pictures
from cxrfactory.models.hybridvnet.pictures import VIEWS, HeartPictures, Plane
from cxrfactory.models.hybridvnet.template_graph import template_graph

log = get_logger(__name__)

PIXEL_MM = 2.0
BRIGHTEST = 99.5  # percentile of the grey values that becomes white
DARKEST = 0.5
_SAME_DIRECTION = 1e-3  # components of unit vectors; 0.06 degrees


def pictures_of(views: HeartViews) -> HeartPictures:
    """Reduce the planes of a case to pixels of about 2 mm and to 8 bits.

    The stack as a whole, and each long-axis plane by itself, is scaled so that its darkest and brightest half percent
    become black and white. Slices that are turned against most others are sampled along the rows and columns of these.
    """
    first = _usual(views.short_axis)
    reduced = [_reduced(_turned(plane, first)) for plane in views.short_axis]
    planes = {}
    for view in VIEWS:
        if view in views.long_axis:
            plane = _reduced(views.long_axis[view])
            planes[view] = Plane(_grey(plane.pixels), plane.origin_mm, plane.across, plane.down, plane.spacing_mm)
    stack = _grey(np.stack([plane.pixels for plane in reduced]))
    origins = np.stack([plane.origin_mm for plane in reduced])
    return HeartPictures(
        stack, origins, np.asarray(first.across), np.asarray(first.down), reduced[0].spacing_mm, planes
    )


def pictured(case: HeartCase) -> PicturedHeart:
    """Return the pictures of a case with its names and its mesh."""
    views = case.views
    return PicturedHeart(views.case_id, views.patient_id, views.frame, case.split, pictures_of(views), case.vertices_mm)


def prepare_cases(cases: Path | Sequence[Path], output: Path) -> int:
    """Write the pictures of the cases that have a mesh and a split; training reads them.

    Parameters
    ----------
    cases
        Table of cases, or several.
    output
        Table to write, schema ``HEART_PICTURES``.

    Returns
    -------
    Number of rows written.
    """
    known = (case for case in read_cases(cases) if case.vertices_mm is not None and case.split is not None)
    written = write_pictures(output, (pictured(case) for case in progress(known, "prepare")))
    log.info("wrote %d cases to %s", written, output)
    return written


def prepare_graph(template: Path, kind: str, output: Path) -> None:
    """Write the graph of a template's surface or volume with its contractions; training reads it.

    Parameters
    ----------
    template
        File of the template.
    kind
        ``surface`` or ``volume``.
    output
        File to write (``.npz``).
    """
    graph = template_graph(read_template(template).mesh, kind)
    write_graph(output, graph)
    levels = ", ".join(str(each.shape[0]) for each in graph.adjacencies)
    log.info("wrote the %s with levels of %s nodes to %s", kind, levels, output)


def _usual(planes: Sequence[ImagePlane]) -> ImagePlane:
    """Return the plane whose directions differ least from those of all; the first of several."""
    directions = np.stack([np.concatenate([plane.across, plane.down]) for plane in planes]).astype(float)
    apart = np.linalg.norm(directions[:, None] - directions, axis=2).sum(1)
    return planes[int(np.flatnonzero(apart <= apart.min() + _SAME_DIRECTION)[0])]


def _turned(plane: ImagePlane, usual: ImagePlane) -> ImagePlane:
    """Return a plane sampled along the directions of another, around its middle; itself if it has these directions."""
    rows, columns = plane.pixels.shape
    if max(np.abs(plane.across - usual.across).max(), np.abs(plane.down - usual.down).max()) <= _SAME_DIRECTION:
        return plane
    middle = plane.positions_mm(np.array((columns - 1) / 2), np.array((rows - 1) / 2))
    (column_mm, row_mm) = plane.spacing_mm
    origin = middle - (columns - 1) / 2 * column_mm * usual.across - (rows - 1) / 2 * row_mm * usual.down
    flat = ImagePlane(plane.pixels, origin, usual.across, usual.down, plane.spacing_mm, plane.thickness_mm)
    own_rows, own_columns = np.indices((rows, columns))
    # Positions are moved along the normal of the stack onto the plane, so that only their depth differs.
    positions = flat.positions_mm(own_columns, own_rows)
    depth = (plane.origin_mm - positions) @ plane.normal / (usual.normal @ plane.normal)
    places = plane.coordinates((positions + depth[..., None] * usual.normal).reshape(-1, 3)).astype(np.float32)
    maps = places[:, 0].reshape(rows, columns), places[:, 1].reshape(rows, columns)
    pixels = cv2.remap(np.asarray(plane.pixels, np.float32), *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return ImagePlane(pixels, origin, usual.across, usual.down, plane.spacing_mm, plane.thickness_mm)


def _reduced(plane: ImagePlane) -> ImagePlane:
    rows, columns = plane.pixels.shape
    size = [
        max(2, round(count * each / PIXEL_MM)) for count, each in zip((columns, rows), plane.spacing_mm, strict=True)
    ]
    size = [min(new, old) for new, old in zip(size, (columns, rows), strict=True)]
    pixels = cv2.resize(np.asarray(plane.pixels, np.float32), size, interpolation=cv2.INTER_AREA)
    factors = columns / size[0], rows / size[1]
    shift = [(factor - 1) / 2 for factor in factors]
    return ImagePlane(
        pixels,
        plane.positions_mm(np.array(shift[0]), np.array(shift[1])),
        np.asarray(plane.across, float),
        np.asarray(plane.down, float),
        (plane.spacing_mm[0] * factors[0], plane.spacing_mm[1] * factors[1]),
        plane.thickness_mm,
    )


def _grey(pixels: np.ndarray) -> np.ndarray:
    low, high = np.percentile(pixels, [DARKEST, BRIGHTEST])
    scaled = (pixels - low) / max(high - low, 1e-6)
    return np.rint(np.clip(scaled, 0, 1) * 255).astype(np.uint8)
