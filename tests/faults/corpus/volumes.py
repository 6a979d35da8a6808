"""CT volumes and their labels: NIfTI, MetaImage, NRRD.

``make`` gets the study's folder, which holds a sound ``ct.nii.gz`` and ``labels.nii.gz``, and spoils one of them.
"""

# One case a line reads better than the same over five.
# ruff: noqa: E501

import gzip
import os
import struct
from pathlib import Path

import nibabel as nib
import numpy as np

from ...drr.conftest import SPACING_MM, volumes
from ...imaging.ct_files import write_itk
from .case import KEPT, REJECTED, Case, flipped

HU, LABELS = volumes()
AFFINE = np.diag([*SPACING_MM, 1.0])
AFFINE[:3, 3] = (-10, 5, 7)
# Where NIfTI-1 keeps what.
_DIM, _DATATYPE, _BITPIX, _PIXDIM, _OFFSET, _SLOPE, _UNITS, _QFORM, _SFORM, _MAGIC = (
    40,
    70,
    72,
    76,
    108,
    112,
    123,
    252,
    254,
    344,
)
_VOXELS = HU.shape


def nifti(values=HU, affine=AFFINE, header=None, compressed=True) -> bytes:
    """A NIfTI-1 file; ``header`` changes bytes at places: {place: bytes}."""
    data = bytearray(nib.Nifti1Image(values, affine).to_bytes())
    for place, new in (header or {}).items():
        data[place : place + len(new)] = new
    return gzip.compress(bytes(data), 1, mtime=0) if compressed else bytes(data)


def _write(name, data):
    def make(folder: Path) -> None:
        if name != "labels.nii.gz":
            _instead(folder, name)
        (folder / name).write_bytes(data())

    return make


def _ct(name, outcome, data, says="", file="ct.nii.gz", **more):
    return Case(f"ct {name}", outcome, _write(file, data), says, **more)


def _labels(name, outcome, data, says="", **more):
    return Case(f"labels {name}", outcome, _write("labels.nii.gz", data), says, **more)


def _instead(folder: Path, name: str) -> Path:
    """Take the CT away; where another form of it is to stand."""
    (folder / "ct.nii.gz").unlink()
    return folder / name


def _dims(*sizes):
    return {_DIM: struct.pack("<8h", *sizes, *[1] * (8 - len(sizes)))}


def _set(values, place, value):
    changed = values.astype(np.float32)
    changed[place] = value
    return changed


def _turned(degrees, spacing=SPACING_MM):
    angle = np.radians(degrees)
    affine = np.eye(4)
    affine[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    affine[:3, :3] = affine[:3, :3] * np.array(spacing)
    affine[:3, 3] = (-10, 5, 7)
    return affine


def _oblique(folder: Path) -> None:
    lungs = np.isin(LABELS, (2, 3))  # they hold air, as between the turned borders of the body
    for name, values in (("ct", np.where(lungs, np.int16(-800), HU)), ("labels", LABELS)):
        (folder / f"{name}.nii.gz").write_bytes(nifti(values, _turned(10)))


def _affine(**rows):
    affine = AFFINE.copy()
    for place, value in rows.items():
        affine[int(place[1]), int(place[2])] = value
    return affine


def _stored(affine):
    """A sound file whose sform rows are replaced, for affines that nibabel would not write."""
    return {_SFORM: struct.pack("<h", 1), 280: np.asarray(affine, "<f4")[:3].tobytes()}


def _with(header, values=HU):
    return lambda: nifti(values, header=header)


_WHOLE = nifti(compressed=False)
_PACKED = nifti()
_NAN, _INFINITE = struct.pack("<f", np.nan), struct.pack("<f", np.inf)
_NOT_CT = np.full_like(HU, 40)
_SHIFTED = (HU + 1024).astype(np.uint16)

CTS = [
    _ct("sound", KEPT, lambda: _PACKED),
    _ct("float", KEPT, lambda: nifti(HU.astype(np.float32))),
    _ct("big-endian", KEPT, lambda: gzip.compress(nib.Nifti1Image(HU, AFFINE).__class__(HU, AFFINE, nib.Nifti1Header(endianness=">")).to_bytes(), mtime=0)),
    _ct("fourth dimension of 1", KEPT, lambda: nifti(HU[..., None])),
    Case("ct and labels oblique by 10 degrees", KEPT, _oblique),
    _ct("compressed in two streams", KEPT, lambda: gzip.compress(_WHOLE[:1000]) + gzip.compress(_WHOLE[1000:])),
    _ct("bytes after its end", KEPT, lambda: _PACKED + bytes(1000)),
    _ct("NaN", REJECTED, lambda: nifti(_set(HU, (3, 4, 5), np.nan)), "1 voxels are NaN"),
    _ct("infinite", REJECTED, lambda: nifti(_set(HU, (3, 4, 5), np.inf)), "NaN or infinite"),
    _ct("HU of 1e30", REJECTED, lambda: nifti(_set(HU, (3, 4, 5), 1e30)), "1e\\+30"),
    _ct("HU of -1e9", REJECTED, lambda: nifti(_set(HU, (3, 4, 5), -1e9)), "-1e\\+09"),
    _ct("64-bit HU of 1e300", REJECTED, lambda: nifti(np.where(HU > 0, 1e300, HU)), "1e\\+300"),
    _ct("all tissue", REJECTED, lambda: nifti(_NOT_CT), "does not look like HU"),
    _ct("shifted to start at 0", REJECTED, lambda: nifti(_SHIFTED), "shifted"),
    _ct("complex numbers", REJECTED, lambda: nifti(HU.astype(np.complex64)), "complex64"),
    _ct("RGB", REJECTED, lambda: nifti(np.zeros(_VOXELS, [("R", "u1"), ("G", "u1"), ("B", "u1")])), "single real numbers"),
    _ct("four volumes", REJECTED, lambda: nifti(np.stack([HU] * 4, axis=-1)), "one volume of 3 dimensions"),
    _ct("one slice", REJECTED, lambda: nifti(HU[:, :, 5]), "3 dimensions"),
    _ct("of one voxel", REJECTED, lambda: nifti(HU[:1, :1, :1]), "look like HU|voxel"),
    _ct("affine of zeros", REJECTED, _with(_stored(np.zeros((4, 4)))), "spacing"),
    _ct("affine with NaN", REJECTED, _with(_stored(_affine(a00=np.nan))), "NaN"),
    _ct("affine with infinity", REJECTED, _with(_stored(_affine(a03=np.inf))), "infinity"),
    _ct("singular affine", REJECTED, _with(_stored(_affine(a01=3, a11=0))), "sheared"),
    _ct("sheared affine", REJECTED, _with(_stored(_affine(a01=0.4))), "sheared"),
    _ct("spacing of 1e-30 mm", REJECTED, _with(_stored(np.diag([1e-30, 1e-30, 1e-30, 1]))), "spacing"),
    _ct("spacing of 1e30 mm", REJECTED, _with(_stored(np.diag([1e30, 1e30, 1e30, 1]))), "spacing"),
    _ct("origin of 1e30 mm", REJECTED, _with(_stored(_affine(a03=1e30))), "1e\\+30|overlap|outside|beyond|far"),
    _ct("identity affine", REJECTED, lambda: nifti(affine=np.eye(4)), "orientation"),
    _ct("no orientation codes", REJECTED, _with({_QFORM: bytes(4)}), "orientation"),
    _ct("oblique with one fine axis", REJECTED, lambda: nifti(affine=_turned(45, (0.02, 30, 30))), "voxel|spacing"),
    _ct("spacing in microns", REJECTED, _with({_UNITS: b"\x03"}), "micron"),
    _ct("slope NaN", KEPT, _with({_SLOPE: _NAN * 2})),
    _ct("slope infinite", KEPT, _with({_SLOPE: _INFINITE + bytes(4)})),
    _ct("intercept infinite", REJECTED, _with({_SLOPE: struct.pack("<f", 1) + _INFINITE}), "intercept|finite|NIfTI"),
    _ct("no dimension", REJECTED, _with({_DIM: bytes(16)}), "NIfTI|dimensions"),
    _ct("dimension 0", REJECTED, _with(_dims(3, 20, 0, 12)), "NIfTI|at least one"),
    _ct("negative dimension", REJECTED, _with(_dims(3, -20, 16, 12)), "NIfTI|at least one"),
    _ct("99 dimensions", REJECTED, _with(_dims(99, 20, 16, 12)), "NIfTI"),
    _ct("one voxel more than it holds", REJECTED, _with(_dims(3, 20, 16, 13)), "end"),
    _ct("32767 voxels a side", REJECTED, _with(_dims(3, 32767, 32767, 32767)), "at most"),
    _ct("unknown datatype", REJECTED, _with({_DATATYPE: struct.pack("<h", 4711)}), "NIfTI"),
    _ct("datatype and bits that differ", KEPT, _with({_BITPIX: struct.pack("<h", 64)})),
    _ct("offset within the header", REJECTED, _with({_OFFSET: struct.pack("<f", 8)}), "NIfTI|offset"),
    _ct("offset NaN", REJECTED, _with({_OFFSET: _NAN}), "NIfTI"),
    _ct("offset beyond the end", REJECTED, _with({_OFFSET: struct.pack("<f", 1e9)}), "end"),
    _ct("negative offset", REJECTED, _with({_OFFSET: struct.pack("<f", -64)}), "NIfTI|offset"),
    _ct("magic flipped", REJECTED, _with({_MAGIC: b"n+9\0"}), "NIfTI"),
    _ct("header and image in two files", KEPT, _with({_MAGIC: b"ni1\0"})),
    _ct("header's size wrong", KEPT, _with({0: b"\0\0\0\0"})),
    _ct("of no byte", REJECTED, lambda: b"", "NIfTI|empty"),
    _ct("of text", REJECTED, lambda: b"<html>" * 100, "a web page"),
    _ct("not compressed, but called so", REJECTED, lambda: _WHOLE, "NIfTI"),
    _ct("checksum of the compression wrong", REJECTED, lambda: flipped(_PACKED, len(_PACKED) - 6), "NIfTI"),
    _ct("flipped byte in the compression", REJECTED, lambda: flipped(_PACKED, len(_PACKED) // 2), "NIfTI"),
    *(
        _ct(f"cut {where}", REJECTED, lambda end=end: _PACKED[:end], "NIfTI")
        for where, end in (
            ("within the gzip mark", 1),
            ("within the gzip header", 6),
            ("after the gzip header", 10),
            ("in the compressed header", 60),
            ("in the middle", len(_PACKED) // 2),
            ("before the checksum", len(_PACKED) - 8),
            ("within the length", len(_PACKED) - 2),
        )
    ),
    *(
        _ct(f"uncompressed and cut {where}", REJECTED, lambda end=end: _WHOLE[:end], "NIfTI", "ct.nii")
        for where, end in (("in the header", 200), ("after the header", 348), ("at the voxels", 352), ("by a byte", len(_WHOLE) - 1))
    ),
    _ct("that inflates to 12 GiB", REJECTED, lambda: _bomb(), "voxels|GiB", bomb=True),
    Case("ct that is a pipe", REJECTED, lambda folder: os.mkfifo(_instead(folder, "ct.nii")), "no such file|regular"),
    Case("ct that is a folder of nothing", REJECTED, lambda folder: _instead(folder, "ct.folder").mkdir(), "0 DICOM slices"),
]  # fmt: skip

LABEL_VOLUMES = [
    _labels("of another grid", KEPT, lambda: nifti(LABELS[::2, ::2, ::2], AFFINE @ np.diag([2, 2, 2, 1]))),
    _labels("as floats", KEPT, lambda: nifti(LABELS.astype(np.float32))),
    _labels("as 64-bit floats", KEPT, lambda: nifti(LABELS.astype(np.float64))),
    _labels("that are empty", KEPT, lambda: nifti(np.zeros_like(LABELS))),
    _labels("that are not whole", REJECTED, lambda: nifti(LABELS * np.float32(0.5)), "not whole"),
    _labels("with NaN", REJECTED, lambda: nifti(_set(LABELS, (3, 4, 5), np.nan)), "not finite"),
    _labels("below 0", REJECTED, lambda: nifti(LABELS.astype(np.int16) - 3), "below 0"),
    _labels("above 65535", REJECTED, lambda: nifti(LABELS.astype(np.int32) * 100_000), "65535"),
    _labels("without a name", REJECTED, lambda: nifti(LABELS + np.uint8(90) * (LABELS == 4) + np.uint8(7) * (LABELS == 1)), "name table"),
    _labels("of another place", REJECTED, lambda: nifti(LABELS, _affine(a03=4000)), "overlap"),
    _labels("of another shape and no orientation", REJECTED, lambda: nifti(LABELS[:9], np.eye(4)), "orientation"),
    _labels("of four volumes", REJECTED, lambda: nifti(np.stack([LABELS] * 4, axis=-1)), "3 dimensions"),
    _labels("cut", REJECTED, lambda: nifti(LABELS)[:-40], "NIfTI"),
    _labels("of text", REJECTED, lambda: b"none", "NIfTI"),
]  # fmt: skip


def _bomb() -> bytes:
    head = nifti(compressed=False, header=_dims(3, 2048, 2048, 1536))[:352]
    zeros = gzip.compress(bytes(64 << 20), 9)
    return gzip.compress(head) + zeros * 192


def _itk(name, outcome, change, says="", suffix="mha"):
    """A MetaImage or NRRD of the CT, its file changed."""

    def make(folder: Path) -> None:
        path = _instead(folder, f"ct.{suffix}")
        write_itk(path, HU, AFFINE)
        path.write_bytes(change(path.read_bytes()))

    return Case(f"{suffix} {name}", outcome, make, says)


def _field(name, value):
    def change(data: bytes) -> bytes:
        lines = data.split(b"\n")
        place = next(n for n, line in enumerate(lines) if line.lower().startswith(name))
        separator = b" = " if b" = " in lines[place] else b": "
        lines[place] = lines[place].split(separator)[0] + separator + value
        return b"\n".join(lines)

    return change


def _apart(value):
    """Header fields of an NRRD whose data stand in another file."""
    return lambda data: data.replace(b"encoding:", b"data file: " + value + b"\nencoding:").split(b"\n\n")[0] + b"\n\n"


ITK = [
    _itk("sound", KEPT, lambda data: data),
    _itk("sound", KEPT, lambda data: data, suffix="nrrd"),
    _itk("cut in its header", REJECTED, lambda data: data[:80], "not a readable volume"),
    _itk("cut in its voxels", REJECTED, lambda data: data[:-500], "not a readable volume"),
    _itk("of 2 dimensions", REJECTED, _field(b"ndims", b"2"), "volume|dimensions"),
    _itk("of 9 dimensions", REJECTED, _field(b"ndims", b"9"), "volume|dimensions"),
    _itk("of no dimension", REJECTED, _field(b"ndims", b"0"), "volume|dimensions"),
    _itk("of 100000 voxels a side", REJECTED, _field(b"dimsize", b"100000 100000 100000"), "volume|voxels"),
    _itk("of negative size", REJECTED, _field(b"dimsize", b"-20 16 12"), "volume|voxels"),
    _itk("of size 0", REJECTED, _field(b"dimsize", b"0 16 12"), "volume|voxels"),
    _itk("of an unknown type", REJECTED, _field(b"elementtype", b"MET_SECRET"), "volume"),
    _itk("spacing of 0", REJECTED, _field(b"elementspacing", b"0 0 0"), "volume|spacing"),
    _itk("spacing of NaN", REJECTED, _field(b"elementspacing", b"nan nan nan"), "volume|spacing|NaN"),
    _itk("spacing of 1e200", REJECTED, _field(b"elementspacing", b"1e200 1e200 1e200"), "volume|spacing"),
    _itk("negative spacing", REJECTED, _field(b"elementspacing", b"-2 3 4"), "volume|spacing|orientation|labels"),
    _itk("matrix of zeros", REJECTED, _field(b"transformmatrix", b"0 0 0 0 0 0 0 0 0"), "volume|spacing|orientation"),
    _itk("matrix of NaN", REJECTED, _field(b"transformmatrix", b"nan 0 0 0 1 0 0 0 1"), "volume|NaN"),
    _itk("matrix of text", REJECTED, _field(b"transformmatrix", b"a b c"), "volume|spacing|orientation"),
    _itk("offset of infinity", REJECTED, _field(b"offset", b"inf 0 0"), "field offset"),
    _itk("data in a file elsewhere", REJECTED, _field(b"elementdatafile", b"/etc/hostname"), "leaves|another file|data file"),
    _itk("data in a file above", REJECTED, _field(b"elementdatafile", b"../a/ct.nii.gz"), "leaves|another file|data file"),
    _itk("data in a file that is missing", REJECTED, _field(b"elementdatafile", b"gone.raw"), "volume|data file"),
    _itk("of no line", REJECTED, lambda data: b"", "volume"),
    _itk("of zeros", REJECTED, lambda data: bytes(5000), "volume"),
    _itk("cut in its header", REJECTED, lambda data: data[:60], "not a readable volume", "nrrd"),
    _itk("cut in its voxels", REJECTED, lambda data: data[:-500], "not a readable volume", "nrrd"),
    _itk("sizes of nothing", REJECTED, _field(b"sizes", b""), "volume", "nrrd"),
    _itk("sizes too large", REJECTED, _field(b"sizes", b"100000 100000 100000"), "volume|voxels", "nrrd"),
    _itk("sizes beyond 64 bits", REJECTED, _field(b"sizes", b"99999999999999999999 9 9"), "volume|voxels", "nrrd"),
    _itk("directions of NaN", REJECTED, _field(b"space directions", b"(nan,0,0) (0,1,0) (0,0,1)"), "volume|orientation|NaN", "nrrd"),
    _itk("directions of none", REJECTED, _field(b"space directions", b"none none none"), "volume|orientation|labels", "nrrd"),
    _itk("space unknown", REJECTED, _field(b"space", b"scanner-xyz"), "volume|orientation", "nrrd"),
    _itk("encoding unknown", REJECTED, _field(b"encoding", b"rot13"), "volume", "nrrd"),
    _itk("data in a file elsewhere", REJECTED, _apart(b"/etc/hostname"), "leaves|another file|data file", "nrrd"),
    _itk("data in a file above", REJECTED, _apart(b"../x.raw"), "leaves|another file|data file", "nrrd"),
]  # fmt: skip

CASES = [*CTS, *LABEL_VOLUMES, *ITK]
