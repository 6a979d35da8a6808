"""Labels of lungs that lie in tissue are refused; dense lungs in their place are noted."""

import numpy as np
import pytest

from cxrfactory.drr.lung_place import LungPlace, is_lung
from cxrfactory.drr.recipe import ProjectionRecipe
from cxrfactory.drr.study import project_study
from cxrfactory.errors import ImageError

from .conftest import save

SHAPE = (40, 40, 40)
TABLE = {1: "lung_upper_lobe_left", 2: "heart"}


def lungs():
    """A body in air with an air-filled lung, and the lung's labels, [z, y, x]."""
    hu = np.full(SHAPE, -1000, np.int16)
    hu[2:38, 2:38, 2:38] = 40
    inside = np.zeros(SHAPE, bool)
    inside[8:28, 8:30, 8:20] = True
    hu[inside] = -800
    return hu, inside


def checked(hu, labels):
    place = LungPlace(hu)
    place.add(labels.astype(np.uint8), [1])
    return place.check()


def test_true_labels_pass():
    assert checked(*lungs()) == ()


@pytest.mark.parametrize("dense", [0.5, 0.9, 0.97])
def test_consolidated_lungs_pass_with_a_note(dense):
    hu, inside = lungs()
    rows = np.flatnonzero(inside.any(axis=(0, 2)))
    lower = inside & (np.arange(SHAPE[1])[None, :, None] >= rows[0] + (1 - dense) * len(rows))
    hu[lower] = 30
    notes = checked(hu, inside)
    assert bool(notes) == (dense > 0.5)
    assert all("the labels of the lungs are dense" in note for note in notes)


def test_labels_elsewhere_are_refused():
    hu, inside = lungs()
    with pytest.raises(ImageError, match=r"lie in tissue \(mean .* HU\) .* check that the labels are of this CT"):
        checked(hu, np.roll(inside, 15, axis=2))


def test_labels_that_leave_out_air_filled_lung_are_noted():
    hu, inside = lungs()
    inside[:, :, 10:18] = False
    (note,) = checked(hu, inside)
    assert "hold 33% of the air-filled lung around them" in note


def test_a_scan_without_air_filled_lung_gives_a_note():
    hu, inside = lungs()
    hu[hu == -800] = 40
    assert "are dense (mean 40 HU)" in checked(hu, inside)[0]


def test_a_study_with_labels_in_tissue_is_refused(tmp_path):
    hu, inside = lungs()
    save(hu.T, tmp_path / "ct.nii.gz")
    save(np.roll(inside, 14, axis=2).T.astype(np.uint8), tmp_path / "labels.nii.gz")
    with pytest.raises(ImageError, match="the labels of the lungs lie in tissue"):
        project_study(tmp_path / "ct.nii.gz", tmp_path / "labels.nii.gz", TABLE, ProjectionRecipe(size=None))


def test_lungs_and_lobes_count():
    names = ("lung_upper_lobe_left", "right lung", "lung", "lung nodule", "heart", "odd")
    assert [name for name in names if is_lung(name)] == list(names[:3])
