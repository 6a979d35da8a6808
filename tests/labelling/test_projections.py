import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from cxrfactory.anatomy.film_regions import DRAWN_PREFIX, DRAWN_REGIONS, film_regions
from cxrfactory.config import LabelProjectionsConfig
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import decode_png, save_png
from cxrfactory.imaging.radiograph.prepare import Preparation
from cxrfactory.labelling.projections import label_projections
from cxrfactory.tables.parquet import read_table, write_arrow, write_table
from cxrfactory.tables.rle import rle_encode
from cxrfactory.tables.schemas import LABELLED_VIEWS, MASKS, STUDIES

SIZE = 96
PLAIN = Preparation(remove_borders=False)
BOXES = {  # structure -> rows, columns; no box, an empty mask
    "heart": (slice(40, 60), slice(45, 70)),
    "left lung upper lobe": (slice(20, 70), slice(60, 85)),
    "left rib 1": (slice(18, 24), slice(55, 90)),
    "prostate": None,
}


def mask_of(name):
    mask = np.zeros((SIZE, SIZE), np.uint8)
    if BOXES.get(name):
        mask[BOXES[name]] = 1
    return mask


def write_product(folder, splits=("train", "validation"), missing=()):
    """Write the tables and pictures of a product: as many studies as splits, two views, four labels and one union."""
    rng, studies, masks = np.random.default_rng(5), [], []
    for number, split in enumerate(splits):
        study = f"s{number}"
        studies.append({"study_id": study, "patient_id": f"p{number}", "release": "ct", "split": split, "size": SIZE,
                        "pixel_mm": 1.0, "counts_per_unit": 4096.0, "structures": 3, "notes": None})  # fmt: skip
        (folder / "images" / "ct" / study).mkdir(parents=True)
        for view in ("LL", "PA"):
            image = rng.integers(1, 200, (SIZE, SIZE)).astype(np.uint8)
            save_png(image, folder / "images" / "ct" / study / f"{view}.png")
            for name in (*BOXES, "left lung"):
                if (study, view, name) in missing:
                    continue
                mask = mask_of("left lung upper lobe" if name == "left lung" else name)
                masks.append({"study_id": study, "view": view, "source_id": 1, "class_id": None, "name": name,
                              "origin": "union" if name == "left lung" else "label", "height": SIZE, "width": SIZE,
                              "rle": rle_encode(mask), "area_px": int(mask.sum()), "touches_border": False,
                              "cut_off": False})  # fmt: skip
    frame = pd.DataFrame(masks)
    for field in MASKS:
        if field.name not in frame:
            frame[field.name] = None
    write_table(frame, folder / "masks.parquet", MASKS, sort=False)

    schema = pa.schema([*STUDIES, pa.field("split", pa.string())])
    write_arrow(pa.Table.from_pylist(studies, schema=schema), folder / "studies.parquet")


def labelled(folder, output, recipe=PLAIN, **settings):
    label_projections(folder, output, recipe, LabelProjectionsConfig(**settings))
    return read_table(output, LABELLED_VIEWS)


def regions_of(row):
    return {each["name"]: decode_png(each["png"]) for each in row["regions"]}


def test_every_view_has_the_products_masks_split_and_patient(tmp_path):
    write_product(tmp_path)
    table = labelled(tmp_path, tmp_path / "labelled.parquet")
    assert list(table["image_id"]) == ["ct-s0-LL", "ct-s0-PA", "ct-s1-LL", "ct-s1-PA"]
    assert list(table["split"]) == ["train", "train", "val", "val"]
    assert list(table["patient_id"]) == ["ct-p0", "ct-p0", "ct-p1", "ct-p1"]
    assert list(table["view"]) == ["LL", "PA", "LL", "PA"]
    assert set(table["labels"]) == {"M"}
    for row in table.to_dict("records"):
        found = regions_of(row)
        # The union and the structure that no image contains are left out.
        assert list(found) == ["heart", "left_lung_upper_lobe", "left_rib_1"]
        for name, mask in found.items():
            assert np.array_equal(mask, mask_of(name.replace("_", " ")) * 255)


def test_masks_have_one_bit_a_pixel(tmp_path):
    write_product(tmp_path)
    table = labelled(tmp_path, tmp_path / "labelled.parquet")
    header = table["regions"][0][0]["png"][16:29]  # width, height, bits, colour, and so on (PNG specification, IHDR)
    assert (int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big"), header[8]) == (SIZE, SIZE, 1)


def test_masks_follow_the_image_when_its_borders_go(tmp_path):
    write_product(tmp_path)
    folder = tmp_path / "images" / "ct" / "s0"
    image = np.zeros((SIZE, SIZE), np.uint8)
    image[10:90, 10:90] = np.random.default_rng(0).integers(1, 200, (80, 80))
    image[BOXES["heart"]] = 255
    save_png(image, folder / "PA.png")
    row = labelled(tmp_path, tmp_path / "labelled.parquet", Preparation()).set_index("image_id").loc["ct-s0-PA"]
    assert (row["crop_height"], row["size"]) == (80, SIZE)
    bright, heart = decode_png(row["png"]) > 240, regions_of(row)["heart"] > 0
    assert (bright & heart).sum() / (bright | heart).sum() > 0.9


def test_an_absent_structure_is_empty_and_one_that_is_not_labelled_has_no_mask(tmp_path):
    write_product(tmp_path, missing={("s0", "PA", "heart")})
    table = labelled(tmp_path, tmp_path / "labelled.parquet", structures=["heart", "prostate"])
    rows = {row["image_id"]: regions_of(row) for row in table.to_dict("records")}
    assert set(rows["ct-s0-PA"]) == {"prostate"}
    assert not rows["ct-s0-PA"]["prostate"].any()
    assert set(rows["ct-s0-LL"]) == {"heart", "prostate"}


def test_views_unions_and_the_name_of_the_set_are_choices(tmp_path):
    write_product(tmp_path)
    table = labelled(tmp_path, tmp_path / "labelled.parquet", views=["PA"], unions=True, source="Virtual")
    assert list(table["image_id"]) == ["Virtual-s0-PA", "Virtual-s1-PA"]
    assert set(regions_of(table.iloc[0])) == {"heart", "left_lung_upper_lobe", "left_rib_1", "left_projected_lung"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"views": ["AP"]}, "no view 'AP'; found LL, PA"),
        ({"structures": ["spleen"]}, "no name 'spleen'; found heart, left lung, left lung upper lobe"),
    ],
)
def test_what_the_product_lacks_is_named(tmp_path, settings, message):
    write_product(tmp_path)
    with pytest.raises(CxrError, match=message):
        labelled(tmp_path, tmp_path / "labelled.parquet", **settings)


def test_a_missing_picture_and_a_patient_in_both_splits_are_named(tmp_path):
    write_product(tmp_path)
    (tmp_path / "images" / "ct" / "s1" / "PA.png").unlink()
    with pytest.raises(CxrError, match=r"s1/PA.png: no such file; the product is not whole"):
        labelled(tmp_path, tmp_path / "labelled.parquet")
    studies = read_table(tmp_path / "studies.parquet").assign(patient_id="one")

    write_arrow(pa.Table.from_pandas(studies, preserve_index=False), tmp_path / "studies.parquet")
    with pytest.raises(CxrError, match="patient 'one' is in both splits"):
        labelled(tmp_path, tmp_path / "labelled.parquet")


def test_regions_as_people_draw_them_are_those_of_the_one_rule(tmp_path):
    write_product(tmp_path)
    table = labelled(tmp_path, tmp_path / "t.parquet", drawn=True)
    pa_row = regions_of(table[table["view"] == "PA"].iloc[0])
    expected = film_regions({name: mask_of(name) for name in BOXES}, 1.0)
    assert {name for name in pa_row if name.startswith(DRAWN_PREFIX)} == {DRAWN_PREFIX + each for each in DRAWN_REGIONS}
    for region in DRAWN_REGIONS:
        np.testing.assert_array_equal(pa_row[DRAWN_PREFIX + region] > 0, expected[region])
    assert pa_row["drawn_left_lung"].any()
    assert not any(name.startswith(DRAWN_PREFIX) for name in regions_of(table[table["view"] == "LL"].iloc[0]))
