import shutil

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import cxrfactory as cxr
from cxrfactory.config.measure import MeasureConfig, MeasureInputConfig
from cxrfactory.door.measured import measure_files
from cxrfactory.door.measured_drawing import draw_some
from cxrfactory.door.measured_masks import image_and_structure
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import save_png
from cxrfactory.imaging.radiograph.stored_films import COLUMNS, StoredFilm, film_line
from cxrfactory.metrics.cardiothoracic import cardiothoracic_ratio
from cxrfactory.tables.anatomy_masks import FILM_MASKS, FILMS
from cxrfactory.tables.keys import seed_of
from cxrfactory.tables.mask_facts import mask_facts
from cxrfactory.tables.parquet import write_arrow
from cxrfactory.tables.rle import rle_encode
from tests.door.conftest import packed_product
from tests.export.conftest import radgenome  # noqa: F401  (fixture)
from tests.measure.phantoms import HEART, LEFT, RIGHT, box

SETTINGS = MeasureConfig(samples=8)


def read(folder, name="measurements"):
    return pq.read_table(folder / f"{name}.parquet").to_pandas()


def ratios(folder):
    table = read(folder)
    return table[table["measurement"] == "ctr_columns"].set_index("image_id")["value"]


def expected(product):
    found = {}
    for row in cxr.open_product(product):
        lungs = row.masks["left_lung"] | row.masks["right_lung"]
        found[row.image_id] = cardiothoracic_ratio(lungs, row.masks["heart"])
    return found


def masks_in(folder, *structures):
    for structure, corners in zip(structures, (HEART, RIGHT, LEFT), strict=False):
        save_png(255 * box(*corners), folder / f"film.1.{structure}.png")
    return folder


def test_a_product_of_landmarks_has_the_ratio_of_its_masks_with_an_interval(product, tmp_path):
    accounts = measure_files([product], tmp_path / "out", SETTINGS)
    assert (accounts.read, accounts.measured) == (3, 3)
    assert ratios(tmp_path / "out").to_dict() == pytest.approx(expected(product), abs=1e-6)
    table = read(tmp_path / "out")
    assert set(table["dataset"]) == {"demo"}
    with_value = table[table["measurement"].isin(["ctr_columns", "ctr_rows", "right_lung_area"])]
    assert (with_value["low"] <= with_value["value"]).all()
    assert (with_value["value"] <= with_value["high"]).all()
    assert set(with_value["unit"]) == {"ratio", "px2"}  # its films are PNG, which state no size


def test_a_table_of_the_product_gives_the_same_ratios(product, tmp_path):
    (csv,) = (product / "OriginalResolution").glob("*.csv")
    measure_files([csv], tmp_path / "csv", SETTINGS)
    (parquet,) = (product / "Parquet").glob("*.parquet")
    measure_files([parquet], tmp_path / "parquet", SETTINGS)
    for kind in ("csv", "parquet"):
        assert ratios(tmp_path / kind).to_dict() == pytest.approx(expected(product), abs=1e-6)
    assert set(read(tmp_path / "csv")["view"]) == {"frontal"}
    assert read(tmp_path / "csv")["low"].isna().all()


def test_deviations_beside_a_table_give_intervals(product, tmp_path):
    (source,) = (product / "OriginalResolution").glob("*.csv")
    csv = shutil.copy(source, tmp_path / "found.csv")
    frame = cxr.read_chexmask(csv)
    cells = [",".join(["2"] * (2 * len(points))) for points in frame["Landmarks"]]
    deviations = pd.DataFrame({"image_id": frame["image_id"], "Landmarks (Std)": cells})
    deviations.to_csv(tmp_path / "found.std.csv", index=False)
    measure_files([csv], tmp_path / "out", SETTINGS)
    table = read(tmp_path / "out")
    ratio = table[table["measurement"] == "ctr_columns"]
    assert (ratio["low"] < ratio["value"]).all()
    assert (ratio["value"] < ratio["high"]).all()
    deviations[::-1].to_csv(tmp_path / "found.std.csv", index=False)
    with pytest.raises(CxrError, match=r"found.std.csv: image '.*' stands where found.csv has '.*'; expected the same"):
        measure_files([csv], tmp_path / "other", SETTINGS)


def test_films_that_segment_found_unlike_a_chest_are_not_measured(product, tmp_path):
    (source,) = (product / "OriginalResolution").glob("*.csv")
    csv = shutil.copy(source, tmp_path / "found.csv")
    first, *others = cxr.read_chexmask(csv)["image_id"]
    (tmp_path / "found.quality.csv").write_text(
        f"image_id,flags\n{first},unlike-frontal-chest;low-rca\n{others[0]},low-rca\n"
    )
    accounts = measure_files([csv], tmp_path / "out", SETTINGS)
    assert (accounts.measured, accounts.rejected) == (2, 1)
    assert set(ratios(tmp_path / "out").index) == set(others)
    assert "flagged as 'unlike-frontal-chest' in found.quality.csv" in (tmp_path / "out" / "rejected.csv").read_text()


def test_a_table_of_segment_says_which_pixels_are_not_square_and_which_films_lie_turned(product, tmp_path):
    (source,) = (packed_product(tmp_path / "run", "FR") / "OriginalResolution").glob("*.csv")
    csv = shutil.copy(source, tmp_path / "found.csv")
    ids = list(cxr.read_chexmask(csv)["image_id"])
    lines = [
        film_line(name, StoredFilm("FR", mm)) for name, mm in zip(ids, ((0.8, 0.4), (0.4, 0.4), None), strict=True)
    ]
    (tmp_path / "found.films.csv").write_text(",".join(COLUMNS) + "\n" + "".join(lines))
    measure_files([csv], tmp_path / "out", SETTINGS)
    assert "pixels of 0.8 x 0.4 mm; expected square ones" in (tmp_path / "out" / "rejected.csv").read_text()
    measure_files([product], tmp_path / "upright", SETTINGS)
    wanted = ratios(tmp_path / "upright")
    assert ratios(tmp_path / "out").to_dict() == {name: wanted[name] for name in ids[1:]}
    assert read(tmp_path / "out", "images")["pixel_mm"].tolist()[0] == 0.4
    measure_files([csv], tmp_path / "other", SETTINGS, MeasureInputConfig(pixel_mm=0.5))
    assert (
        "header states pixels of 0.4 x 0.4 mm, and --pixel-mm is 0.5"
        in (tmp_path / "other" / "rejected.csv").read_text()
    )


def test_projected_studies_are_measured_in_both_views_and_in_mm(radgenome, tmp_path):  # noqa: F811
    accounts = measure_files([radgenome], tmp_path / "out", SETTINGS)
    product = cxr.open_product(radgenome)
    assert accounts.read == len(product) == 6
    table, images = read(tmp_path / "out"), read(tmp_path / "out", "images")
    assert set(images["view"]) == {"PA", "LL"}
    assert set(images["pixel_mm"]) == {image.pixel_mm for image in product}
    for image in product:
        rows = table[(table["image_id"] == image.image_id) & table["value"].notna()].set_index("measurement")
        if image.view == "PA":
            area = image.masks["left lung"].sum() * image.pixel_mm**2
            assert rows.loc["left_lung_area", "value"] == pytest.approx(area)
            assert rows.loc["left_lung_area", "unit"] == "mm2"
        assert not set(rows["unit"]) & {"px", "px2"}


def test_structures_of_films_are_measured(tmp_path):
    folder = tmp_path / "films"
    write_films(folder, "PA")
    measure_files([folder], tmp_path / "out", SETTINGS)
    assert ratios(tmp_path / "out").to_dict() == {"a.png": 0.5}
    assert read(tmp_path / "out", "images")["pixel_mm"].tolist() == [0.2]


def test_an_unknown_view_of_a_film_is_one_line(tmp_path):
    write_films(tmp_path / "films", "RAO")
    with pytest.raises(CxrError, match=r"a\.png: view 'RAO'; expected one of frontal, PA, AP, LL"):
        measure_files([tmp_path / "films"], tmp_path / "out", SETTINGS)
    assert not (tmp_path / "out").exists()


def write_films(folder, view):
    """One film with lungs and heart, as ``segment --anatomy`` writes it."""
    folder.mkdir()
    rows = []
    for name, corners in (("heart", HEART), ("left lung", LEFT), ("right lung", RIGHT)):
        mask = box(*corners)
        facts = {"image_id": "a.png", "view": view, "name": name, "panel": "heart", "origin": "label", "trusted": True}
        height, width = mask.shape
        rows.append({**facts, "height": height, "width": width, "rle": rle_encode(mask), **mask_facts(mask).as_row()})
    film = {"image_id": "a.png", "picture": "a.png", "view": view, "view_from": "given", "height": height,
            "width": width, "row_mm": 0.2, "column_mm": 0.2, "structures": 3, "trusted": 3, "group": 0}  # fmt: skip
    write_arrow(pa.Table.from_pylist([film], schema=FILMS), folder / "films.parquet")
    write_arrow(pa.Table.from_pylist(rows, schema=FILM_MASKS), folder / "masks.parquet")


@pytest.mark.parametrize("names", [("heart", "right_lung", "left_lung"), ("Heart", "right lung", "left-lung")])
def test_files_of_masks_are_measured(tmp_path, names):
    (tmp_path / "in").mkdir()
    files = sorted(masks_in(tmp_path / "in", *names).iterdir())
    given = MeasureInputConfig(pixel_mm=0.5, view="AP")
    measure_files([tmp_path / "in"], tmp_path / "folder", SETTINGS, given)
    measure_files(files, tmp_path / "files", SETTINGS, given)
    for kind, dataset in (("folder", "in"), ("files", "masks")):
        assert ratios(tmp_path / kind).to_dict() == {"film.1": 0.5}
        table = read(tmp_path / kind)
        assert (set(table["view"]), set(table["dataset"])) == ({"AP"}, {dataset})
        width = table[table["measurement"] == "heart_width"].iloc[0]
        assert (width["value"], width["unit"]) == (30.0, "mm")


def test_the_name_of_a_file_gives_image_and_structure(tmp_path):
    for name, expected_pair in (
        ("a.b.heart.png", ("a.b", "heart")),
        ("film/trachea.png", ("film", "trachea")),
        ("x.thoracic_vertebrae_5_(t5).png", ("x", "thoracic vertebrae 5 (t5)")),
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
        assert image_and_structure(path) == expected_pair
    (tmp_path / "film.png").touch()
    with pytest.raises(CxrError, match=r"film.png: its name ends with no structure; expected IMAGE.STRUCTURE.png"):
        image_and_structure(tmp_path / "film.png")


def test_masks_of_different_sizes_reject_their_image(tmp_path):
    (tmp_path / "in").mkdir()
    masks_in(tmp_path / "in", "heart", "right_lung", "left_lung")
    save_png(np.ones((5, 5), np.uint8), tmp_path / "in/b.heart.png")
    save_png(np.ones((5, 6), np.uint8), tmp_path / "in/b.left_lung.png")
    accounts = measure_files([tmp_path / "in"], tmp_path / "out", SETTINGS)
    assert (accounts.measured, accounts.rejected) == (1, 1)
    text = (tmp_path / "out/rejected.csv").read_text()
    assert 'in,b,"masks of different sizes: heart 5 x 5, left lung 5 x 6; expected one size an image"' in text


def test_two_files_of_one_structure_are_one_line(tmp_path):
    for folder in ("x", "y"):
        (tmp_path / "in" / folder).mkdir(parents=True)
        masks_in(tmp_path / "in" / folder, "heart")
    with pytest.raises(CxrError, match=r"heart of image 'film.1' is also in film.1.heart.png; give one"):
        measure_files([tmp_path / "in"], tmp_path / "out", SETTINGS)


def test_a_row_or_table_without_a_size_is_rejected_alone(product, tmp_path):
    (source,) = (product / "OriginalResolution").glob("*.csv")
    frame = pd.read_csv(source, dtype=str, keep_default_na=False)
    frame.drop(columns=["Height"]).to_csv(tmp_path / "none.csv", index=False)
    frame.loc[1, "Height"] = ""
    frame.to_csv(tmp_path / "one.csv", index=False)
    targets = [tmp_path / "none.csv", tmp_path / "one.csv"]
    accounts = measure_files(targets, tmp_path / "out", SETTINGS)
    assert (accounts.measured + accounts.excluded, accounts.rejected) == (len(frame) - 1, len(frame) + 1)
    reasons = pd.read_csv(tmp_path / "out/rejected.csv").set_index(["dataset", "image_id"])["reason"]
    name = frame.iloc[1, 0]
    assert "row 2, column 'Height'" in reasons["one", name]
    assert "none.csv: columns ['Height'] are missing" in reasons["none", name]


@pytest.mark.parametrize("form", ["semicolons", "gzip", "no landmarks"])
def test_every_form_of_a_table_is_measured(product, tmp_path, form):
    (source,) = (product / "OriginalResolution").glob("*.csv")
    frame = pd.read_csv(source, dtype=str, keep_default_na=False)
    path = tmp_path / ("t.csv.gz" if form == "gzip" else "t.csv")
    dropped = ["Landmarks"] if form == "no landmarks" else []
    frame.drop(columns=dropped).to_csv(path, index=False, sep=";" if form == "semicolons" else ",")
    assert measure_files([path], tmp_path / "out", SETTINGS).rejected == 0


def test_columns_that_are_missing_are_named(product, tmp_path):
    (source,) = (product / "OriginalResolution").glob("*.csv")
    pd.read_csv(source, dtype=str).drop(columns=["Heart", "Width"]).to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(CxrError, match=r"t.csv: columns \['Heart', 'Width'\] are missing; expected masks as"):
        measure_files([tmp_path / "t.csv"], tmp_path / "out", SETTINGS)


def test_a_mask_beyond_its_image_rejects_the_row(product, tmp_path):
    (source,) = (product / "OriginalResolution").glob("*.csv")
    frame = pd.read_csv(source, dtype=str)
    frame.loc[0, "Heart"] = "999999 5"
    frame.to_csv(tmp_path / "t.csv", index=False)
    accounts = measure_files([tmp_path / "t.csv"], tmp_path / "out", SETTINGS)
    assert (accounts.measured, accounts.rejected) == (2, 1)
    assert "the run leaves the mask of 128 x 96" in (tmp_path / "out/rejected.csv").read_text()
    frame[:1].to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(CxrError, match="no image can be measured, 1 rejected; first a: RLE: number 1 is '999999'"):
        measure_files([tmp_path / "t.csv"], tmp_path / "other", SETTINGS)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("nothing", "no such file or folder; expected a finished product, a CheXmask table"),
        ("empty", "not a product by its files"),
        ("notes.txt", "nothing that can be measured; expected a finished product"),
        ("a.heart.png", "no such file"),
    ],
)
def test_what_is_no_product_is_one_line(tmp_path, target, message):
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").touch()
    with pytest.raises(CxrError, match=message) as raised:
        measure_files([tmp_path / target], tmp_path / "out", SETTINGS)
    assert "\n" not in str(raised.value)
    with pytest.raises(CxrError, match="nothing to measure"):
        measure_files([], tmp_path / "out", SETTINGS)


def test_some_images_of_each_view_are_drawn(radgenome, product, tmp_path):  # noqa: F811
    given = MeasureInputConfig()
    measure_files([radgenome, product], tmp_path / "out", SETTINGS)
    assert draw_some([radgenome, product], tmp_path / "out", tmp_path / "drawn", 1, given) == 5
    pictures = sorted(path.name for path in (tmp_path / "drawn").iterdir())
    assert [name.rpartition("_")[2] for name in pictures if name.startswith("alpha")] == ["LL.png", "PA.png"]
    first = cxr.open_product(product)
    assert [name for name in pictures if name.startswith("demo")] == [f"demo.{i}.png" for i in drawn_ids(first)]


def drawn_ids(product):
    return [min((image.image_id for image in product), key=lambda each: seed_of(each, "drawn"))]


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("film_1_left_lung.png", ("film_1", "left lung")),
        ("film 1-heart.png", ("film 1", "heart")),
        ("heart/film_1.png", ("film_1", "heart")),
        ("Left Lung/film.1.png", ("film.1", "left lung")),
        ("lung/film_heart.png", ("film", "heart")),
        ("film/lung_left.png", ("film", "left lung")),
        ("film/vertebrae_T5.png", ("film", "thoracic vertebrae 5 (t5)")),
        ("film/rib_left_3.png", ("film", "left rib 3")),
    ],
)
def test_names_of_mask_files_of_other_programs(tmp_path, file, expected):
    path = tmp_path / "in" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    assert image_and_structure(path) == expected


def test_a_picture_of_probabilities_is_rejected(tmp_path):
    folder = masks_in(tmp_path, "heart", "right_lung", "left_lung")
    save_png((100 * box(*HEART) + 20 * box(*RIGHT)).astype(np.uint8), folder / "film.1.heart.png")
    with pytest.raises(CxrError, match=r"film\.1\.heart\.png has 4 values; expected two, 0 outside the structure"):
        measure_files([folder], tmp_path / "out", SETTINGS)


def test_hidden_files_of_a_folder_are_no_masks(tmp_path):
    (tmp_path / "in").mkdir()
    folder = masks_in(tmp_path / "in", "heart", "right_lung", "left_lung")
    (folder / "._film.1.heart.png").write_bytes(b"macOS")
    accounts = measure_files([folder], tmp_path / "out", SETTINGS)
    assert (accounts.read, accounts.rejected) == (1, 0)


def test_a_folder_without_masks_is_one_line(tmp_path):
    with pytest.raises(CxrError, match="not a product by its files, and without masks; expected a finished product"):
        measure_files([tmp_path], tmp_path / "out", SETTINGS)


def test_exchanged_lungs_are_rejected_with_the_reason(tmp_path):
    folder = masks_in(tmp_path, "heart", "left_lung", "right_lung")
    with pytest.raises(CxrError, match=r"film\.1: the right lung lies to the right of the left one"):
        measure_files([folder], tmp_path / "out", SETTINGS)


def test_a_pixel_of_more_than_a_centimetre_is_refused():
    for side in (0, 143, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="pixel_mm"):
            MeasureInputConfig(pixel_mm=side)


def test_an_image_that_is_given_twice_is_measured_once(tmp_path):
    (tmp_path / "in").mkdir()
    folder = masks_in(tmp_path / "in", "heart", "right_lung", "left_lung")
    accounts = measure_files([folder, folder], tmp_path / "out", SETTINGS)
    assert (accounts.read, accounts.measured, accounts.rejected) == (2, 1, 1)
    assert "the image is given twice; its first masks are measured" in (tmp_path / "out" / "rejected.csv").read_text()


def test_lungs_are_made_of_the_lobes_of_totalsegmentator(tmp_path):
    folder = tmp_path / "in" / "patient 1"
    folder.mkdir(parents=True)
    top, left, bottom, right = RIGHT
    rows = {"upper": (top, 45), "middle": (46, 60), "lower": (61, bottom)}
    for lobe, (first, last) in rows.items():
        save_png(255 * box(first, left, last, right), folder / f"lung_{lobe}_lobe_right.png")
    save_png(255 * box(LEFT[0], LEFT[1], 50, LEFT[3]), folder / "lung_upper_lobe_left.png")
    save_png(255 * box(*HEART), folder / "heart.png")
    measure_files([folder.parent], tmp_path / "half", SETTINGS)
    areas = read(tmp_path / "half").set_index("measurement")["value"]
    assert np.isnan(areas["left_lung_area"])  # one of its lobes has no mask
    save_png(255 * box(51, *LEFT[1:]), folder / "lung_lower_lobe_left.png")
    measure_files([folder.parent], tmp_path / "out", SETTINGS)
    assert ratios(tmp_path / "out").to_dict() == {"patient 1": 0.5}
    areas = read(tmp_path / "out").set_index("measurement")["value"]
    assert areas["right_lung_area"] == box(*RIGHT).sum()
