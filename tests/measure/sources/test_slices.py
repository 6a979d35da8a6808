import itertools

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from cxrfactory.errors import ImageError
from cxrfactory.measure.sources.legend import Legend
from cxrfactory.measure.sources.masks import stated_spacing
from cxrfactory.measure.sources.slices import read_labelled_slice, read_slice
from cxrfactory.tables.rle import rle_decode
from tests.measure.sources.writers import nifti, slicer_fields

SPACE = {"space": "left-posterior-superior", "space directions": np.diag([0.25, 0.25, 1]), "space origin": [0] * 3}
VALUES = np.arange(6, dtype=np.uint8).reshape(2, 3)


@pytest.mark.parametrize("order", itertools.permutations(range(3)))
@pytest.mark.parametrize("signs", itertools.product((1, -1), repeat=3))
def test_every_orientation_of_nifti_is_read_as_simpleitk_turns_it(order, signs, tmp_path):
    """SimpleITK's DICOMOrient is the reference: LPS for the plane of pictures, LIP for the coronal one."""
    affine = np.zeros((4, 4))
    for axis, (world, sign) in enumerate(zip(order, signs, strict=True)):
        affine[world, axis] = sign * (0.5, 0.25, 2)[axis]
    affine[:, 3] = (3, 5, 7, 1)
    nibabel.save(nifti(VALUES[..., None], affine), tmp_path / "a.nii.gz")
    image = sitk.ReadImage(str(tmp_path / "a.nii.gz"))
    if order[2] == 0:  # the slice lies along the patient's left and right
        with pytest.raises(ImageError, match="a sagittal slice"):
            read_slice(tmp_path / "a.nii.gz", "header")
        return
    turned = sitk.DICOMOrient(image, "LPS" if order[2] == 2 else "LIP")
    values, spacing = read_slice(tmp_path / "a.nii.gz", "header")
    column, row, _ = turned.GetSpacing()
    np.testing.assert_array_equal(values, sitk.GetArrayFromImage(turned)[0])
    assert spacing == pytest.approx((row, column))


@pytest.mark.parametrize("kind", ["nii", "nrrd", "mha"])
def test_the_first_stored_axis_is_columns_or_rows(kind, tmp_path):
    image = sitk.GetImageFromArray(VALUES)
    image.SetSpacing((0.25, 0.5))
    sitk.WriteImage(image, str(tmp_path / f"a.{kind}"))
    stated = kind != "nrrd"  # in two dimensions it has no unit
    values, spacing = read_slice(tmp_path / f"a.{kind}", "columns-first")
    assert (values.tolist(), spacing) == (VALUES.tolist(), (0.5, 0.25) if stated else None)
    values, spacing = read_slice(tmp_path / f"a.{kind}", "rows-first")
    assert (values.tolist(), spacing) == (VALUES.T.tolist(), (0.25, 0.5) if stated else None)


def test_units_of_nrrd(tmp_path):
    nrrd = pytest.importorskip("nrrd")
    for units, wanted in ((None, (0.25, 0.25)), (["mm"] * 3, (0.25, 0.25)), (["pixel"] * 3, None)):
        header = {**SPACE, "space units": units} if units else SPACE
        nrrd.write(str(tmp_path / "a.nrrd"), VALUES.T[..., None], header)
        assert read_slice(tmp_path / "a.nrrd", "header")[1] == wanted


@pytest.mark.parametrize(
    ("stored", "single", "wanted"),
    [
        ((float(np.float32(0.143)), float(np.float32(0.2))), True, (0.143, 0.2)),
        ((0.1 + 0.2, 0.14), False, (0.3, 0.14)),
        ((1.0, 1.0), False, None),
        ((1.0, 0.5), False, (1.0, 0.5)),
        ((0.1234567890123, 0.5), False, (0.1234567890123, 0.5)),
    ],
)
def test_a_spacing_is_that_of_the_writer(stored, single, wanted):
    assert stated_spacing(*stored, single=single) == wanted


def tagged(tmp_path, names, kinds):
    """Slicer's segments with the codes of their terminology."""
    nrrd = pytest.importorskip("nrrd")
    fields = slicer_fields(names)
    for number, kind in enumerate(kinds):
        entry = f"Segmentation category and type~SCT^123037004^Anatomical Structure~{kind}~Anatomic codes~^^~^^"
        fields[f"Segment{number}_Tags"] = f"Segmentation.Status:inprogress|TerminologyEntry:{entry}|"
    values = np.array([[1, 0, 2], [1, 2, 2]], np.uint8)
    nrrd.write(str(tmp_path / "a.seg.nrrd"), values.T[..., None], {**SPACE, **fields})
    return values


def test_segments_of_slicer_are_also_named_by_their_codes(tmp_path):
    kinds = ("SCT^39607008^Lung~SCT^7771000^Left", "SCT^80891009^Heart~^^")
    values = tagged(tmp_path, ["Segment_1", "Cor"], kinds)
    found = read_labelled_slice(tmp_path / "a.seg.nrrd", "header", Legend())
    assert (found.shape, found.spacing_mm) == ((2, 3), (0.25, 0.25))
    assert set(found.rles) == {"left lung", "heart"}
    np.testing.assert_array_equal(rle_decode(found.rles["left lung"], 2, 3), values == 1)
    np.testing.assert_array_equal(rle_decode(found.rles["heart"], 2, 3), values == 2)
    tagged(tmp_path, ["Right lung", "Cor"], kinds)
    with pytest.raises(ImageError, match="label 1 is called right lung, and its code means left lung; correct one"):
        read_labelled_slice(tmp_path / "a.seg.nrrd", "header", Legend())


def test_a_segment_of_the_background_is_refused(tmp_path):
    nrrd = pytest.importorskip("nrrd")
    header = {**SPACE, **slicer_fields(["heart"], values=[0])}
    nrrd.write(str(tmp_path / "a.seg.nrrd"), VALUES.T[..., None], header)
    with pytest.raises(
        ImageError, match=r"a\.seg\.nrrd: its header names a label by '0'; expected whole numbers from 1"
    ):
        read_labelled_slice(tmp_path / "a.seg.nrrd", "header", Legend())


def test_a_header_that_contradicts_itself_is_refused_and_states_no_size(tmp_path):
    image = nifti(VALUES.T[..., None], np.diag([-0.25, -0.25, 1, 1]))
    image.set_qform(np.diag([-0.5, -0.5, 1, 1]), code=1)
    nibabel.save(image, tmp_path / "a.nii")
    with pytest.raises(ImageError, match=r"a\.nii: qform \(.*\) and sform \(.*\) differ in their spacing; correct the"):
        read_slice(tmp_path / "a.nii", "header")
    values, spacing = read_slice(tmp_path / "a.nii", "columns-first")
    assert (values.tolist(), spacing) == (VALUES.tolist(), None)


def test_damaged_files_are_rejected_with_a_reason(tmp_path):
    """Bytes of each kind of file are changed or cut off; nothing but an error of ours comes out."""
    nrrd = pytest.importorskip("nrrd")
    nrrd.write(str(tmp_path / "a.seg.nrrd"), VALUES.T[..., None] // 5, {**SPACE, **slicer_fields(["heart"])})
    for kind in ("nii", "mha"):
        sitk.WriteImage(sitk.GetImageFromArray(VALUES // 5), str(tmp_path / f"a.{kind}"))
    random, said, read = np.random.default_rng(1), [], []
    for file in ("a.seg.nrrd", "a.nii", "a.mha"):
        whole = np.frombuffer((tmp_path / file).read_bytes(), np.uint8)
        for number in range(60):
            cut = number % 3 == 0
            damaged = whole[: random.integers(len(whole)) if cut else None].copy()
            if not cut:
                damaged[random.integers(min(len(damaged), 400), size=2)] = random.integers(256, size=2)
            (tmp_path / file).write_bytes(damaged.tobytes())
            try:
                read_labelled_slice(tmp_path / file, "header", Legend({"1": "heart"}))
                read.append(cut)
            except ImageError as error:
                said.append(str(error))
    assert len(said) >= 60
    assert not any("\n" in each for each in said)
    assert not any(read)  # no file that was cut off is read
