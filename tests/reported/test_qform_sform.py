"""NIfTI files whose qform and sform state two orientations."""

# One case a line reads better than the same over five.
# ruff: noqa: E501

import struct
from functools import partial

import nibabel as nib
import numpy as np
import pytest

from cxrfactory.errors import ImageError
from cxrfactory.imaging.volume.ct import read_ct
from cxrfactory.imaging.volume.label_volume import open_labels
from cxrfactory.imaging.volume.orientation import AffineRules, VolumeLayout
from tests.imaging import ct_files
from tests.imaging.volume.test_orientation import turn

from . import Case

KIND = "qform against sform"
SOURCE = "ANTsX/ANTsPy#356, spinalcordtoolbox/spinalcordtoolbox#2106"

FORMATS = (".nii", ".nii.gz")
CANONICAL = ct_files.chest((8, 7, 6))
VALUES = CANONICAL.transpose(2, 1, 0)
SOUND = ct_files.canonical_affine()


def changed(scale=(1, 1, 1), shift=(0, 0, 0), degrees=0.0, axis=2):
    affine = SOUND.copy()
    affine[:3, :3] = turn(degrees, axis) @ affine[:3, :3] @ np.diag(scale)
    affine[:3, 3] += shift
    return affine


def mirrored(*axes):
    """The same voxels, said to run the other way along some axes."""
    affine = SOUND.copy()
    for axis in axes:
        affine[:3, 3] += affine[:3, axis] * (VALUES.shape[axis] - 1)
        affine[:3, axis] *= -1
    return affine


OTHER = {
    "mirrored left to right": (mirrored(0), "in their axes"),
    "mirrored back to front": (mirrored(1), "in their axes"),
    "upside down": (mirrored(2), "in their axes"),
    "of two mirrored axes": (mirrored(0, 1), "in their axes"),
    "mirrored about 0": (np.diag([-1.0, 1, 1, 1]) @ SOUND, "in their axes"),
    "of another spacing": (changed((1, 1, 2)), "in their spacing"),
    "of a spacing off by 1 %": (changed((1.01, 1, 1)), "in their spacing"),
    "turned by 3 degrees": (changed(degrees=3), "by 3.0 degrees"),
    "half a voxel off": (changed(shift=(0.375, 0, 0)), "by 0.375 mm in their first voxel"),
    "the identity": (np.eye(4), "in their axes|in their spacing|in their first voxel"),
}
ROUNDED = {
    "single precision": SOUND.astype(np.float32).astype(float),
    "off by 1e-5": SOUND + 1e-5 * np.eye(4, 4, 1),
    "a spacing of 4 decimals": changed((1.0003, 1, 1)),
    "a quarter of a tenth of a voxel": changed(shift=(0.02, 0, 0)),
    "turned by 0.05 degrees": changed(degrees=0.05),
}


def write(path, qform, sform, codes=(1, 1), values=VALUES):
    """Qform and sform as given; nibabel keeps pixdim with the qform."""
    image = nib.Nifti1Image(values, SOUND)
    image.set_sform(sform, codes[1])
    image.set_qform(qform, codes[0])
    nib.save(image, path)
    return path


def patched(path, place, data):
    """Overwrite bytes of an uncompressed header."""
    head = bytearray(path.read_bytes())
    head[place : place + len(data)] = data
    path.write_bytes(head)
    return path


def refused(folder, suffix, affines, says):
    for name, qform, sform in (("a", *affines), ("b", *affines[::-1])):
        path = write(folder / f"{name}{suffix}", qform, sform)
        with pytest.raises(
            ImageError, match=rf"qform \(.*\) and sform \(.*\) differ ({says}).*set affine to qform or sform"
        ):
            read_ct(path)
    marks = write(folder / f"labels{suffix}", *affines, values=(VALUES > 0).astype(np.uint8))
    sound = read_ct(write(folder / f"ct{suffix}", SOUND, SOUND))
    with pytest.raises(ImageError, match="differ"):
        open_labels(marks, sound, {1: "heart"})


def chosen(folder, suffix, other, codes):
    """The config names the one that counts; CT and labels say so."""
    for prefer, affines in (("qform", (SOUND, other)), ("sform", (other, SOUND))):
        rules = AffineRules(prefer)
        volume = read_ct(write(folder / f"ct{suffix}", *affines, codes), rules=rules)
        np.testing.assert_array_equal(volume.values, CANONICAL)
        np.testing.assert_allclose(volume.origin_mm, ct_files.ORIGIN_MM, atol=1e-3)
        assert f"the {prefer} is used, as the config says" in volume.notes[0]
        marks = write(folder / f"labels{suffix}", *affines, codes, values=(VALUES > 0).astype(np.uint8))
        labels = open_labels(marks, volume, {1: "heart"}, rules=rules)
        np.testing.assert_array_equal(labels.values, CANONICAL > 0)
        assert f"the {prefer} is used" in labels.notes[0]


def agreeing(folder, suffix, other):
    for qform, sform in ((SOUND, other), (other, SOUND)):
        volume = read_ct(write(folder / f"ct{suffix}", qform, sform))
        np.testing.assert_array_equal(volume.values, CANONICAL)
        assert volume.notes == ()


def one_code(folder, suffix, codes):
    """What has code 0 states nothing, whatever its numbers."""
    affines = (SOUND, mirrored(0)) if codes[0] else (mirrored(0), SOUND)
    volume = read_ct(write(folder / f"ct{suffix}", *affines, codes))
    np.testing.assert_array_equal(volume.values, CANONICAL)


def all_spellings(folder, suffix, order, flipped):
    values, affine = ct_files.stored(CANONICAL, order, flipped)
    volume = read_ct(write(folder / f"ct{suffix}", affine, affine, values=values))
    np.testing.assert_array_equal(volume.values, CANONICAL)
    assert volume.notes == ()


def wrong_qfac(folder):
    """Pixdim[0] with the other sign mirrors the slices."""
    path = write(folder / "ct.nii", SOUND, SOUND)
    patched(path, 76, struct.pack("<f", -1.0))
    with pytest.raises(ImageError, match="differ in their axes"):
        read_ct(path)


def wrong_quaternion(folder):
    path = write(folder / "ct.nii", SOUND, SOUND)
    patched(path, 256, struct.pack("<3f", 0.9, 0.9, 0.9))
    with pytest.raises(ImageError, match=r"qform \(no affine\)"):
        read_ct(path)
    np.testing.assert_array_equal(read_ct(path, rules=AffineRules("sform")).values, CANONICAL)


def sform_of_zeros(folder):
    path = patched(write(folder / "ct.nii", SOUND, SOUND), 280, bytes(48))
    with pytest.raises(ImageError, match=r"sform \(no affine\)"):
        read_ct(path)
    np.testing.assert_array_equal(read_ct(path, rules=AffineRules("qform")).values, CANONICAL)


def pixdim_against_sform(folder):
    path = write(folder / "ct.nii", SOUND, SOUND, (0, 1))
    patched(path, 80, struct.pack("<3f", 0.75, 1.25, 5.0))
    with pytest.raises(
        ImageError, match=r"sform has a spacing of 0\.75 x 1\.25 x 2\.5 mm, but pixdim says 0\.75 x 1\.25 x 5"
    ):
        read_ct(path)
    volume = read_ct(path, rules=AffineRules("sform"))
    assert volume.spacing_mm == pytest.approx(ct_files.SPACING_MM)
    assert "the sform is used" in volume.notes[0]


def pixdim_unset(folder):
    """Pixdim that nobody set, beside an sform: by the standard it places no voxel."""
    for unset in (1.0, 0.0):
        path = patched(write(folder / "ct.nii", SOUND, SOUND, (0, 1)), 80, struct.pack("<3f", *[unset] * 3))
        np.testing.assert_array_equal(read_ct(path).values, CANONICAL)


def layout_of_the_config(folder):
    path = write(folder / "ct.nii.gz", SOUND, mirrored(0))
    volume = read_ct(path, VolumeLayout(ct_files.SPACING_MM[::-1], "RAS"))
    np.testing.assert_array_equal(volume.values, CANONICAL)
    assert "are the config's" in volume.notes[0]


CASES = [
    *(
        Case(f"qform {name}, {suffix}", "refused", partial(refused, suffix=suffix, affines=(SOUND, other), says=says))
        for suffix in FORMATS
        for name, (other, says) in OTHER.items()
    ),
    *(
        Case(f"{name}, codes {codes}, one chosen, {suffix}", "reported", partial(chosen, suffix=suffix, other=OTHER[name][0], codes=codes))
        for suffix in FORMATS
        for codes in ((1, 1), (1, 2), (4, 1), (2, 4))
        for name in ("mirrored left to right", "of another spacing", "half a voxel off")
    ),
    *(
        Case(f"differ by rounding: {name}, {suffix}", "right", partial(agreeing, suffix=suffix, other=other))
        for suffix in FORMATS
        for name, other in ROUNDED.items()
    ),
    *(
        Case(f"only one stated, codes {codes}, {suffix}", "right", partial(one_code, suffix=suffix, codes=codes))
        for suffix in FORMATS
        for codes in ((1, 0), (2, 0), (0, 1), (0, 2), (0, 4))
    ),
    *(
        Case(f"both agree, {ct_files.layout_axes(order, flipped)}, {suffix}", "right", partial(all_spellings, suffix=suffix, order=order, flipped=flipped))
        for suffix in FORMATS
        for order, flipped in ct_files.ORDERS
    ),
    Case("qfac of the wrong sign", "refused", wrong_qfac),
    Case("quaternion of no rotation", "refused", wrong_quaternion),
    Case("sform of zeros", "refused", sform_of_zeros),
    Case("pixdim against an only sform", "refused", pixdim_against_sform),
    Case("pixdim unset beside an sform", "right", pixdim_unset),
    Case("axes of the config", "reported", layout_of_the_config),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case(case, tmp_path):
    case.run(tmp_path)
