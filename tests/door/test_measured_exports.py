"""What `export` writes is measured like the same masks as PNG, films beside the masks or not."""

import pytest

import cxrfactory as cxr
from cxrfactory.config.export import ChosenImagesConfig
from cxrfactory.config.export_dicom import DicomExportConfig
from cxrfactory.errors import CxrError
from cxrfactory.export.nifti import export_nifti
from cxrfactory.export.nrrd import export_nrrd
from cxrfactory.imaging.drawing.png import save_png
from cxrfactory.tables.file_names import file_stem
from tests.door.test_measured_formats import assert_same, measured
from tests.export.conftest import radgenome  # noqa: F401  (fixture)


def as_nifti(product, output, choice):
    export_nifti(product, output, choice, with_images=True)


def as_nrrd(product, output, choice):
    export_nrrd(product, output, choice, with_images=True)


def as_dicom(product, output, choice):
    pytest.importorskip("highdicom")
    from cxrfactory.export.dicom_folder import export_dicom

    export_dicom(product, output, choice, DicomExportConfig(with_images=True, with_measurements=True))


WRITERS = {"nifti": as_nifti, "nrrd": as_nrrd, "dicom": as_dicom}


def png_of(opened, ids, folder):
    for image_id in ids:
        for name, mask in opened[image_id].masks.items():
            if mask.any() and name != "port":
                save_png(255 * mask, folder / "png" / f"{file_stem(image_id)}.{name.replace('_', ' ')}.png")
    return folder / "png"


@pytest.mark.parametrize("kind", WRITERS)
def test_an_export_of_landmarks_is_measured_in_pixels(kind, product, tmp_path):
    WRITERS[kind](product, tmp_path / kind, ChosenImagesConfig())
    opened = cxr.open_product(product)
    found = measured(tmp_path / kind)
    assert_same(found, measured(png_of(opened, [image.image_id for image in opened], tmp_path)))
    assert len(found[1]) == 3  # no spacing is known: headers of 1 mm or of no unit state none
    assert found[1]["pixel_mm"].isna().all()


@pytest.mark.parametrize("kind", WRITERS)
def test_an_export_of_projected_structures_is_measured_in_mm(kind, radgenome, tmp_path):  # noqa: F811
    opened = cxr.open_product(radgenome)
    ids = [image.image_id for image in opened if image.view == "PA"]
    known = [each.name for each in opened.structures() if each.name != "port"]
    masks = known if kind == "nifti" else None
    WRITERS[kind](radgenome, tmp_path / kind, ChosenImagesConfig(images=ids, masks=masks))
    (side,) = {opened[each].pixel_mm for each in ids}
    given = {"view": "PA"}
    if kind != "nifti":
        with pytest.raises(
            CxrError, match="is called 'port', which is no known structure; give a --legend with the row"
        ):
            measured(tmp_path / kind, **given)
        (tmp_path / "legend.csv").write_text("value,name\nport,ignore\n")
        given["legend"] = str(tmp_path / "legend.csv")
    found = measured(tmp_path / kind, **given)
    assert_same(found, measured(png_of(opened, ids, tmp_path), view="PA", pixel_mm=side))
    assert set(found[1]["pixel_mm"]) == {side}
