import csv

import nibabel
import numpy as np
import SimpleITK as sitk
from typer.testing import CliRunner

import cxrfactory as cxr
from cxrfactory.cli.application import build_app
from cxrfactory.config.export import ChosenImagesConfig
from cxrfactory.export.colours import colour_of
from cxrfactory.export.nifti import TABLE, export_nifti
from cxrfactory.tables.file_names import file_stem
from tests.export.dicom_films import SPACING_MM, with_dicom_films


def test_nibabel_reads_every_mask_and_the_table_names_it(product, tmp_path):
    opened = cxr.open_product(product)
    count = export_nifti(product, tmp_path / "out", ChosenImagesConfig(), with_images=True)
    with (tmp_path / "out" / TABLE).open(newline="") as stream:
        table = {row["name"]: row for row in csv.DictReader(stream)}
    assert list(table) == [each.name for each in opened.structures()]
    assert len({row["file"] for row in table.values()}) == len(table)
    seen = 0
    for image in opened:
        place = tmp_path / "out" / image.release / file_stem(image.image_id)
        masks = {name: mask for name, mask in image.masks.items() if mask.any()}
        assert {path.name for path in place.iterdir()} == {table[name]["file"] for name in masks} | {"image.nii.gz"}
        for name, mask in masks.items():
            read = nibabel.load(place / table[name]["file"])
            np.testing.assert_array_equal(np.asarray(read.dataobj)[..., 0].T, mask)
            seen += 1
            colour = tuple(int(table[name][part]) for part in ("red", "green", "blue"))
            assert colour == colour_of(name)
        film = np.asarray(nibabel.load(place / "image.nii.gz").dataobj)[..., 0].T
        np.testing.assert_array_equal(film, image.image())
    assert seen == count


def test_the_frame_is_the_same_for_two_readers(chexmask, tmp_path):
    run = with_dicom_films(chexmask, tmp_path / "run")
    words = ["export", "nifti", str(run), "--output", str(tmp_path / "out"), "--images", "b", "--masks", "heart"]
    assert CliRunner().invoke(build_app(), words, catch_exceptions=False).exit_code == 0
    path = tmp_path / "out" / "demo" / "b" / "heart.nii.gz"
    row, column = map(float, SPACING_MM)
    header = nibabel.load(path).header
    assert nibabel.aff2axcodes(nibabel.load(path).affine) == ("L", "P", "S")
    assert header.get_zooms() == (column, row, 1)
    assert header.get_xyzt_units()[0] == "mm"
    read = sitk.ReadImage(str(path))
    assert (read.GetSpacing(), read.GetOrigin()) == ((column, row, 1), (0, 0, 0))
    assert read.GetDirection() == tuple(np.eye(3).ravel())
    mask = cxr.open_product(run)["b"].masks["heart"]
    np.testing.assert_array_equal(sitk.GetArrayFromImage(read)[0], mask)
