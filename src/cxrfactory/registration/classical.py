"""Classical registration of two radiographs: affine, then a B-spline grid (SimpleITK).

Images are [row, column]; SimpleITK sees them with a spacing of 1, so that its physical points are our
(x, y) pixels. A transform maps points of the fixed image to points of the moving one, which is what
resampling the moving image into the fixed frame needs.

One thread only, and every sample of the chosen resolution is used: sums have one order, so a pair gives
the same transform to the bit whatever the number of cores. SimpleITK's filters inside a registration follow
the process-wide default alone, so that default is set to 1 for its duration.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from jaxtyping import UInt8

from cxrfactory.errors import CxrError, ImageError

if TYPE_CHECKING:
    import SimpleITK as sitk

MIN_SIDE_PX = 64


@dataclass(frozen=True)
class RegistrationSettings:
    """How a pair is registered. The defaults are for images of 256 x 256 (docs/rca.md has the trials).

    Attributes
    ----------
    clahe_clip, clahe_tiles
        Local contrast equalisation before the registration: clip limit in OpenCV's unit (multiples of a
        uniform histogram's bin) and tiles a side. It takes the differences of exposure out.
    affine_shrink, affine_iterations
        Shrink factor of each resolution level, and iterations a level, of the affine step (regular step
        gradient descent).
    mesh, deformable_shrink, deformable_iterations
        Cells a side of the cubic B-spline grid, shrink factor, and iterations of its L-BFGS-B optimiser.
        A coarse grid and few iterations are what keeps the deformation smooth.
    """

    clahe_clip: float = 2.0
    clahe_tiles: int = 8
    affine_shrink: tuple[int, ...] = (8, 4)
    affine_iterations: int = 50
    mesh: int = 8
    deformable_shrink: int = 4
    deformable_iterations: int = 15


DEFAULT_SETTINGS = RegistrationSettings()


def prepare(
    image: UInt8[np.ndarray, "rows columns"], settings: RegistrationSettings = DEFAULT_SETTINGS
) -> "sitk.Image":
    """Make the float image that :func:`register` takes; to be done once for an image of many pairs.

    Raises
    ------
    CxrError
        If the array is not 8-bit grey or a side is below 64 px (too few pixels at the coarsest level).
    ImageError
        If the image has one grey value only: nothing to register.
    """
    import SimpleITK as sitk

    if image.ndim != 2 or image.dtype != np.uint8 or min(image.shape) < MIN_SIDE_PX:
        raise CxrError(
            f"image of shape {image.shape}, {image.dtype}; expected uint8 (rows, columns) of {MIN_SIDE_PX} px or more"
        )
    if image.min() == image.max():
        raise ImageError(f"image has one grey value only ({image.min()}); nothing to register")
    clahe = cv2.createCLAHE(settings.clahe_clip, (settings.clahe_tiles, settings.clahe_tiles))
    return sitk.GetImageFromArray(clahe.apply(image).astype(np.float32))


def register(
    fixed: "sitk.Image", moving: "sitk.Image", settings: RegistrationSettings = DEFAULT_SETTINGS
) -> "sitk.Transform":
    """Find the transform that lays ``moving`` over ``fixed``: affine, then B-spline, by correlation.

    Parameters
    ----------
    fixed, moving
        From :func:`prepare`.

    Returns
    -------
    SimpleITK.Transform
        Composite of both steps: points (x, y) of ``fixed`` to points of ``moving``, pixels.

    Raises
    ------
    ImageError
        If an optimiser fails, or the affine part is singular, mirrored or not finite.
    """
    import SimpleITK as sitk

    try:
        with _one_thread():
            affine = _affine(fixed, moving, settings)
            matrix = np.array(affine.GetMatrix()).reshape(2, 2)
            if not (np.isfinite(affine.GetParameters()).all() and np.linalg.det(matrix) > 0):
                raise ImageError(f"affine registration gave a degenerate matrix {matrix.round(3).tolist()}")
            deformable = _deformable(fixed, moving, affine, settings)
    except RuntimeError as error:  # what SimpleITK raises; its last line names the fault
        last = re.sub(r"\(0x[0-9a-f]+\)", "", str(error).strip().splitlines()[-1].strip())  # addresses vary
        raise ImageError(f"registration failed ({last})") from error
    if not np.isfinite(deformable.GetParameters()).all():
        raise ImageError("deformable registration gave coefficients that are not finite")
    # The last transform of a composite is applied first: B-spline in the fixed frame, then affine.
    return sitk.CompositeTransform([affine, deformable])


def warp_codes(
    codes: UInt8[np.ndarray, "rows columns"], transform: "sitk.Transform", linear: bool = False
) -> UInt8[np.ndarray, "rows columns"]:
    """Warp masks of the moving image into the fixed frame; outside is background.

    Parameters
    ----------
    codes
        Each bit is a mask, so that overlapping ones stay whole; fixed and moving image have this shape too.
    transform
        From :func:`register`.
    linear
        Interpolate each mask and keep what is exactly 1, as the published CheXmask code does, which loses half a pixel
        on every border; else the nearest pixel counts.

    Raises
    ------
    CxrError
        If the map is not 8-bit (rows, columns).
    """
    import SimpleITK as sitk

    if codes.ndim != 2 or codes.dtype != np.uint8:
        raise CxrError(f"map of shape {codes.shape}, {codes.dtype}; expected uint8 (rows, columns)")

    def resampled(image: np.ndarray, interpolator: int) -> np.ndarray:
        source = sitk.GetImageFromArray(image)
        resample = sitk.ResampleImageFilter()
        resample.SetNumberOfThreads(1)
        resample.SetReferenceImage(source)
        resample.SetInterpolator(interpolator)
        resample.SetTransform(transform)
        return sitk.GetArrayFromImage(resample.Execute(source))

    if not linear:
        return resampled(codes, sitk.sitkNearestNeighbor)
    warped = np.zeros_like(codes)
    for bit in np.uint8(1) << np.arange(8, dtype=np.uint8):
        if (codes & bit).any():
            warped |= (resampled((codes & bit != 0).astype(np.float32), sitk.sitkLinear) == 1) * bit
    return warped


@contextmanager
def _one_thread() -> Iterator[None]:
    import SimpleITK as sitk

    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(before)


def _affine(fixed: "sitk.Image", moving: "sitk.Image", settings: RegistrationSettings) -> "sitk.AffineTransform":
    import SimpleITK as sitk

    # Radiographs fill their frame: start from the identity, with rotation and scale about the centre.
    start = sitk.CenteredTransformInitializer(
        fixed, moving, sitk.AffineTransform(2), sitk.CenteredTransformInitializerFilter.GEOMETRY
    )
    affine = sitk.AffineTransform(start)
    method = _method(list(settings.affine_shrink))
    method.SetInitialTransform(affine, inPlace=True)
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=1.0, minStep=1e-3, numberOfIterations=settings.affine_iterations, relaxationFactor=0.5
    )
    method.SetOptimizerScalesFromPhysicalShift()
    method.Execute(fixed, moving)
    return affine


def _deformable(
    fixed: "sitk.Image", moving: "sitk.Image", affine: "sitk.AffineTransform", settings: RegistrationSettings
) -> "sitk.BSplineTransform":
    import SimpleITK as sitk

    grid = sitk.BSplineTransformInitializer(fixed, [settings.mesh] * 2, order=3)
    method = _method([settings.deformable_shrink])
    method.SetMovingInitialTransform(affine)
    method.SetInitialTransform(grid, inPlace=True)
    method.SetOptimizerAsLBFGSB(
        gradientConvergenceTolerance=1e-5,
        numberOfIterations=settings.deformable_iterations,
        maximumNumberOfCorrections=5,
        maximumNumberOfFunctionEvaluations=4 * settings.deformable_iterations,
        costFunctionConvergenceFactor=1e7,
    )
    method.Execute(fixed, moving)
    return grid


def _method(shrink: list[int]) -> "sitk.ImageRegistrationMethod":
    import SimpleITK as sitk

    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsCorrelation()
    method.SetMetricSamplingStrategy(method.NONE)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetShrinkFactorsPerLevel(shrink)
    method.SetSmoothingSigmasPerLevel([factor / 2 for factor in shrink])
    return method
