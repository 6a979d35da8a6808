"""Project pictures and masks of a volume with the beam and the device of a recipe."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float32, Integer, UInt8

from cxrfactory.drr.recipe import ProjectionRecipe
from cxrfactory.imaging.volume.ct import Volume
from cxrfactory.projection.conventions import VIEWS, View
from cxrfactory.projection.frame import Frame
from cxrfactory.projection.integrals import path_integrals
from cxrfactory.projection.occupancy import occupancy, occupancy_binary


def pictures(
    ct: Volume, body: Bool[np.ndarray, "z y x"] | None, frame: Frame | None, recipe: ProjectionRecipe
) -> dict[View, Float32[np.ndarray, "rows columns"]]:
    """Compute path integrals of both views, in the frame or, if ``frame`` is None, on the voxel grid.

    Parameters
    ----------
    ct
        Canonical CT volume.
    body
        Mask that is True where the CT numbers are used; all other voxels are set to air. None uses every voxel.
    frame
        Frame of the pictures, or None for the voxel grid.
    recipe
        Settings of the projection.

    Returns
    -------
    dict
        Dimensionless float32 path integrals [row, column] of each view, in display orientation.

    Raises
    ------
    CxrError
        If the package for the recipe's beam is not installed, or if the volume does not lie in the beam.
    """
    if recipe.cone:
        from cxrfactory.projection.cone import ConeBeam, cone_integrals

        beam = ConeBeam(recipe.source_detector_mm, recipe.source_object_mm)
        return {view: cone_integrals(ct.values, frame, beam, view, recipe.curve, body, recipe.device) for view in VIEWS}
    if recipe.device == "cpu":
        found = path_integrals(ct.values, ct.spacing_mm, recipe.curve, body, recipe.threads)
    else:
        import torch

        from cxrfactory.projection.on_torch import integrals_torch

        there = torch.from_numpy(ct.values).to(recipe.device)
        inside = None if body is None else torch.from_numpy(body.view(np.uint8)).to(recipe.device)
        found = [view.cpu().numpy() for view in integrals_torch(there, ct.spacing_mm, inside)]
    native = dict(zip(VIEWS, found, strict=True))
    return native if frame is None else {view: frame.image(native[view], view) for view in VIEWS}


def masks(
    labels: Integer[np.ndarray, "z y x"],
    values: Sequence[int],
    frame: Frame | None,
    recipe: ProjectionRecipe,
    binary: bool = False,
) -> tuple[dict[View, UInt8[np.ndarray, "k rows columns"]], Bool[np.ndarray, "k"]]:
    """Compute the masks of both views, and determine which structures the scan cuts off.

    Parameters
    ----------
    labels
        Canonical label volume [z, y, x].
    values
        Label values; each gives one mask, in this order.
    frame
        Frame of the masks, or None for the voxel grid.
    recipe
        Settings of the projection.
    binary
        True if the volume contains only 0 and 1.

    Returns
    -------
    tuple
        Masks of 0 and 1 of each view, [structure, row, column], and for each structure whether it is cut off.

    Raises
    ------
    CxrError
        Under the same conditions as in :func:`pictures`.
    """
    on_cpu = recipe.device == "cpu" or recipe.cone
    if on_cpu and binary:
        found = [mask[None] for mask in occupancy_binary(labels, recipe.threads)]
    elif on_cpu:
        _, *found = occupancy(labels, values, recipe.threads)
    else:
        import torch

        from cxrfactory.projection.on_torch import occupancy_torch

        there = torch.from_numpy(labels).to(recipe.device)
        found = [view.cpu().numpy() for view in occupancy_torch(there, values)]
    native = dict(zip(VIEWS, found, strict=True))
    # The edges of both views together correspond to all six faces of the volume.
    cut_off = np.logical_or.reduce([_reaches_edge(native[view]) for view in VIEWS])
    if recipe.cone:
        from cxrfactory.projection.cone import ConeBeam, cone_occupancy

        beam = ConeBeam(recipe.source_detector_mm, recipe.source_object_mm)
        return {view: cone_occupancy(labels, values, frame, beam, view, recipe.device) for view in VIEWS}, cut_off
    return native if frame is None else {view: frame.masks(native[view], view) for view in VIEWS}, cut_off


def _reaches_edge(native: UInt8[np.ndarray, "k rows columns"]) -> Bool[np.ndarray, "k"]:
    return native[:, [0, -1], :].any(axis=(1, 2)) | native[:, :, [0, -1]].any(axis=(1, 2))
