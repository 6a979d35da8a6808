import numpy as np
import pyarrow as pa
import pytest

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.anatomy.raster import landmarks_to_masks
from cxrfactory.anatomy.truth import TrueMask
from cxrfactory.errors import CxrError
from cxrfactory.evaluate.generalise.truth import REGIONS, StudyImage, outline, read_images
from cxrfactory.imaging.drawing.png import encode_png
from cxrfactory.tables.parquet import read_table, write_arrow, write_table
from cxrfactory.tables.schemas import LABELLED_IMAGES
from tests.evaluate.generalise.hospitals import SIZE, hospital

ALL_TYPE = pa.list_(pa.struct([("name", pa.string()), ("png", pa.binary())]))


def drawn(path, output, regions):
    """The table with drawn masks: index of the row -> name -> mask of 0, 127, 255."""
    table = read_table(path, columns=[name for name in LABELLED_IMAGES.names if name != REGIONS])
    cells = [
        [{"name": name, "png": encode_png(mask)} for name, mask in regions[row].items()] if row in regions else None
        for row in range(len(table))
    ]
    schema = pa.schema([each for each in LABELLED_IMAGES if each.name != REGIONS])
    arrow = pa.Table.from_pandas(table, schema=schema, preserve_index=False)
    write_arrow(arrow.append_column(REGIONS, pa.array(cells, ALL_TYPE)), output)
    return output


def box(top, bottom, left, right, value=255):
    mask = np.zeros((SIZE, SIZE), np.uint8)
    mask[top:bottom, left:right] = value
    return mask


def test_unseen_sources_give_all_images_and_others_their_val(tmp_path):
    tables = [hospital(tmp_path / f"{name}.parquet", name) for name in ("South", "North")]
    found = [(each.image_id, each.split) for each in read_images(tables, None, ["South"])]
    north = [(f"North-{number}", "val") for number in range(2)]
    south = [(f"South-{number}", "val" if number < 2 else "train") for number in range(8)]
    assert found == north + south
    assert [each.source for each in read_images(tables, ["North"], [])] == ["North"] * 2
    assert len(read_images(tables, ["North"], ["North"])) == 8


def test_errors_name_what_was_found(tmp_path):
    table = hospital(tmp_path / "n.parquet", "North")
    with pytest.raises(CxrError, match="no image has source 'East', which is to be tested; found North"):
        read_images([table], ["East"], [])
    with pytest.raises(CxrError, match="image_id 'North-0' occurs twice"):
        read_images([table, table], None, [])
    trained = read_table(table, LABELLED_IMAGES).assign(split="train")
    write_table(trained, tmp_path / "t.parquet", LABELLED_IMAGES)
    with pytest.raises(CxrError, match=r"no image to test; .*\(North\) is tested on its split 'val' only"):
        read_images([tmp_path / "t.parquet"], None, [])
    assert len(read_images([tmp_path / "t.parquet"], None, ["North"])) == 8


def test_landmarks_give_the_truth_of_their_definition_only(tmp_path):
    case = read_images([hospital(tmp_path / "n.parquet", "North")], None, [])[0]
    truth = case.truth("jsrt")
    filled = landmarks_to_masks(case.landmarks, landmark_graph("lungs-heart"), SIZE, SIZE)
    assert list(truth) == ["right_lung", "left_lung", "heart"]
    for organ, mask in filled.items():
        np.testing.assert_array_equal(truth[organ].mask, mask > 0)
        assert truth[organ].valid.all()
    assert case.truth("whole-lungs") == {}
    assert case.definitions() == ["jsrt"]
    assert case.scale == 2
    whole = read_images([hospital(tmp_path / "w.parquet", "Whole", labels="W")], None, [])[0]
    assert list(whole.truth("whole-lungs")) == ["right_lung", "left_lung"]
    assert whole.truth("jsrt") == {}


def test_drawn_masks_come_before_landmarks_and_127_is_ignored(tmp_path):
    heart = box(30, 50, 20, 40)
    heart[45:50] = 127
    regions = {0: {"heart": heart, "right_whole_lung": box(10, 60, 2, 30), "left_whole_lung": box(10, 60, 34, 60)}}
    path = drawn(hospital(tmp_path / "n.parquet", "North"), tmp_path / "d.parquet", regions)
    first, second = read_images([path], None, [])
    truth = first.truth("jsrt")
    np.testing.assert_array_equal(truth["heart"].mask, heart == 255)
    np.testing.assert_array_equal(truth["heart"].valid, heart != 127)
    np.testing.assert_array_equal(truth["right_lung"].mask, second_lung(first))
    whole = first.truth("whole-lungs")
    assert list(whole) == ["right_lung", "left_lung", "heart"]
    assert whole["right_lung"].mask.sum() == 50 * 28
    assert first.definitions() == ["whole-lungs", "jsrt"]
    assert second.regions == {}
    assert second.truth("jsrt")["heart"].valid.all()


def second_lung(case):
    return landmarks_to_masks(case.landmarks, case.graph, SIZE, SIZE)["right_lung"] > 0


def test_a_drawn_mask_of_another_size_is_refused(tmp_path):
    path = drawn(
        hospital(tmp_path / "n.parquet", "North"), tmp_path / "d.parquet", {0: {"heart": np.zeros((8, 8), np.uint8)}}
    )
    case = read_images([path], None, [])[0]
    with pytest.raises(
        CxrError, match=r"image 'North-0': region 'heart' of shape \(8, 8\); expected the image's 64 x 64"
    ):
        case.truth("jsrt")


def test_outline_fills_between_the_outermost_lung_pixels():
    right, left = (np.zeros((4, 9), bool) for _ in range(2))
    right[1:3, 1:3] = True
    left[1, 5:8] = True
    left[3, 4] = True
    area = outline({"right_lung": right, "left_lung": left})
    expected = np.zeros((4, 9), bool)
    expected[1, 1:8] = expected[2, 1:3] = expected[3, 4] = True
    np.testing.assert_array_equal(area.mask, expected)
    assert outline({"right_lung": right}) is None
    valid = np.ones((4, 9), bool)
    valid[0] = False
    ignoring = outline({"right_lung": TrueMask(right, valid), "left_lung": TrueMask(left, np.ones((4, 9), bool))})
    np.testing.assert_array_equal(ignoring.valid, valid)


def test_landmarks_that_do_not_fit_are_named(tmp_path):
    table = read_table(hospital(tmp_path / "n.parquet", "North"), LABELLED_IMAGES)
    table.at[0, "landmarks"] = table.at[0, "landmarks"][:10]
    write_table(table, tmp_path / "odd.parquet", LABELLED_IMAGES)
    with pytest.raises(CxrError, match="image 'North-0' has labels LH but 5 landmarks"):
        read_images([tmp_path / "odd.parquet"], None, [])


def study_image(size=SIZE, scale=2.0, **regions):
    """An image whose truth is drawn masks alone."""
    pngs = {name: encode_png(mask) for name, mask in regions.items()}
    image = encode_png(np.zeros((size, size), np.uint8))
    return StudyImage("i", "North", image, size, regions=pngs, patient_id="p", split="val", scale=scale)


def test_an_image_without_landmarks_has_the_truth_of_its_drawn_masks():
    case = study_image(right_lung=box(0, 10, 0, 10), aorta=box(0, 2, 0, 2))
    assert list(case.truth("jsrt")) == ["right_lung"]
    assert case.truth("whole-lungs") == {}
    assert case.definitions() == ["jsrt"]
