import gzip

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from typer.testing import CliRunner

import cxrfactory as cxr
from cxrfactory.cli.application import build_app
from cxrfactory.config.export import ChosenImagesConfig
from cxrfactory.errors import CxrError
from cxrfactory.export.colours import colour_of
from cxrfactory.export.mask_layers import layered
from cxrfactory.export.nrrd import export_nrrd, segmentation_file
from cxrfactory.export.spacing import Spacing
from cxrfactory.tables.file_names import file_stem
from tests.export.dicom_films import SPACING_MM, with_dicom_films

MASKS = st.integers(1, 6).flatmap(
    lambda count: st.lists(arrays(np.uint8, (3, 4), elements=st.integers(0, 1)), min_size=count, max_size=count)
)


def segments(path):
    """Each segment's fields and its mask [row, column], as pynrrd reads them, and the header."""
    nrrd = pytest.importorskip("nrrd")
    values, header = nrrd.read(str(path))
    found = []
    while f"Segment{len(found)}_ID" in header:
        start = f"Segment{len(found)}_"
        fields = {key[len(start) :]: value for key, value in header.items() if key.startswith(start)}
        layer = values[int(fields["Layer"])] if values.ndim == 4 else values
        found.append((fields, (int(fields["LabelValue"]) == layer[..., 0].T).astype(np.uint8)))
    return found, header


@given(MASKS)
@settings(deadline=None, max_examples=50)
def test_layers_hold_every_mask_and_no_overlap(masks):
    named = {str(number): mask for number, mask in enumerate(masks)}
    layers, places = layered(named)
    for name, mask in named.items():
        layer, label = places[name]
        np.testing.assert_array_equal(layers[layer] == label, mask == 1)
    assert sum(int((layer != 0).sum()) for layer in layers) == sum(int(mask.sum()) for mask in masks)
    assert len({label for _, label in places.values()}) == len(masks)


def test_more_than_255_masks_have_labels_of_two_bytes():
    one = np.ones((1, 1), np.uint8)
    layers, places = layered({str(number): one for number in range(256)})
    assert (layers.dtype, layers.shape, places["255"]) == (np.uint16, (256, 1, 1), (255, 256))


def test_pynrrd_reads_masks_names_colours_and_codes(product, tmp_path):
    opened = cxr.open_product(product)
    images = [image for image in opened if any(mask.any() for mask in image.masks.values())]
    assert export_nrrd(product, tmp_path / "out", ChosenImagesConfig(), with_images=True) == len(images)
    for image in images:
        stem = tmp_path / "out" / image.release / file_stem(image.image_id)
        found, header = segments(f"{stem}.seg.nrrd")
        masks = {name: mask for name, mask in image.masks.items() if mask.any()}
        assert [fields["Name"] for fields, _ in found] == [name.replace("_", " ") for name in masks]
        for (fields, mask), (name, expected) in zip(found, masks.items(), strict=True):
            np.testing.assert_array_equal(mask, expected)
            colour = [round(255 * float(part)) for part in fields["Color"].split()]
            assert tuple(colour) == colour_of(name)
            first_x, last_x, first_y, last_y, *_ = map(int, fields["Extent"].split())
            np.testing.assert_array_equal(
                np.argwhere(expected)[:, ::-1].min(axis=0).tolist()
                + np.argwhere(expected)[:, ::-1].max(axis=0).tolist(),
                [first_x, first_y, last_x, last_y],
            )
        assert header["space"] == "left-posterior-superior"
        film = sitk.GetArrayFromImage(sitk.ReadImage(f"{stem}.nrrd"))
        np.testing.assert_array_equal(film[0], image.image())


def test_a_segment_has_slicers_terminology(chexmask, tmp_path):
    export_nrrd(chexmask, tmp_path / "out", ChosenImagesConfig(images=["a"], masks=["right_lung"]))
    ((fields, _),) = segments(tmp_path / "out" / "demo" / "a.seg.nrrd")[0]
    assert fields["Tags"] == (
        "TerminologyEntry:Segmentation category and type - DICOM master list~SCT^123037004^Anatomical Structure~"
        "SCT^39607008^Lung~SCT^24028007^Right~Anatomic codes - DICOM master list~^^~^^|"
    )


def test_spacing_is_that_of_the_dicom_film_and_lies_as_itk_reads_the_film(chexmask, tmp_path):
    run = with_dicom_films(chexmask, tmp_path / "run")
    export_nrrd(run, tmp_path / "out", ChosenImagesConfig(images=["a"], masks=["heart"]))
    read = sitk.ReadImage(str(tmp_path / "out" / "demo" / "a.seg.nrrd"))
    row, column = map(float, SPACING_MM)
    assert read.GetSpacing() == (column, row, 1)
    assert read.GetOrigin() == (0, 0, 0)
    assert read.GetDirection() == tuple(np.eye(3).ravel())
    export_nrrd(chexmask, tmp_path / "px", ChosenImagesConfig(images=["a"], masks=["heart"]))
    assert sitk.ReadImage(str(tmp_path / "px" / "demo" / "a.seg.nrrd")).GetSpacing() == (1, 1, 1)


def test_hostile_names_stay_on_one_line():
    mask = np.ones((2, 2), np.uint8)
    content = segmentation_file({"a\nspace origin: (9,9,9)|~^": mask}, Spacing())
    header = content.split(b"\n\n")[0].decode()
    assert header.count("space origin") == 4  # the field, and the words in three values
    assert [line for line in header.splitlines() if line.startswith("space origin")] == ["space origin: (0,0,0)"]
    assert gzip.decompress(content.split(b"\n\n", 1)[1]) == b"\1\1\1\1"


def test_the_same_product_gives_the_same_bytes(chexmask, tmp_path):
    for name in ("first", "second"):
        words = ["export", "nrrd", str(chexmask), "--output", str(tmp_path / name), "--with-images"]
        assert CliRunner().invoke(build_app(), words, catch_exceptions=False).exit_code == 0
    files = sorted(path.relative_to(tmp_path / "first") for path in (tmp_path / "first").rglob("*.nrrd"))
    assert len(files) == 6
    for path in files:
        assert (tmp_path / "first" / path).read_bytes() == (tmp_path / "second" / path).read_bytes()


def test_an_image_without_the_chosen_masks_is_a_fault_if_none_is_left(radgenome, tmp_path):
    with pytest.raises(CxrError, match="none of the chosen images has a mask; nothing is written"):
        export_nrrd(radgenome, tmp_path / "out", ChosenImagesConfig(masks=["liver"]))
    assert not (tmp_path / "out").exists()
