from itertools import permutations, product

import nibabel as nib
import numpy as np
import pytest

from cxrfactory.drr.recipe import ProjectionRecipe
from cxrfactory.drr.study import project_study
from cxrfactory.projection.conventions import MU_WATER_PER_MM

from .conftest import NAMES, SPACING_MM, save, volumes

TABLE = {int(line.split(",")[0]): line.split(",")[1] for line in NAMES.splitlines()[1:]}
NATIVE = ProjectionRecipe(size=None)


def reference(labels, value):
    """Masks in display orientation by the definition, of canonical labels [x, y, z]."""
    inside = labels == value
    return inside.any(axis=1).T[::-1, ::-1], inside.any(axis=0).T[::-1, ::-1]


def test_native_masks_and_path_integrals_follow_the_definition(release):
    hu, labels = volumes()
    found = project_study(release / "a/ct.nii.gz", release / "a/labels.nii.gz", TABLE, NATIVE)
    assert found.names == tuple(TABLE.values())
    assert found.source_ids == tuple(TABLE)
    for place, value in enumerate(TABLE):
        pa, ll = reference(labels, value)
        assert np.array_equal(found.masks["PA"][place], pa)
        assert np.array_equal(found.masks["LL"][place], ll)
    mu = MU_WATER_PER_MM * np.maximum(1 + hu / 1000, 0)
    assert np.allclose(found.integrals["PA"], (mu.sum(axis=1) * SPACING_MM[1]).T[::-1, ::-1], rtol=1e-5)
    assert np.allclose(found.integrals["LL"], (mu.sum(axis=0) * SPACING_MM[0]).T[::-1, ::-1], rtol=1e-5)
    assert not found.cut_off.any()
    assert found.pixel_mm == {"PA": (4.0, 2.0), "LL": (4.0, 3.0)}


@pytest.mark.parametrize("size", [None, 40])
def test_all_48_stored_orientations_give_the_same_bytes(tmp_path, size):
    hu, labels = volumes()
    expected = None
    for order in permutations("RAS"):
        for flips in product((False, True), repeat=3):
            axes = "".join(
                {"R": "L", "A": "P", "S": "I"}[letter] if flip else letter
                for letter, flip in zip(order, flips, strict=True)
            )
            save(hu, tmp_path / "ct.nii", axes)
            save(labels, tmp_path / "labels.nii", axes)
            study = project_study(tmp_path / "ct.nii", tmp_path / "labels.nii", TABLE, ProjectionRecipe(size))
            found = [study.integrals[view].tobytes() + study.masks[view].tobytes() for view in ("PA", "LL")]
            expected = expected or found
            assert found == expected, axes


def test_a_folder_of_overlapping_binaries_gives_the_same_masks(release, tmp_path):
    _, labels = volumes()
    for value, name in TABLE.items():
        save((labels == value).astype(np.uint8), tmp_path / "seg" / f"{name}.nii.gz", "LPI")
    save((labels > 0).astype(np.uint8), tmp_path / "seg" / "mediastinal tissue.nii.gz")
    whole = project_study(release / "a/ct.nii.gz", release / "a/labels.nii.gz", TABLE, ProjectionRecipe(30))
    found = project_study(release / "a/ct.nii.gz", tmp_path / "seg", None, ProjectionRecipe(30))
    assert set(found.source_ids) == {None}
    for place, name in enumerate(found.names):
        if name in whole.names:
            other = whole.names.index(name)
            assert all(np.array_equal(found.masks[view][place], whole.masks[view][other]) for view in ("PA", "LL"))
    everything = found.masks["PA"][found.names.index("mediastinal tissue")]
    assert np.array_equal(everything, whole.masks["PA"].max(axis=0))


def test_body_only_takes_away_what_lies_apart(tmp_path):
    hu = np.full((40, 40, 8), -1000, np.int16)
    hu[8:32, 16:36] = 30
    hu[4:36, 0:3] = 200  # a table behind the back
    save(hu, tmp_path / "ct.nii")
    save(np.zeros(hu.shape, np.uint8), tmp_path / "labels.nii")
    kept = project_study(
        tmp_path / "ct.nii", tmp_path / "labels.nii", {1: "heart"}, ProjectionRecipe(None, body_only=True)
    )
    whole = project_study(tmp_path / "ct.nii", tmp_path / "labels.nii", {1: "heart"}, NATIVE)
    assert whole.integrals["LL"][:, -3:].min() > 0
    assert kept.integrals["LL"][:, -3:].max() == 0
    assert kept.integrals["LL"].max() > 0
    assert any("set to air" in note for note in kept.notes)


@pytest.mark.parametrize("size", [None, 64])
@pytest.mark.parametrize("voxel", [(0, 5, 5), (19, 5, 5), (5, 0, 5), (5, 15, 5), (5, 5, 0), (5, 5, 11)])
def test_a_structure_at_any_face_of_the_scan_is_cut_off(tmp_path, size, voxel):
    hu, labels = volumes()
    labels[voxel] = 4
    save(hu, tmp_path / "ct.nii")
    save(labels, tmp_path / "labels.nii")
    found = project_study(tmp_path / "ct.nii", tmp_path / "labels.nii", TABLE, ProjectionRecipe(size))
    assert [name for name, cut in zip(found.names, found.cut_off, strict=True) if cut] == ["liver"]


@pytest.mark.parametrize("folder", [False, True])
def test_a_structure_at_the_end_of_labels_that_end_inside_the_scan_is_cut_off(release, tmp_path, folder):
    _, labels = volumes()
    affine = np.diag([*SPACING_MM, 1.0])
    affine[:3, 3] = (-10, 5, 7 + 4 * SPACING_MM[2])
    end = labels[:, :, 4:]  # through the heart and the lower lobe, and below the upper lobe
    if folder:
        (tmp_path / "seg").mkdir()
        for value, name in TABLE.items():
            nib.save(nib.Nifti1Image((end == value).astype(np.uint8), affine), tmp_path / "seg" / f"{name}.nii.gz")
    else:
        nib.save(nib.Nifti1Image(end, affine), tmp_path / "seg.nii.gz")
    place = tmp_path / ("seg" if folder else "seg.nii.gz")
    found = project_study(release / "a/ct.nii.gz", place, None if folder else TABLE, NATIVE)
    cut = dict(zip(found.names, found.cut_off.tolist(), strict=True))
    assert {name for name, each in cut.items() if each} == {"heart", "lung_lower_lobe_left"}
