import csv
import hashlib
import io
import json

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.products import product as closing
from cxrfactory.products.radgenome.inputs import ProjectionShards, Taxonomy
from cxrfactory.products.radgenome.pack import FIGURES, package_radgenome, png_header, split_of
from cxrfactory.tables.rle import rle_decode, rle_encode

from .projected import CLASSES, REGIONS, SIZE, manifest_row, png, projected, structures

KEPT = {"a1": "alpha", "a2": "alpha", "b1": "beta"}


def plan(labelled):
    return [(name, sorted(ids & set(labelled))) for name, ids in sorted(REGIONS.items()) if ids & set(labelled)]


def pack(made, folder, shards=2, reverse=False, **options):
    inputs = made.write(folder / "in", shards, reverse)
    options = {"validation_fraction": 0.5, **options}
    return package_radgenome(ProjectionShards(**inputs), folder / "out", Taxonomy(CLASSES, plan), **options)


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def product(tmp_path_factory):
    folder = tmp_path_factory.mktemp("product")
    (folder / "config.yaml").write_text("size: 32\n")
    pack(projected(), folder, mask_png=True, credits=["A CT,\n CC BY"], config=folder / "config.yaml")  # fmt: skip
    return folder / "out"


def table(product, name):
    return list(csv.DictReader(io.StringIO((product / name).read_text())))


def test_every_row_of_the_manifests_is_accounted_for(tmp_path):
    accounts = pack(projected(), tmp_path)
    assert accounts.rows == 5
    assert accounts.kept["study_id"].to_pylist() == ["a1", "a2", "b1"]
    assert (tmp_path / "out" / "rejected.csv").read_text() == (
        "release,study_id,stage,reason\nbeta,b2,project,gantry tilt\n"
    )
    assert (tmp_path / "out" / "excluded.csv").read_text() == ("release,study_id,reason\nalpha,a3,not a chest CT\n")


def test_images_are_the_bytes_of_the_shards(product):
    for study, release in KEPT.items():
        for view in ("PA", "LL"):
            folder = product / "images" / release / study
            assert (folder / f"{view}.png").read_bytes() == png(study, view, 8)
            assert (folder / f"{view}_16.png").read_bytes() == png(study, view, 16)
    assert len(list((product / "images").rglob("*.png"))) == 12 + 12  # and masks of lung and heart


def test_masks_are_all_rows_sorted_with_their_classes(product):
    masks = pq.read_table(product / "masks.parquet").to_pandas()
    assert len(masks) == 3 * 2 * 5
    keys = list(zip(masks["study_id"], masks["view"], masks["class_id"].fillna(10**6), strict=True))
    assert keys == sorted(keys)
    heart = masks[masks["name"] == "heart"]
    assert set(heart["system"]) == {"Cardiac"}
    assert set(heart["class_name"]) == {"heart"}
    port = masks[masks["name"] == "port"]
    assert len(port) == 6
    assert port["class_id"].isna().all()
    assert port["system"].isna().all()
    row = heart[(heart["study_id"] == "a2") & (heart["view"] == "PA")].iloc[0]
    assert (row["bbox_x"], row["bbox_y"], row["bbox_width"], row["bbox_height"]) == (12, 12, 9, 8)
    np.testing.assert_array_equal(rle_decode(row["rle"], SIZE, SIZE), structures(1)["PA"]["heart"][3])


def test_regions_are_the_unions_of_their_classes(product):
    regions = pq.read_table(product / "regions.parquet").to_pandas()
    # The clavicle is labelled nowhere: no row says that the bones are absent.
    assert regions["region"].tolist() == ["heart", "lung"] * 6
    for shift, study in enumerate(KEPT):
        for view, named in structures(shift).items():
            row = regions[(regions["study_id"] == study) & (regions["view"] == view) & (regions["region"] == "lung")]
            union = named["left lung"][3] | named["right lung"][3] | named["lung"][3]
            assert row["rle"].item() == rle_encode(union)
            assert row["area_px"].item() == union.sum()
            assert row["classes"].item() == 3
            assert not row["touches_border"].item()


def test_patients_stand_in_one_split():
    found = {patient: split_of(patient, 0.06) for patient in map(str, range(20000))}
    assert found == {patient: split_of(patient, 0.06) for patient in reversed(found)}
    assert np.mean([split == "validation" for split in found.values()]) == pytest.approx(0.06, abs=0.005)
    # Who is in a small validation set is in a larger one.
    assert all(split_of(patient, 0.2) == "validation" for patient, split in found.items() if split == "validation")
    assert {split_of(patient, 0.0) for patient in found} == {"train"}


def test_studies_carry_the_split_of_their_patient(product):
    studies = pq.read_table(product / "studies.parquet").to_pandas().set_index("study_id")
    assert studies["split"].to_dict() == {
        study: split_of(patient, 0.5) for study, patient in (("a1", "p1"), ("a2", "p1"), ("b1", "p2"))
    }
    assert studies.loc["b1", "release"] == "beta"


def test_coco_files_read_back_as_the_masks(product, capsys):
    coco = pytest.importorskip("pycocotools.coco", reason="pycocotools reads what was written")
    splits = {"a1": split_of("p1", 0.5), "a2": split_of("p1", 0.5), "b1": split_of("p2", 0.5)}
    seen = 0
    for split in ("train", "validation"):
        for view in ("PA", "LL"):
            made = coco.COCO(str(product / "coco" / f"{split}_{view}.json"))
            assert {each["id"]: each["name"] for each in made.cats.values()} == {
                each.class_id: each.name for each in CLASSES
            }
            assert {image["study_id"] for image in made.imgs.values()} == {
                study for study, each in splits.items() if each == split
            }
            for annotation in made.anns.values():
                image = made.imgs[annotation["image_id"]]
                assert (product / image["file_name"]).is_file()
                assert image["file_name"].endswith(f"/{view}.png")
                named = structures(list(KEPT).index(image["study_id"]))[view]
                mask = next(each[3] for each in named.values() if each[0] == annotation["category_id"])
                np.testing.assert_array_equal(made.annToMask(annotation), mask)
                assert annotation["area"] == mask.sum()
                assert annotation["iscrowd"] == 0
                rows, columns = np.nonzero(mask)
                assert annotation["bbox"] == [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]
                seen += 1
    capsys.readouterr()
    assert seen == 3 * (4 + 3)  # four classes in PA, three in LL: the right lung is empty there


def test_masks_of_lung_and_heart_stand_beside_the_images(product):
    regions = pq.read_table(product / "regions.parquet").to_pylist()
    for row in regions:
        path = product / "images" / KEPT[row["study_id"]] / row["study_id"] / f"{row['view']}_{row['region']}.png"
        mask = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(mask, rle_decode(row["rle"], SIZE, SIZE) * 255)
    assert len(regions) == 12


def test_a_region_that_is_not_labelled_has_no_picture(tmp_path):
    made = projected()
    for row in made.masks:
        if row["name"] == "heart":
            row["class_id"] = None
    pack(made, tmp_path)
    (table,) = (tmp_path / "out/images/beta").glob("*.parquet")
    rows = pq.read_table(table).to_pylist()
    assert [row["heart_mask_file_name"] for row in rows] == [None, None]
    assert [row["lung_mask_file_name"] for row in rows] == ["b1/PA_lung.png", "b1/LL_lung.png"]


def test_a_study_with_the_name_of_a_table_is_refused(tmp_path):
    made = projected()
    for rows in (made.manifest, made.studies, made.masks, made.images):
        for row in rows:
            row["study_id"] = row["study_id"].replace("b1", "train.parquet")
    with pytest.raises(CxrError, match=r"the name of a table, and of the study 'train\.parquet'"):
        pack(made, tmp_path, validation_fraction=0.0)


def test_mask_png_hold_0_and_255(product):
    assert len(list((product / "masks").rglob("*.png"))) == 21
    mask = cv2.imread(str(product / "masks" / "beta" / "b1" / "PA" / "002_left_lung.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(mask, structures(2)["PA"]["left lung"][3] * 255)


def test_statistics_count_what_is_there(product):
    inventory = {(row["section"], row["item"]): row for row in table(product, "statistics/inventory.csv")}
    assert inventory["studies", "studies"]["total"] == "3"
    assert inventory["anatomy masks", "total"]["total"] == "24"
    assert inventory["anatomy masks, not empty", "LL"]["total"] == "9"
    assert inventory["region masks", "PA"]["total"] == "6"
    assert inventory["other masks", "total"]["total"] == "6"
    assert inventory["anatomy masks", "total"]["paper_total"] == "10790646"
    classes = {row["name"]: row for row in table(product, "statistics/classes.csv")}
    assert (classes["right lung"]["not_empty_pa"], classes["right lung"]["not_empty_ll"]) == ("3", "0")
    assert classes["right lung"]["masks_ll"] == "3"
    assert classes["heart"]["mean_px_pa"] == "72.0"  # 8 x 8, 8 x 9, 8 x 10
    assert (classes["clavicle"]["masks_pa"], classes["clavicle"]["mean_px_pa"]) == ("0", "")


def test_footprints_stand_beside_the_papers(product):
    rows = {row["system"]: row for row in table(product, "statistics/footprint.csv")}
    cardiac, pulmonary, skeletal = (rows[name] for name in ("Cardiac", "Pulmonary", "Skeletal"))
    assert (cardiac["mean_px_pa"], cardiac["mean_px_ll"], cardiac["ratio"]) == ("72.0", "56.0", "1.286")
    assert cardiac["percent_pa"] == f"{100 * 72 / SIZE**2:.3f}"
    assert float(cardiac["low_px_pa"]) <= 72 <= float(cardiac["high_px_pa"])
    assert cardiac["paper_ratio"] == "1.130"
    assert "PA/LL 1.29 differs from the paper's (1.13, ours +13.8%)" in cardiac["comment"]
    assert (pulmonary["mean_px_ll"], pulmonary["mean_px_ll_with_empty"]) == ("216.0", "144.0")
    assert "agrees" in pulmonary["comment"]
    assert (skeletal["mean_px_pa"], skeletal["ratio"]) == ("", "")
    assert skeletal["comment"] == "the source labels 0 of 1 classes, not clavicle"


def test_card_and_checksums_close_the_product(product):
    card = (product / "README.md").read_text()
    assert "| all | 5 | 1 | 1 | 3 |" in card
    assert "- A CT, CC BY\n" in card
    assert "regions (heart, lung)" in card
    assert (product / "config.yaml").read_text() == "size: 32\n"
    sums = dict(line.split("  ")[::-1] for line in (product / "SHA256SUMS").read_text().splitlines())
    found = files(product)
    assert sums == {name: hashlib.sha256(data).hexdigest() for name, data in found.items() if name != "SHA256SUMS"}


def test_pictures_show_something(product):
    for name in FIGURES:
        assert cv2.imread(str(product / name)).std() > 5


def test_bytes_do_not_depend_on_shards_or_their_order(tmp_path, monkeypatch):
    monkeypatch.setattr(closing, "source_commit", lambda: "fixed")
    made = projected()
    pack(made, tmp_path / "one", shards=1)
    pack(made, tmp_path / "two", shards=3, reverse=True)
    one, two = files(tmp_path / "one" / "out"), files(tmp_path / "two" / "out")
    assert one == two
    assert not any(name.startswith("masks/") for name in one)


def test_an_earlier_product_is_replaced_and_a_foreign_folder_is_not(tmp_path):
    made = projected()
    pack(made, tmp_path, mask_png=True)
    pack(made, tmp_path)
    assert not (tmp_path / "out" / "masks").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out"]
    (tmp_path / "out" / "thesis.txt").write_text("mine")
    with pytest.raises(CxrError, match=r"holds 'thesis\.txt', which is no part of a product"):
        pack(made, tmp_path)
    assert (tmp_path / "out" / "thesis.txt").read_text() == "mine"


def test_a_failed_run_leaves_the_earlier_product(tmp_path):
    made = projected()
    pack(made, tmp_path)
    before = files(tmp_path / "out")
    made.masks[3]["area_px"] += 1
    with pytest.raises(CxrError, match="area_px is"):
        pack(made, tmp_path)
    assert files(tmp_path / "out") == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out"]


def test_a_cohort_without_a_kept_study_is_packed(tmp_path):
    made = projected()
    made.manifest, made.rejected = made.manifest[4:], []
    made.studies, made.masks, made.images = [], [], []
    assert pack(made, tmp_path).rows == 1
    assert json.loads((tmp_path / "out" / "coco" / "train_PA.json").read_text())["images"] == []


def lose_image(made):
    made.images.pop()


def repeat_image(made):
    made.images.append(made.images[0])


def wrong_size(made):
    made.images[0]["png8"] = cv2.imencode(".png", np.zeros((8, 9), np.uint8))[1].tobytes()


def no_png(made):
    made.images[0]["png16"] = b"GIF89a"


def shallow(made):
    made.images[0]["png16"] = made.images[0]["png8"]


def lose_masks(made):
    made.masks = [row for row in made.masks if row["study_id"] != "a2"]


def unsort_masks(made):
    made.masks = made.masks[::-1]


def repeat_mask(made):
    made.masks.insert(0, made.masks[0])


def lose_one_mask(made):
    made.masks.pop(0)


def other_view(made):
    made.masks[0]["view"] = "AP"


def other_class(made):
    for row in made.masks:
        row["class_id"] = 77 if row["class_id"] == 1 else row["class_id"]


def other_shape(made):
    made.masks[0]["height"] = 31


def broken_rle(made):
    made.masks[0]["rle"] = "5 x"


def wrong_box(made):
    made.masks[0]["bbox_x"] += 1


def lose_study(made):
    made.studies.pop(0)


def unknown_study(made):
    made.manifest.pop(0)


def both(made):
    made.rejected.append({"image_id": "a1", "path": None, "stage": "project", "reason": "late"})


def leave(made):
    made.manifest[0]["study_id"] = "../a1"


def twice_listed(made):
    made.manifest.append(manifest_row("a1", "p1", "beta"))


def silent(made):
    made.manifest[4]["exclusion_reason"] = None


def other_patient(made):
    made.studies[0]["patient_id"] = "p9"


def two_sizes(made):
    made.studies[0]["size"] = 64


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lose_image, "1 images are missing, first study 'b1', view LL"),
        (repeat_image, "study 'a1', view 'PA': a second one"),
        (wrong_size, "png8 is 9 x 8 pixels of 8 bit, grey: True; expected 32 x 32 of 8 bit"),
        (no_png, "6 bytes that are no PNG"),
        (shallow, "png16 is 32 x 32 pixels of 8 bit"),
        (lose_masks, "study 'a2' has no masks"),
        (unsort_masks, "study 'a2' stands after 'b1'; expected rows sorted by study"),
        (repeat_mask, "study 'a1', view PA: structure 1 occurs twice"),
        (lose_one_mask, "study 'a1' has 4 structures in PA and 5 in LL"),
        (other_view, "has view 'AP'; expected PA or LL"),
        (other_class, "class id 77 is none of the taxonomy's 5"),
        (other_shape, "'heart': mask of 31 x 32 pixels; its study has 32 x 32"),
        (broken_rle, "'heart': RLE: number 2 is 'x'"),
        (wrong_box, "bbox_x is 13, but its RLE gives 12"),
        (lose_study, "1 included studies are neither projected nor rejected, first 'a1'"),
        (unknown_study, "studies shards: 1 studies are included by no manifest, first 'a1'"),
        (both, "study 'a1' is both projected and rejected"),
        (leave, r"study_id '../a1'; expected letters"),
        (twice_listed, "study 'a1' is listed twice"),
        (silent, "study 'a3' is excluded without an exclusion_reason"),
        (other_patient, "study 'a1': its patient_id in the studies shard is not that of the manifest"),
        (two_sizes, r"image sizes \[32, 64\]"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_does_not_hold_is_refused_by_name(tmp_path, spoil, message):
    made = projected()
    spoil(made)
    with pytest.raises(CxrError, match=message):
        pack(made, tmp_path, shards=1)
    assert not (tmp_path / "out").exists()


def test_a_study_in_two_mask_shards_is_refused(tmp_path):
    inputs = projected().write(tmp_path / "in", 2)
    inputs["masks"].append(inputs["masks"][0])
    with pytest.raises(CxrError, match="study 'a1' stands in two shards"):
        package_radgenome(ProjectionShards(**inputs), tmp_path / "out", Taxonomy(CLASSES, plan))


def test_options_are_checked(tmp_path):
    with pytest.raises(CxrError, match=r"--validation-fraction is 1.0; expected 0 <= fraction < 1"):
        pack(projected(), tmp_path, validation_fraction=1.0)
    with pytest.raises(CxrError, match="no such file; expected the config of the run"):
        pack(projected(), tmp_path, config=tmp_path / "none.yaml")


def test_png_header_reads_size_depth_and_colour():
    for array, expected in (
        (np.zeros((3, 5), np.uint8), (5, 3, 8, True)),
        (np.zeros((3, 5), np.uint16), (5, 3, 16, True)),
        (np.zeros((4, 2, 3), np.uint8), (2, 4, 8, False)),
    ):
        assert png_header(cv2.imencode(".png", array)[1].tobytes()) == expected
