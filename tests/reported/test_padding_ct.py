"""CT with values that are no CT numbers: padding around a round field, in DICOM and in volume files."""

# One case a line reads better than the same over five.
# ruff: noqa: E501

from functools import partial

import numpy as np
import pydicom
import pytest

from cxrfactory.errors import ImageError
from cxrfactory.imaging.volume.ct import read_ct
from tests.imaging import ct_files

from . import Case

KIND = "padding of CT"
SOURCE = "dgobbi/vtk-dicom#128, ivmartel/dwv#135, fo-dicom/fo-dicom#406"

SHAPE = (6, 24, 20)
INTERCEPTS = {
    "unsigned": (0, -1024),
    "unsigned from -1000": (0, -1000),
    "signed": (1, 0),
    "signed from -1024": (1, -1024),
}


def body():
    """Tissue with a lung and bone in air, HU [z, y, x], and where the round field of the scanner ends."""
    _, y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in SHAPE), indexing="ij")
    hu = np.where((x / 0.7) ** 2 + (y / 0.6) ** 2 < 1, 30, -1000)
    hu[((x - 0.3) / 0.2) ** 2 + (y / 0.4) ** 2 < 1] = -850
    hu[(x / 0.1) ** 2 + ((y + 0.4) / 0.15) ** 2 < 1] = 700
    return hu.astype(np.int32), np.hypot(x, y) > 0.98


HU, OUTSIDE = body()


def write(folder, hu, signed, intercept, **fields):
    """Slices whose stored values are signed or not; padding may be wider than int16 holds before it is stored."""
    made = ct_files.ct_slices(np.zeros(SHAPE, np.int16), intercept=0, RescaleIntercept=intercept, **fields)
    stored = (hu - intercept) & 0xFFFF
    for k, one in enumerate(made):
        one.PixelRepresentation = signed
        one.PixelData = np.ascontiguousarray(stored[k, ::-1, ::-1].astype(np.uint16)).tobytes()
    return ct_files.write_series(folder / "ct", made)


def outside_is_air(folder, kind, value, limit=None, fill=None):
    """``value`` is stored in the header, ``fill`` in the pixels (by default the value)."""
    signed, intercept = INTERCEPTS[kind]
    fields = {} if limit is None else {"PixelPaddingRangeLimit": limit}
    padded = HU.copy()
    padded[OUTSIDE] = (value if fill is None else fill) + intercept
    volume = read_ct(write(folder, padded, signed, intercept, PixelPaddingValue=value, **fields))
    np.testing.assert_array_equal(volume.values[~OUTSIDE], HU[~OUTSIDE])
    assert (volume.values[OUTSIDE] == max(-1024, intercept if not signed else -1024)).all()
    assert any(note.startswith(f"padding set to air: {OUTSIDE.sum()} voxels") for note in volume.notes)


def inside_stays(folder, kind):
    """A padding value that tissue has too: only what reaches the edge of a slice is padding."""
    signed, intercept = INTERCEPTS[kind]
    padded = HU.copy()
    padded[OUTSIDE] = 30
    volume = read_ct(write(folder, padded, signed, intercept, PixelPaddingValue=30 - intercept))
    np.testing.assert_array_equal(volume.values[~OUTSIDE], HU[~OUTSIDE])
    assert (volume.values[OUTSIDE] < -990).all()


def other_sign(folder, kind, vr, stated, fill):
    """The header gives the value with the other sign than the pixels."""
    signed, intercept = INTERCEPTS[kind]
    padded = HU.copy()
    padded[OUTSIDE] = fill + intercept
    place = write(folder, padded, signed, intercept)
    for path in place.iterdir():
        one = pydicom.dcmread(path)
        one.add_new("PixelPaddingValue", vr, stated)
        one.save_as(path)
    volume = read_ct(place)
    np.testing.assert_array_equal(volume.values[~OUTSIDE], HU[~OUTSIDE])
    assert (volume.values[OUTSIDE] == -1024).all()


def untouched(folder, value):
    """A padding value that no pixel has."""
    volume = read_ct(write(folder, HU, 0, -1024, PixelPaddingValue=value))
    np.testing.assert_array_equal(volume.values, HU)
    assert volume.notes == ()


def unstated(folder, fill):
    """Padding that no header states: a CT with such values is refused, because they are no tissue."""
    padded = HU.copy()
    padded[OUTSIDE] = fill
    with pytest.raises(ImageError, match=rf"^ct: {OUTSIDE.sum()} voxels .* above 31000 HU, up to {fill}: padding"):
        read_ct(write(folder, padded, 0, -1024))


def volume_file(suffix, fill, folder):
    padded = HU.astype(np.float32 if abs(fill) > 32767 else np.int16)
    padded[OUTSIDE] = fill
    write = ct_files.write_nifti if ".nii" in suffix else ct_files.write_itk
    values, affine = ct_files.stored(padded, (0, 1, 2), (True, True, False))
    return write(folder / f"ct{suffix}", values, affine)


def high(folder, suffix, fill):
    with pytest.raises(ImageError, match="above 31000 HU"):
        read_ct(volume_file(suffix, fill, folder))


def low(folder, suffix, fill):
    """Values below air attenuate nothing, so they stay."""
    volume = read_ct(volume_file(suffix, fill, folder))
    np.testing.assert_array_equal(volume.values[~OUTSIDE], HU[~OUTSIDE])
    assert (volume.values[OUTSIDE] == fill).all()


def metal(folder):
    """A few voxels at the end of the extended scale, and a few above it."""
    hu = np.tile(HU, (4, 1, 1))[:24].astype(np.int16)
    values, affine = ct_files.stored(hu, (0, 1, 2), (True, True, False))
    values[10, 12, :5] = 30_710
    assert read_ct(ct_files.write_nifti(folder / "a.nii", values, affine)).notes == ()
    values[10, 12, :3] = 32_767
    notes = read_ct(ct_files.write_nifti(folder / "b.nii", values, affine)).notes
    assert notes == (f"3 voxels ({300 / hu.size:.2g} %) above 31000 HU, up to 32767",)


CASES = [
    *(
        Case(f"value {value}, {kind}", "reported", partial(outside_is_air, kind=kind, value=value))
        for kind in ("unsigned", "unsigned from -1000")
        for value in (63536, 65535, 32768, 40000, 4095 + 40)
    ),
    *(
        Case(f"value {value}, {kind}", "reported", partial(outside_is_air, kind=kind, value=value))
        for kind in ("signed", "signed from -1024")
        for value in (-2000, -3024, -32768, 32767, 16000)
    ),
    *(
        Case(f"range {value} to {limit}, {kind}", "reported", partial(outside_is_air, kind=kind, value=value, limit=limit, fill=fill))
        for kind, value, limit, fill in (
            ("unsigned", 60000, 65535, 63536),
            ("unsigned", 65535, 60000, 60000),
            ("signed", -32768, -2000, -3024),
            ("signed", -2000, -32768, -2000),
        )
    ),
    *(Case(f"of the value of tissue, {kind}", "reported", partial(inside_stays, kind=kind)) for kind in INTERCEPTS),
    Case("stated as signed, stored unsigned", "reported", partial(other_sign, kind="unsigned", vr="SS", stated=-2000, fill=63536)),
    Case("stated as unsigned, stored signed", "reported", partial(other_sign, kind="signed", vr="US", stated=63536, fill=-2000)),
    *(Case(f"value {value} that no pixel has", "right", partial(untouched, value=value)) for value in (63536, 65535, 9999)),
    *(Case(f"unstated, {fill} HU in DICOM", "refused", partial(unstated, fill=fill)) for fill in (62512, 64511, 40000)),
    *(
        Case(f"{fill} HU in {suffix}", "refused", partial(high, suffix=suffix, fill=fill))
        for suffix in (".nii.gz", ".mha", ".nrrd")
        for fill in (32767, 62512, 65535)
    ),
    *(
        Case(f"{fill} HU in {suffix}", "right", partial(low, suffix=suffix, fill=fill))
        for suffix in (".nii.gz", ".mha", ".nrrd")
        for fill in (-1024, -2000, -3024, -32768)
    ),
    Case("metal", "reported", metal),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case(case, tmp_path):
    case.run(tmp_path)
