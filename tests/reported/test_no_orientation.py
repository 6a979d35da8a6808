"""Volumes saved from arrays, which say nothing about orientation, in every spelling; and sound ones in all 48."""

# One case a line reads better than the same over five.
# ruff: noqa: E501

from functools import partial

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from cxrfactory.errors import ImageError
from cxrfactory.imaging.volume.ct import read_ct
from cxrfactory.imaging.volume.label_volume import open_labels
from cxrfactory.imaging.volume.orientation import AffineRules, VolumeLayout
from tests.imaging import ct_files

from . import Case

KIND = "volumes without orientation"
SOURCE = "InsightSoftwareConsortium/SimpleITK-Notebooks#244"

FORMATS = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd")
SPACINGS = {"spacing 1": (1, 1, 1), "one spacing": (0.8, 0.8, 0.8), "spacings": (0.9, 0.9, 5)}
SIGNS = {"RAS": (1, 1, 1), "LPS": (-1, -1, 1)}
CANONICAL = ct_files.chest()


def write(path, values, affine):
    return (ct_files.write_nifti if ".nii" in path.name else ct_files.write_itk)(path, values, affine)


def by_hand(values, affine):
    """The canonical volume [z, y, x] by asking every stored voxel where it is; slow and obvious."""
    points = {}
    for i, j, k in np.ndindex(values.shape):
        world = affine @ (i, j, k, 1)
        points[tuple(np.rint(world[:3] * 1000).astype(int))] = values[i, j, k]
    xs, ys, zs = (sorted({point[axis] for point in points}) for axis in range(3))
    return np.array([[[points[x, y, z] for x in xs] for y in ys] for z in zs])


def sound(folder, suffix, order, flipped):
    values, affine = ct_files.stored(CANONICAL, order, flipped)
    volume = read_ct(write(folder / f"ct{suffix}", values, affine))
    np.testing.assert_array_equal(volume.values, by_hand(values, affine))
    np.testing.assert_array_equal(volume.values, CANONICAL)
    np.testing.assert_allclose(volume.origin_mm, ct_files.ORIGIN_MM, atol=1e-4)
    marks = (values > 0).astype(np.uint8)
    labels = open_labels(write(folder / f"labels{suffix}", marks, affine), volume, {1: "heart"})
    np.testing.assert_array_equal(labels.values, CANONICAL > 0)


def bare(signs, spacing, noise=0.0):
    return np.diag([*(np.array(SIGNS[signs]) * spacing), 1.0]) + noise * np.eye(4, 4, 1)


def refused(folder, suffix, affine):
    """Neither the CT nor labels of such a file are used, and the message says what the config can say."""
    path = write(folder / f"ct{suffix}", CANONICAL.transpose(2, 1, 0), affine)
    with pytest.raises(ImageError, match=r"without an orientation \(its affine is the identity.*axes, spacing_mm"):
        read_ct(path)
    ct = read_ct(path, VolumeLayout((1, 1, 1), "RAS"))
    marks = write(folder / f"labels{suffix}", (CANONICAL > 0).astype(np.uint8).transpose(2, 1, 0), affine)
    with pytest.raises(ImageError, match="without an orientation"):
        open_labels(marks, ct, {1: "heart"})


def from_array(folder, suffix):
    """As in the report: SimpleITK, nothing set."""
    sitk.WriteImage(sitk.GetImageFromArray(CANONICAL), str(folder / f"ct{suffix}"))
    with pytest.raises(ImageError, match="without an orientation"):
        read_ct(folder / f"ct{suffix}")


def by_qform_alone(folder):
    image = nib.Nifti1Image(CANONICAL.transpose(2, 1, 0), None)
    image.set_qform(np.eye(4), 1)
    image.set_sform(None, 0)
    nib.save(image, folder / "ct.nii")
    with pytest.raises(ImageError, match="without an orientation"):
        read_ct(folder / "ct.nii")


def without_codes_and_saved_again(folder):
    """nibabel makes up an affine for a header without codes, and states it when it saves the image again."""
    image = nib.Nifti1Image(CANONICAL.transpose(2, 1, 0), None)
    image.header.set_zooms((0.9, 0.9, 5))
    nib.save(image, folder / "first.nii")
    first = nib.load(folder / "first.nii")
    nib.save(nib.Nifti1Image(np.asarray(first.dataobj), first.affine), folder / "ct.nii")
    for name in ("first.nii", "ct.nii"):
        with pytest.raises(ImageError, match="without an orientation"):
            read_ct(folder / name)


def nrrd_in_las(folder):
    """The identity of NRRD's third space."""
    sitk.WriteImage(sitk.GetImageFromArray(CANONICAL), str(folder / "ct.nrrd"))
    data = (folder / "ct.nrrd").read_bytes()
    (folder / "ct.nrrd").write_bytes(data.replace(b"left-posterior-superior", b"left-anterior-superior"))
    with pytest.raises(ImageError, match="without an orientation"):
        read_ct(folder / "ct.nrrd")


def trusted(folder, suffix, signs):
    """The config says that such an affine is right as it stands."""
    values, _ = ct_files.stored(CANONICAL, (0, 1, 2), tuple(sign < 0 for sign in SIGNS[signs]))
    volume = read_ct(
        write(folder / f"ct{suffix}", values, bare(signs, (0.9, 0.9, 5))), rules=AffineRules("agreeing", True)
    )
    np.testing.assert_array_equal(volume.values, CANONICAL)
    assert volume.notes[0].endswith("trusted, as the config says")


def laid_out(folder, suffix, order, flipped):
    """The config says axes and spacing instead."""
    values, _ = ct_files.stored(CANONICAL, order, flipped)
    steps = np.array(ct_files.SPACING_MM[::-1])[np.argsort(order)]
    layout = VolumeLayout(tuple(steps), ct_files.layout_axes(order, flipped))
    volume = read_ct(write(folder / f"ct{suffix}", values, np.diag([-1.0, -1.0, 1.0, 1.0])), layout)
    np.testing.assert_array_equal(volume.values, CANONICAL)


CASES = [
    *(
        Case(f"{ct_files.layout_axes(order, flipped)} {suffix}", "right", partial(sound, suffix=suffix, order=order, flipped=flipped))
        for suffix in FORMATS
        for order, flipped in ct_files.ORDERS
    ),
    *(
        Case(f"identity {signs}, {name}, {suffix}", "refused", partial(refused, suffix=suffix, affine=bare(signs, steps)))
        for suffix in FORMATS
        for signs in SIGNS
        for name, steps in SPACINGS.items()
    ),
    *(
        Case(f"identity {signs} but for 1e-5, {suffix}", "refused", partial(refused, suffix=suffix, affine=bare(signs, 1, 1e-5)))
        for suffix in FORMATS
        for signs in SIGNS
    ),
    *(Case(f"array of SimpleITK, {suffix}", "refused", partial(from_array, suffix=suffix)) for suffix in FORMATS),
    Case("identity by the qform alone", "refused", by_qform_alone),
    Case("no codes, and saved again by nibabel", "refused", without_codes_and_saved_again),
    Case("identity of NRRD's LAS", "refused", nrrd_in_las),
    *(
        Case(f"identity {signs} that the config trusts, {suffix}", "reported", partial(trusted, suffix=suffix, signs=signs))
        for suffix in FORMATS
        for signs in SIGNS
    ),
    *(
        Case(f"axes {ct_files.layout_axes(*turn)} of the config, {suffix}", "reported", partial(laid_out, suffix=suffix, order=turn[0], flipped=turn[1]))
        for suffix in FORMATS
        for turn in ct_files.ORDERS[::7]
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case(case, tmp_path):
    case.run(tmp_path)
