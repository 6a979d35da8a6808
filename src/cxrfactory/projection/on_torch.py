"""Parallel projections on any PyTorch device, with the definitions of :mod:`.integrals` and :mod:`.occupancy`.

Use them on a GPU, or for volumes that already are tensors. On a CPU the compiled functions of those modules are faster.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float32, Integer, Real, UInt8

from cxrfactory.errors import CxrError
from cxrfactory.projection.conventions import MU_WATER_PER_MM
from cxrfactory.projection.occupancy import MAX_LABEL

_SLAB = 16  # slices that are processed together; this bounds the memory besides the volume


def integrals_torch(
    hu: Real[torch.Tensor, "z y x"],
    spacing_mm: tuple[float, float, float],
    body: Integer[torch.Tensor, "z y x"] | None = None,
) -> tuple[Float32[torch.Tensor, "rows columns_pa"], Float32[torch.Tensor, "rows columns_ll"]]:
    """Compute path integrals of a CT along y (PA) and along x (LL), with the scaled attenuation of water.

    Parameters
    ----------
    hu
        Canonical volume [z, y, x] of CT numbers. Integers are summed as int64 and floats as float64.
    spacing_mm
        Voxel spacing (z, y, x) in mm.
    body
        Mask that is nonzero where the CT numbers are used; all other voxels are set to air.

    Returns
    -------
    tuple
        Dimensionless float32 tensors on the volume's device, in display orientation: PA [z, x] and LL [z, y].

    Raises
    ------
    CxrError
        If a CT number is not finite, or if the shapes of volume and body differ.
    """
    if body is not None and body.shape != hu.shape:
        raise CxrError(f"body mask of shape {tuple(body.shape)}; expected the CT's {tuple(hu.shape)}")
    kind = torch.float64 if hu.is_floating_point() else torch.int64
    pa, ll = [], []
    for start in range(0, hu.shape[0], _SLAB):
        slab = hu[start : start + _SLAB]
        # Integers become int32 before the shift, because the shifted values do not fit int16.
        values = ((slab.to(kind) if hu.is_floating_point() else slab.int()) + 1000).clamp_min(0)
        if body is not None:
            values = values.masked_fill(~body[start : start + _SLAB].bool(), 0)
        pa.append(values.sum(1, dtype=kind))
        ll.append(values.sum(2, dtype=kind))
    views = []
    for parts, step in ((pa, spacing_mm[1]), (ll, spacing_mm[2])):
        summed = torch.cat(parts).double() * (MU_WATER_PER_MM / 1000 * step)
        if not bool(torch.isfinite(summed).all()):
            raise CxrError("the CT holds values that are no finite numbers; expected a CT number in every voxel")
        views.append(summed.float().flip(0, 1))
    return views[0], views[1]


def occupancy_torch(
    labels: Integer[torch.Tensor, "z y x"], values: Sequence[int]
) -> tuple[UInt8[torch.Tensor, "k rows columns_pa"], UInt8[torch.Tensor, "k rows columns_ll"]]:
    """Compute the PA and LL masks of the structures of a multi-label volume in one pass over the voxels.

    Every voxel writes a 1 into the cell of its label. All writes to a cell have the same value, so their order does not
    matter.

    Parameters
    ----------
    labels
        Canonical label volume [z, y, x], values 0..65535.
    values
        Label values 1..65535; each gives one mask, in this order. Other labels are ignored.

    Returns
    -------
    tuple
        Masks of 0 and 1 on the volume's device, in display orientation: PA [k, z, x] and LL [k, z, y].

    Raises
    ------
    CxrError
        If a label lies outside 0..65535 or a value outside 1..65535.
    """
    if labels.dtype not in (torch.uint8, torch.uint16):
        lowest, highest = (int(bound) for bound in labels.aminmax())
        if lowest < 0 or highest > MAX_LABEL:
            raise CxrError(f"labels run from {lowest} to {highest}; expected values from 0 to {MAX_LABEL}")
    if any(not 1 <= value <= MAX_LABEL for value in values):
        raise CxrError(f"label values {list(values)}; expected each from 1 to {MAX_LABEL}")
    slot = np.full(MAX_LABEL + 1, len(values), np.int64)  # other labels share one extra cell, which is discarded
    slot[list(values)] = np.arange(len(values))
    slots = torch.from_numpy(slot).to(labels.device)
    depth, height, width = labels.shape
    pa = torch.zeros((depth, len(values) + 1, width), dtype=torch.uint8, device=labels.device)
    ll = torch.zeros((depth, height, len(values) + 1), dtype=torch.uint8, device=labels.device)
    for start in range(0, depth, _SLAB):
        here = slice(start, start + _SLAB)
        cells = slots[labels[here].long()]
        pa[here].scatter_(1, cells, 1)
        ll[here].scatter_(2, cells, 1)
    return pa[:, :-1].transpose(0, 1).flip(1, 2), ll[:, :, :-1].permute(2, 0, 1).flip(1, 2)
