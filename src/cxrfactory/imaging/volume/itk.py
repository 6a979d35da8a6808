"""Reading of NRRD and MetaImage files as stored, with SimpleITK."""

import re
from collections.abc import Callable
from pathlib import Path, PureWindowsPath

import numpy as np

from cxrfactory.errors import ImageError
from cxrfactory.imaging.volume.header_labels import Segment, slicer_segments
from cxrfactory.imaging.volume.orientation import bare_affine
from cxrfactory.imaging.volume.stored import LPS_TO_RAS, StoredSlice, StoredVolume, one_slice, reason_of, three_axes

SUFFIXES = (".nrrd", ".nhdr", ".mha", ".mhd")

_NRRD_SPACES = ("ras", "lps", "las", "right-anterior-superior", "left-posterior-superior", "left-anterior-superior")
_MILLIMETRES = {"mm", "millimeter", "millimeters", "millimetre", "millimetres"}
_OFFSET = "Segmentation_ReferenceImageExtentOffset"
_HEADER_BYTES = 1 << 16
_META_NUMBERS = {"transformmatrix", "rotation", "orientation", "offset", "position", "origin", "elementspacing"}
_DATA_FILE_FIELDS = ("elementdatafile", "data file", "datafile")


def read(path: Path, layer: int | None = None) -> StoredVolume:
    """Read one NRRD or MetaImage file.

    Parameters
    ----------
    path
        The file.
    layer
        Which number of each voxel to read, from 0, if a voxel has several (the layers of 3D Slicer).

    Raises
    ------
    ImageError
        If the file is damaged, of another format, or not a single 3D volume with one real number per voxel.
    """
    return _read(path, layer, three_axes)[0]


def read_slice(path: Path, layer: int | None = None) -> StoredSlice:
    """Read one NRRD or MetaImage file of two dimensions or of one slice.

    Raises
    ------
    ImageError
        If the file is damaged, of another format, has several slices, or is cut to the extent of its segments.
    """
    volume, spacing, offset = _read(path, layer, one_slice)
    if offset.strip("0 "):
        raise ImageError(
            f"{path.name}: its segments are a part cut out of the image; expected the whole image: save it in 3D "
            "Slicer without 'Crop to minimum extent'"
        )
    if not _is_nrrd(path):
        return StoredSlice(volume, spacing, in_mm=True)  # MetaImage defines ElementSpacing in mm
    fields = _header_fields(path, ":")
    units = set(re.findall(r"[a-z]+", fields.get("space units", "")))
    return StoredSlice(volume, spacing, units <= _MILLIMETRES if units else fields.get("space") in _NRRD_SPACES)


def _read(
    path: Path, layer: int | None, axes: Callable[[tuple[int, ...], str], tuple[int, int, int]]
) -> tuple[StoredVolume, tuple[float, float, float], str]:
    """Return the volume, its spacing along i, j and k, and the offset of 3D Slicer's segments in their image."""
    import SimpleITK as sitk

    nrrd = _is_nrrd(path)
    try:
        lacking = _lacking_nrrd(path) if nrrd else _lacking_meta(path)
        reader = sitk.ImageFileReader()
        reader.SetFileName(str(path))
        reader.ReadImageInformation()
        axes(reader.GetSize(), path.name)
        image = reader.Execute()
    except (RuntimeError, OSError, OverflowError) as error:
        raise ImageError(f"{path.name}: not a readable volume ({reason_of(error)})") from error
    if layer is not None:
        image = sitk.VectorIndexSelectionCast(image, layer)
    if image.GetNumberOfComponentsPerPixel() != 1:
        raise ImageError(
            f"{path.name}: {image.GetNumberOfComponentsPerPixel()} numbers a voxel; expected one (a single layer)"
        )
    if image.GetDimension() == 2:
        image = sitk.JoinSeries([image])
    while image.GetDimension() > 3:
        image = image[..., 0]
    values = sitk.GetArrayFromImage(image).transpose(2, 1, 0)
    if values.dtype.kind not in "iuf":
        raise ImageError(f"{path.name}: voxels of type {values.dtype}; expected single real numbers")
    affine = np.eye(4)
    affine[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    affine[:3, 3] = image.GetOrigin()
    if not lacking and nrrd and _space(path).startswith(("las", "left-anterior")):
        # The identity of this space is bare too; it has mirrored axes in the other two.
        lacking = bare_affine(np.diag([-1.0, 1.0, 1.0, 1.0]) @ LPS_TO_RAS @ affine, values.shape)
    names = [(each.value, each.name) for each in _segments(reader)] if nrrd else []
    volume = StoredVolume(values, None if lacking else LPS_TO_RAS @ affine, lacking, names=names or None)
    return volume, image.GetSpacing(), reader.GetMetaData(_OFFSET) if reader.HasMetaDataKey(_OFFSET) else ""


def segments_of(path: Path) -> list[Segment]:
    """Return the segments that the header of a ``.seg.nrrd`` file names; none for other and for damaged files."""
    import SimpleITK as sitk

    if not _is_nrrd(path):
        return []
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        _header_fields(path, ":")
        reader.ReadImageInformation()
    except (RuntimeError, OSError, OverflowError, ImageError):  # reading the volume says what is wrong
        return []
    components = reader.GetNumberOfComponents()
    return [each for each in _segments(reader) if each.layer < components]


def _segments(reader) -> list[Segment]:
    # SimpleITK cannot look up a damaged key that is no UTF-8.
    keys = (key for key in reader.GetMetaDataKeys() if key.startswith("Segment") and key.isascii())
    return slicer_segments({key: reader.GetMetaData(key) for key in keys})


def _is_nrrd(path: Path) -> bool:
    return path.name.lower().endswith((".nrrd", ".nhdr"))


def _space(path: Path) -> str:
    return _header_fields(path, ":").get("space", "")


def _lacking_nrrd(path: Path) -> str:
    fields = _header_fields(path, ":")
    if fields.get("dimension") == "2":  # a picture: no patient space has two dimensions
        return "" if "space directions" in fields else "its header states no directions"
    if fields.get("space") not in _NRRD_SPACES or "space directions" not in fields:
        return "its header names no patient space with directions"
    return ""


def _lacking_meta(path: Path) -> str:
    fields = _header_fields(path, "=")
    for name in _META_NUMBERS & fields.keys():
        try:
            finite = np.isfinite([float(number) for number in fields[name].split()]).all()
        except ValueError:
            finite = False
        if not finite:  # ITK would read such a number as 0
            raise ImageError(f"{path.name}: not a readable volume (header field {name} is no row of finite numbers)")
    if not {"transformmatrix", "rotation", "orientation"} & set(fields):
        return "its header holds no TransformMatrix"
    return ""


def _header_fields(path: Path, separator: str) -> dict[str, str]:
    """Read the fields of a text header: of NRRD (up to an empty line) or MetaImage (up to ElementDataFile).

    Raises
    ------
    ImageError
        If the header does not end, or the voxels may be in a file outside the header's folder.
    """
    fields: dict[str, str] = {}
    with open(path, "rb") as file:
        lines = file.read(_HEADER_BYTES).split(b"\n")
    for raw in lines:
        line = raw.decode("latin-1").strip()
        if not line:
            break
        key, _, value = line.partition(separator)
        fields[key.strip().lower()] = value.strip().lower()
        if key.strip().lower() == "elementdatafile":
            break
    else:
        raise ImageError(f"{path.name}: not a readable volume (its header does not end)")
    for key in _DATA_FILE_FIELDS:
        _refuse_elsewhere(fields.get(key, "local"), path.name)
    return fields


def _refuse_elsewhere(data_file: str, name: str) -> None:
    """Refuse voxels in a file outside the header's folder, so that a header cannot make the reader open any file."""
    place = PureWindowsPath(data_file)  # this class splits at both / and \
    if place.drive or place.root or ".." in place.parts or "%" in data_file or data_file.split()[:1] == ["list"]:
        raise ImageError(f"{name}: its voxels stand in another file that may be anywhere; expected one file beside it")
