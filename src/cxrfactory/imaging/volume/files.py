"""Reading of volume files (NIfTI, NRRD, MetaImage) as stored: the array, its affine if stated, and its scaling."""

import math
import zlib
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

import numpy as np
from jaxtyping import Float

from cxrfactory.errors import ImageError
from cxrfactory.imaging.volume.orientation import VolumeLayout

NIFTI_SUFFIXES = (".nii.gz", ".nii")
ITK_SUFFIXES = (".nrrd", ".nhdr", ".mha", ".mhd")
VOLUME_SUFFIXES = NIFTI_SUFFIXES + ITK_SUFFIXES

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])  # in DICOM and ITK x grows to the patient's left and y to the back
_NRRD_SPACES = ("ras", "lps", "las", "right-anterior-superior", "left-posterior-superior", "left-anterior-superior")
LARGEST_VOXELS = 1 << 31  # four times the longest whole-body CT; a header that states more is damaged or malicious
_READ_BYTES, _INFLATED_BYTES = 1 << 18, 1 << 20
_LARGEST_RATIO = 1032  # of deflate: one compressed byte expands to at most this many bytes
_HEADER_BYTES = 1 << 16
_META_NUMBERS = {"transformmatrix", "rotation", "orientation", "offset", "position", "origin", "elementspacing"}
_DATA_FILE_FIELDS = ("elementdatafile", "data file", "datafile")


@dataclass
class StoredVolume:
    """A volume as stored in its file.

    Attributes
    ----------
    values
        Array (i, j, k), the file's fastest axis first, in the stored dtype and native byte order.
    affine
        Matrix from index (i, j, k) to world (x, y, z) in mm, RAS+; None if the file states no orientation.
    lacking
        Reason why there is no affine; empty if there is one.
    slope, intercept
        Scaling of the values: real value = slope * stored + intercept.
    notes
        Remarks on the reading, such as ignored files.
    """

    values: np.ndarray
    affine: Float[np.ndarray, "4 4"] | None
    lacking: str = ""
    slope: float = 1.0
    intercept: float = 0.0
    notes: tuple[str, ...] = ()


def volume_suffix(path: Path) -> str | None:
    """Return the suffix that marks a file as a volume (one of :data:`VOLUME_SUFFIXES`), or None."""
    name = path.name.lower()
    return next((suffix for suffix in VOLUME_SUFFIXES if name.endswith(suffix)), None)


def read_stored(path: Path) -> StoredVolume:
    """Read one volume file.

    Raises
    ------
    ImageError
        If the file is missing, damaged, of another format, or not a single 3D volume with one real number per voxel.
    """
    if not path.is_file():
        raise ImageError(f"{path.name}: no such file")
    suffix = volume_suffix(path)
    if suffix is None:
        raise ImageError(f"{path.name}: not a volume file by its name; expected {', '.join(VOLUME_SUFFIXES)}")
    stored = _read_nifti(path) if suffix in NIFTI_SUFFIXES else _read_itk(path)
    # Writers store the identity if no affine is set; all volumes of RadGenome-ChestCT are stored this way.
    if stored.affine is not None and np.array_equal(stored.affine, np.eye(4)):
        stored.affine, stored.lacking = None, "its affine is the identity"
    if not stored.values.dtype.isnative:
        stored.values = stored.values.byteswap(inplace=True).view(stored.values.dtype.newbyteorder("="))
    return stored


def placed_affine(stored: StoredVolume, layout: VolumeLayout | None, name: str) -> Float[np.ndarray, "4 4"]:
    """Return the affine to use: the layout's if a layout is given, else the file's own.

    Parameters
    ----------
    stored
        The volume.
    layout
        Spacing and axes from the config, or None.
    name
        Name of the file, for the error message.

    Returns
    -------
    Matrix from index (i, j, k) to world (x, y, z) in mm, RAS+.

    Raises
    ------
    ImageError
        If neither exists.
    """
    if layout is not None:
        return layout.affine()
    if stored.affine is None:
        raise ImageError(
            f"{name}: a volume without an orientation ({stored.lacking}); expected an affine in the file, "
            "or spacing and axes of the release in the config"
        )
    return stored.affine


def layout_note(layout: VolumeLayout) -> str:
    """Return the note that spacing and axes come from the config."""
    steps = " x ".join(f"{step:g}" for step in layout.spacing_mm)
    return f"spacing {steps} mm and axes {layout.axes.upper()} are the config's, not the file's"


def _read_nifti(path: Path) -> StoredVolume:
    import nibabel as nib
    from nibabel.filebasedimages import ImageFileError
    from nibabel.spatialimages import HeaderDataError

    try:
        image = nib.load(path)
        if not isinstance(image, nib.Nifti1Image):
            raise ImageError(f"{path.name}: not NIfTI inside; expected NIfTI-1 or NIfTI-2")
        header, shape = image.header, _three(image.shape, path.name)
        dtype = header.get_data_dtype()
        if dtype.kind not in "iuf":
            raise ImageError(f"{path.name}: voxels of type {dtype}; expected single real numbers")
        values = _read_voxels(path, int(image.dataobj.offset), shape, dtype)
    except (ImageFileError, HeaderDataError, OSError, EOFError, ValueError, zlib.error, MemoryError) as error:
        raise ImageError(f"{path.name}: not a readable NIfTI volume ({_reason(error)})") from error
    try:
        units = header.get_xyzt_units()[0]
    except KeyError as error:
        raise ImageError(f"{path.name}: NIfTI whose units are no known ones; expected mm") from error
    if units not in ("mm", "unknown"):
        raise ImageError(f"{path.name}: spacing in {units}s; expected mm")
    stored = StoredVolume(
        values, np.asarray(image.affine, float), slope=float(image.dataobj.slope), intercept=float(image.dataobj.inter)
    )
    if int(header["qform_code"]) == 0 and int(header["sform_code"]) == 0:
        stored.affine, stored.lacking = None, "qform_code and sform_code are 0"
    return stored


def _read_voxels(path: Path, offset: int, shape: tuple[int, int, int], dtype: np.dtype) -> np.ndarray:
    """Read the voxels; compressed ones are read in pieces, which is a fifth faster than one read and makes no copy."""
    with open(path, "rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
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


def _read_itk(path: Path) -> StoredVolume:
    import SimpleITK as sitk

    try:
        lacking = _lacking_nrrd(path) if path.name.lower().endswith((".nrrd", ".nhdr")) else _lacking_meta(path)
        reader = sitk.ImageFileReader()
        reader.SetFileName(str(path))
        reader.ReadImageInformation()
        _three(reader.GetSize(), path.name)
        image = reader.Execute()
    except (RuntimeError, OSError, OverflowError) as error:
        raise ImageError(f"{path.name}: not a readable volume ({_reason(error)})") from error
    if image.GetNumberOfComponentsPerPixel() != 1:
        raise ImageError(
            f"{path.name}: {image.GetNumberOfComponentsPerPixel()} numbers a voxel; expected one (a single layer)"
        )
    while image.GetDimension() > 3:
        image = image[..., 0]
    values = sitk.GetArrayFromImage(image).transpose(2, 1, 0)
    if values.dtype.kind not in "iuf":
        raise ImageError(f"{path.name}: voxels of type {values.dtype}; expected single real numbers")
    affine = np.eye(4)
    affine[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    affine[:3, 3] = image.GetOrigin()
    if np.array_equal(affine, np.eye(4)):
        lacking = lacking or "its affine is the identity"
    return StoredVolume(values, None if lacking else LPS_TO_RAS @ affine, lacking)


def _lacking_nrrd(path: Path) -> str:
    fields = _header_fields(path, ":")
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


def check_voxels(shape: tuple[int, ...], name: str) -> None:
    """Refuse a volume of more than :data:`LARGEST_VOXELS` voxels before memory is allocated for it.

    Raises
    ------
    ImageError
        If the volume has more voxels.
    """
    if math.prod(map(int, shape)) > LARGEST_VOXELS:
        raise ImageError(f"{name}: {' x '.join(map(str, shape))} voxels; expected at most {LARGEST_VOXELS}")


def _three(shape: tuple[int, ...], name: str) -> tuple[int, int, int]:
    if len(shape) < 3 or any(length != 1 for length in shape[3:]):
        raise ImageError(f"{name}: {' x '.join(map(str, shape))} voxels; expected one volume of 3 dimensions")
    if min(shape) < 1:
        raise ImageError(f"{name}: {' x '.join(map(str, shape))} voxels; expected at least one along each axis")
    check_voxels(shape, name)
    return shape[:3]  # type: ignore[return-value]


def _reason(error: Exception) -> str:
    """Describe an error without quoting the file, because messages of other libraries contain header values."""
    if isinstance(error, EOFError | zlib.error):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"damaged header or data, {type(error).__name__}"
