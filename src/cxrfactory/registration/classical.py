"""Classical registration of two radiographs: affine, then a B-spline grid (SimpleITK).

Images are [row, column]. SimpleITK gets them with a spacing of 1, so its physical points are (x, y) in pixels. A
transform maps points of the fixed image to points of the moving image, as resampling the moving image into the fixed
frame requires.

The registration runs in one thread and uses every sample of the chosen resolution. Sums therefore have a fixed order,
and a pair of images gives the same transform bit by bit on any number of cores. SimpleITK's filters inside a
registration obey only the process-wide default number of threads, so this default is set to 1 during a registration.
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
    """Settings of the registration of a pair; the defaults suit images of 256 x 256 (docs/rca.md has the trials).

    Attributes
    ----------
    clahe_clip, clahe_tiles
        Local contrast equalisation (CLAHE) before the registration, which reduces differences of exposure: clip limit
        in OpenCV's unit (multiples of a uniform histogram's bin) and number of tiles per side.
    affine_shrink, affine_iterations
        Affine step (regular step gradient descent): shrink factor of each resolution level and iterations per level.
    mesh, deformable_shrink, deformable_iterations
        Deformable step: cells per side of the cubic B-spline grid, shrink factor, and iterations of the L-BFGS-B
        optimiser. A coarse grid and few iterations keep the deformation smooth.
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
    """Convert an 8-bit image to the float image that :func:`register` takes.

    An image that belongs to many pairs needs this step once only.

    Parameters
    ----------
    image
        8-bit grey image [row, column], 64 px or more per side.
    settings
        Settings of the registration; only those of the contrast equalisation are used.

    Raises
    ------
    CxrError
        If the array is not 8-bit grey or a side is below 64 px (too few pixels at the coarsest level).
    ImageError
        If all pixels have the same grey value, so that the image cannot be registered.
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
    """Register ``moving`` to ``fixed`` by an affine and then a B-spline transform, with correlation as the metric.

    Parameters
    ----------
    fixed, moving
        Images from :func:`prepare`.
    settings
        Settings of the registration.

    Returns
    -------
    SimpleITK.Transform
        Composite of both transforms; it maps points (x, y) of ``fixed`` to points of ``moving``, pixels.

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
    except RuntimeError as error:  # SimpleITK raises this type; the last line of the message names the fault
        last = re.sub(r"\(0x[0-9a-f]+\)", "", str(error).strip().splitlines()[-1].strip())  # addresses vary
        raise ImageError(f"registration failed ({last})") from error
    if not np.isfinite(deformable.GetParameters()).all():
        raise ImageError("deformable registration gave coefficients that are not finite")
    # A composite applies its last transform first: the B-spline in the fixed frame, then the affine transform.
    return sitk.CompositeTransform([affine, deformable])


def warp_codes(
    codes: UInt8[np.ndarray, "rows columns"], transform: "sitk.Transform", linear: bool = False
) -> UInt8[np.ndarray, "rows columns"]:
    """Warp masks of the moving image into the fixed frame; pixels from outside the moving image are background.

    Parameters
    ----------
    codes
        Map [row, column] in which each bit is one mask, so overlapping masks are complete. The fixed and the moving
        image have the same shape as the map.
    transform
        Transform from :func:`register`.
    linear
        If true, each mask is interpolated linearly and only values of exactly 1 are kept. The published CheXmask code
        does this; it loses half a pixel on every border. If false, each pixel takes the value of the nearest pixel.

    Returns
    -------
    uint8 map of the same shape and coding.

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

    # Radiographs fill their frame, so the start is the identity; rotation and scale are about the centre.
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
