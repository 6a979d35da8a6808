"""Reading of NIfTI files as stored: voxels, scaling, and the affine that qform and sform state."""

import gzip
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cxrfactory.errors import ImageError
from cxrfactory.imaging.volume.header_labels import caret_labels
from cxrfactory.imaging.volume.nifti_affine import stated_affine
from cxrfactory.imaging.volume.orientation import AffineRules
from cxrfactory.imaging.volume.stored import (
    StoredSlice,
    StoredVolume,
    one_slice,
    reason_of,
    three_axes,
    three_or_four_axes,
    time_axis,
)

SUFFIXES = (".nii.gz", ".nii")

_GZIP = b"\x1f\x8b"
_NIFTI2_BYTES = 540  # a header begins with its size; NIfTI-1 has 348 bytes
_READ_BYTES, _INFLATED_BYTES = 1 << 18, 1 << 20
_LARGEST_RATIO = 1032  # of deflate: one compressed byte expands to at most this many bytes


def read(path: Path, rules: AffineRules) -> StoredVolume:
    """Read one NIfTI file.

    Qform and sform count where their codes are above 0. If both do, they must agree, or the rules say which one counts.

    Raises
    ------
    ImageError
        If the file is damaged, of another format, or not a single 3D volume with one real number per voxel.
    """
    return _read(path, rules, three_axes)[0]


def read_slice(path: Path, rules: AffineRules) -> StoredSlice:
    """Read one NIfTI file of two dimensions or of one slice.

    Raises
    ------
    ImageError
        If the file is damaged, of another format, or has several slices, or several numbers per voxel.
    """
    volume, header = _read(path, rules, one_slice)
    along = np.abs(header["pixdim"][1:4])
    return StoredSlice(volume, (float(along[0]), float(along[1]), float(along[2])), header.get_xyzt_units()[0] == "mm")


def stated_names(path: Path) -> list[tuple[str, str]] | None:
    """Return value and name of each label that the header of a NIfTI file holds; None if it holds none.

    Raises
    ------
    ImageError
        If the header cannot be read.
    """
    from nibabel.filebasedimages import ImageFileError
    from nibabel.spatialimages import HeaderDataError

    try:
        return _names(_load(path).header)
    except (ImageFileError, HeaderDataError, OSError, EOFError, ValueError, zlib.error, MemoryError) as error:
        raise ImageError(f"{path.name}: not a readable NIfTI volume ({reason_of(error)})") from error


@dataclass
class StoredFrames:
    """Volumes of one grid at several times, as stored in one file.

    Attributes
    ----------
    volume
        Values (i, j, k, time), and what :class:`StoredVolume` says about them.
    spacing_mm
        Spacing along i, j and k that the header states beside the affine (pixdim).
    step, unit
        Step of the time axis as stored, and its unit: ``sec``, ``msec``, ``usec`` or ``unknown``, or a unit of no time.
    """

    volume: StoredVolume
    spacing_mm: tuple[float, float, float]
    step: float
    unit: str


def read_frames(path: Path, rules: AffineRules) -> StoredFrames:
    """Read one NIfTI file of three or four axes; the fourth is time, or a later one where the fourth has length 1.

    Raises
    ------
    ImageError
        If the file is damaged, of another format, or has more than four axes, or several numbers per voxel.
    """
    volume, header = _read(path, rules, three_or_four_axes)
    zooms = [float(each) for each in header["pixdim"][1:]]
    axis = time_axis(header.get_data_shape()) or 3
    if volume.values.ndim == 3:
        volume.values = volume.values[..., None]
    try:
        unit = header.get_xyzt_units()[1]
    except KeyError:
        unit = "unknown"
    return StoredFrames(volume, (zooms[0], zooms[1], zooms[2]), zooms[axis], unit)


def _read(path: Path, rules: AffineRules, axes: Callable[[tuple[int, ...], str], tuple[int, ...]]):
    """Return the volume and nibabel's header; ``axes`` checks the shape and returns the one to read."""
    import nibabel as nib
    from nibabel.filebasedimages import ImageFileError
    from nibabel.spatialimages import HeaderDataError

    try:
        image = _load(path)
        if not isinstance(image, nib.Nifti1Image):
            raise ImageError(f"{path.name}: not NIfTI inside; expected NIfTI-1 or NIfTI-2")
        header, shape = image.header, axes(image.shape, path.name)
        dtype = header.get_data_dtype()
        if dtype.kind not in "iuf":
            raise ImageError(f"{path.name}: voxels of type {dtype}; expected single real numbers")
        values = _read_voxels(path, int(image.dataobj.offset), shape, dtype)
    except (ImageFileError, HeaderDataError, OSError, EOFError, ValueError, zlib.error, MemoryError) as error:
        raise ImageError(f"{path.name}: not a readable NIfTI volume ({reason_of(error)})") from error
    try:
        units = header.get_xyzt_units()[0]
    except KeyError as error:
        raise ImageError(f"{path.name}: NIfTI whose units are no known ones; expected mm") from error
    if units not in ("mm", "unknown"):
        raise ImageError(f"{path.name}: spacing in {units}s; expected mm")
    scaling = {"slope": float(image.dataobj.slope), "intercept": float(image.dataobj.inter)}
    affine, lacking, conflict, note = stated_affine(header, rules)
    notes = (note,) if note else ()
    return StoredVolume(
        values, affine, lacking, **scaling, notes=notes, conflict=conflict, names=_names(header)
    ), header


def _names(header) -> list[tuple[str, str]] | None:
    tables = (caret_labels(_content(extension)) for extension in getattr(header, "extensions", ()))
    return next((table for table in tables if table is not None), None)


def _load(path: Path):
    """Open an image with nibabel, which takes compression from the name: a packed ``.nii`` is opened by its content."""
    import nibabel as nib

    with open(path, "rb") as file:
        packed = file.read(2) == _GZIP
    named = path.name.lower().endswith(".gz")
    if named and not packed and path.stat().st_size:
        raise ImageError(
            f"{path.name}: not a readable NIfTI volume (not compressed, though its name says so); if it is NIfTI, "
            "rename it to .nii"
        )
    if named or not packed:
        return nib.load(path)
    with gzip.open(path) as file:
        size = file.read(4)
        file.seek(0)
        second = _NIFTI2_BYTES in (int.from_bytes(size, "little"), int.from_bytes(size, "big"))
        return (nib.Nifti2Image if second else nib.Nifti1Image).from_stream(file)


def _content(extension) -> bytes:
    # get_content parses some kinds of extension, or fails; `content` is there since nibabel 5.3.
    content = extension.content if hasattr(extension, "content") else extension.get_content()
    return content if isinstance(content, bytes) else b""


def _read_voxels(path: Path, offset: int, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Read the voxels; compressed ones are read in pieces, which is a fifth faster than one read and makes no copy."""
    with open(path, "rb") as file:
        packed = file.read(2) == _GZIP
        # This check comes before memory is allocated, because a damaged header can state any size.
        needed = offset + int(np.prod(shape)) * dtype.itemsize
        if path.stat().st_size * (_LARGEST_RATIO if packed else 1) < needed:
            raise EOFError("the file ends before its voxels do")
        values = np.empty(shape, dtype, order="F")
        target = memoryview(values.reshape(-1, order="F")).cast("B")
        file.seek(0 if packed else offset)
        if packed:
            _inflate(file, offset, target)
        elif file.readinto(target) != len(target):
            raise EOFError("the file ends before its voxels do")
    return values


def _inflate(file, offset: int, target: memoryview) -> None:
    inflater = zlib.decompressobj(wbits=31)
    place = -offset  # index of the next byte in the target; bytes of the header have negative indices
    while packed := file.read(_READ_BYTES):
        while packed:
            piece = inflater.decompress(packed, _INFLATED_BYTES)
            packed = inflater.unconsumed_tail
            begin, end = max(place, 0), min(max(place + len(piece), 0), len(target))
            target[begin:end] = piece[begin - place : end - place] if end > begin else b""
            place += len(piece)
            if inflater.eof and place >= len(target):  # the checksum of a stream is verified at its end
                return
            if inflater.eof:  # a gzip file may hold several consecutive streams
                packed, inflater = inflater.unused_data, zlib.decompressobj(wbits=31)
    raise EOFError("the compressed file ends early")
