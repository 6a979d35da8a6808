import cv2
import numpy as np
import pytest

import cxrfactory as cxr
from cxrfactory.drr.recipe import ProjectionRecipe
from cxrfactory.drr.single_study import project as project_command
from cxrfactory.imaging.volume.label_names import read_names
from cxrfactory.tables.parquet import read_table

VIEWS = ("PA", "LL")


@pytest.mark.parametrize("size", [64, None])
def test_pictures_and_masks_are_those_of_the_command(scan, tmp_path, size):
    arguments = (scan / "ct.nii.gz", scan / "labels.nii.gz")
    project_command(*arguments, tmp_path / "out", scan / "names.csv", ProjectionRecipe(size))
    found = cxr.project(*arguments, scan / "names.csv", size=size)
    table = read_table(tmp_path / "out" / "masks.parquet")
    for view in VIEWS:
        for suffix, pictures in (("", found.pictures), ("_16", found.physical)):
            saved = cv2.imread(str(tmp_path / "out" / f"{view}{suffix}.png"), cv2.IMREAD_UNCHANGED)
            np.testing.assert_array_equal(pictures[view], saved)
            assert pictures[view].dtype == saved.dtype
        rows = table[table["view"] == view]
        assert list(found.masks[view]) == rows["name"].tolist()
        for row in rows.itertuples():
            expected = cxr.rle_decode(row.rle, row.height, row.width)
            np.testing.assert_array_equal(found.masks[view][row.name], expected)
            assert found.cut_off[row.name] == row.cut_off


def test_names_are_a_file_or_a_dictionary(scan):
    arguments = (scan / "ct.nii.gz", scan / "labels.nii.gz")
    by_file = cxr.project(*arguments, scan / "names.csv", size=32)
    by_hand = cxr.project(*arguments, read_names(scan / "names.csv"), size=32)
    assert list(by_file.masks["PA"]) == list(by_hand.masks["PA"])
    with pytest.raises(cxr.CxrError, match="a name stands for two label values"):
        cxr.project(*arguments, {1: "heart", 2: "heart"})


def test_faults_are_one_line(scan, tmp_path):
    with pytest.raises(cxr.CxrError, match="axes and spacing_mm go together"):
        cxr.project(scan / "ct.nii.gz", scan / "labels.nii.gz", axes="RAS")
    with pytest.raises(cxr.CxrError, match=r"none\.nii\.gz: no such file"):
        cxr.project(tmp_path / "none.nii.gz", scan / "labels.nii.gz")
