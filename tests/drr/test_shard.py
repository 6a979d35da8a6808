import cv2
import nibabel as nib
import numpy as np
import pytest

from cxrfactory.config import ScanConfig, ScanFilesConfig
from cxrfactory.drr.recipe import ProjectionRecipe
from cxrfactory.drr.shard import project_shard
from cxrfactory.drr.single_study import project
from cxrfactory.errors import CxrError
from cxrfactory.ingest.scans import ingest_scans
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.rle import rle_decode
from cxrfactory.tables.schemas import MASKS, PROJECTIONS, REJECTED, STUDIES

PARTS = {"images": PROJECTIONS, "masks": MASKS, "studies": STUDIES, "rejected": REJECTED}


def run(release, folder, shard=0, shards=1, **settings):
    folder.mkdir(parents=True, exist_ok=True)
    ingest_scans(ScanConfig(root=str(release)), folder / "manifest.parquet", "r")
    outputs = {part: folder / f"{shard}.{part}.parquet" for part in PARTS}
    files = ScanFilesConfig(root=str(release), shards=shards, **({"names": "names.csv"} | settings))
    counts = project_shard(folder / "manifest.parquet", files, shard, outputs, ProjectionRecipe(48))
    return counts, {part: read_table(outputs[part], schema) for part, schema in PARTS.items()}


def test_a_shard_keeps_good_studies_and_names_the_others(release, tmp_path):
    counts, tables = run(release, tmp_path / "out")
    assert counts == (2, 1)
    assert tables["studies"]["study_id"].tolist() == ["a", "b"]
    assert tables["rejected"]["image_id"].tolist() == ["broken"]
    assert "orientation" in tables["rejected"]["reason"][0]
    images = tables["images"]
    assert list(zip(images["study_id"], images["view"], strict=True)) == [
        ("a", "PA"), ("a", "LL"), ("b", "PA"), ("b", "LL")
    ]  # fmt: skip
    # b is a, stored along other axes.
    assert images["png16"][0] == images["png16"][2]
    masks = tables["masks"]
    one, other = (masks[masks["study_id"] == study].drop(columns="study_id").reset_index(drop=True) for study in "ab")
    assert one.equals(other)
    names = one[one["view"] == "PA"]["name"].tolist()
    assert {"heart", "left lung", "left lung upper lobe", "left lung lower lobe", "liver"} == set(names)
    empty = one[one["name"] == "liver"]
    assert (empty["area_px"] == 0).all()
    assert empty["bbox_x"].isna().all()
    lung = one[(one["name"] == "left lung") & (one["view"] == "LL")].iloc[0]
    mask = rle_decode(lung["rle"], lung["height"], lung["width"])
    rows, columns = np.nonzero(mask)
    assert lung["area_px"] == len(rows)
    assert (lung["bbox_x"], lung["bbox_y"]) == (columns.min(), rows.min())
    assert lung["centroid_x"] == pytest.approx(columns.mean())


def test_a_study_whose_label_folder_is_empty_is_rejected_alone(release, tmp_path):
    for study in "ab":
        (release / study / "labels.nii.gz").unlink()
    (release / "a" / "labels.nii.gz").mkdir()  # a folder, as a release of one file a structure has
    (release / "b" / "labels.nii.gz").mkdir()
    heart = nib.load(release / "broken" / "labels.nii.gz")
    nib.save(nib.Nifti1Image((np.asarray(heart.dataobj) == 1).astype(np.uint8), heart.affine), tmp_path / "h.nii.gz")
    (tmp_path / "h.nii.gz").rename(release / "b" / "labels.nii.gz" / "heart.nii.gz")
    counts, tables = run(release, tmp_path / "out", names=None)
    assert counts == (1, 2)
    reasons = dict(zip(tables["rejected"]["image_id"], tables["rejected"]["reason"], strict=True))
    assert "no label volume in the folder" in reasons["a"]
    assert tables["masks"]["name"].unique().tolist() == ["heart"]


def test_shards_do_not_change_a_study(release, tmp_path):
    _, whole = run(release, tmp_path / "one")
    parts = [run(release, tmp_path / "many", shard, 3)[1] for shard in range(3)]
    for name in ("images", "masks", "studies", "rejected"):
        rows = [row for part in parts for row in part[name].astype(object).to_dict("records")]
        key = "image_id" if name == "rejected" else "study_id"
        expected = whole[name].astype(object).to_dict("records")
        rows = sorted(rows, key=lambda row: row[key])
        assert str(rows) == str(expected)


def test_a_layout_stands_for_the_orientation_that_a_file_lacks(release, tmp_path):
    for study in "ab":
        for name in ("ct", "labels"):
            (release / study / f"{name}.nii.gz").unlink()
    labels = nib.load(release / "broken" / "labels.nii.gz")
    nib.save(nib.Nifti1Image(np.asarray(labels.dataobj), np.eye(4)), release / "broken" / "labels.nii.gz")
    counts, tables = run(release, tmp_path / "out", axes="RAS", spacing_mm=[2.0, 3.0, 4.0])
    assert counts == (1, 0)
    assert "config" in tables["studies"]["notes"][0]


def test_two_orientations_reject_a_study_unless_the_config_names_one(release, tmp_path):
    for name in ("ct", "labels"):
        path = release / "a" / f"{name}.nii.gz"
        image = nib.load(path)
        mirrored = np.diag([-1.0, 1, 1, 1]) @ image.affine
        values = np.asarray(image.dataobj)
        image = nib.Nifti1Image(values, image.affine)
        image.set_qform(image.affine, 1)
        image.set_sform(mirrored, 2)
        nib.save(image, path)
    counts, tables = run(release, tmp_path / "out")
    assert counts == (1, 2)
    assert "differ in their axes" in tables["rejected"]["reason"][0]
    counts, tables = run(release, tmp_path / "other", affine="qform")
    assert counts == (2, 1)
    assert "the qform is used, as the config says" in tables["studies"]["notes"][0]
    images = tables["images"]
    assert images["png16"][0] == images["png16"][2]


def test_names_in_the_header_of_labels_are_mapped_to_classes(release, tmp_path):
    names = {1: "heart", 2: "lung_upper_lobe_left", 3: "lung_lower_lobe_left", 4: "liver", 5: "hip_left"}
    rows = "".join(f'<Label Key="{value}"><![CDATA[{name}]]></Label>' for value, name in names.items())
    for study in "ab":
        path = release / study / "labels.nii.gz"
        image = nib.load(path)
        table = f"<CaretExtension><LabelTable>{rows}</LabelTable></CaretExtension>"
        image.header.extensions.append(nib.nifti1.Nifti1Extension(0, table.encode()))
        nib.save(nib.Nifti1Image(np.asarray(image.dataobj), image.affine, image.header), path)
    _, expected = run(release, tmp_path / "table")
    _, tables = run(release, tmp_path / "header", names=None)
    assert tables["masks"].equals(expected["masks"])
    assert tables["studies"]["notes"][0].startswith("labels named by the table in their header (5 names)")


def test_an_unknown_name_of_a_mask_rejects_its_study_alone(release, tmp_path):
    for study in "ab":
        image = nib.load(release / study / "labels.nii.gz")
        mask = nib.Nifti1Image((np.asarray(image.dataobj) == 1).astype(np.uint8), image.affine)
        (release / study / "labels.nii.gz").unlink()
        (release / study / "labels.nii.gz").mkdir()
        nib.save(
            mask, release / study / "labels.nii.gz" / ("heart.nii.gz" if study == "a" else "flux capacitor.nii.gz")
        )
    counts, tables = run(release, tmp_path / "out", names=None)
    assert counts == (1, 2)
    assert tables["studies"]["study_id"].tolist() == ["a"]
    assert "flux capacitor" in tables["rejected"]["reason"][0]


def test_an_unknown_structure_stops_the_run(release, tmp_path):
    (release / "names.csv").write_text("id,name\n1,heart\n2,flux capacitor\n")
    with pytest.raises(CxrError, match="flux capacitor"):
        run(release, tmp_path / "out")
    assert not list((tmp_path / "out").glob("0.*"))


def test_by_hand_every_label_is_a_row(release, tmp_path):
    (release / "names.csv").write_text("id,name\n1,heart\n2,thing\n3,lung_lower_lobe_left\n5,hip_left\n")
    project(release / "a/ct.nii.gz", release / "a/labels.nii.gz", tmp_path / "out", release / "names.csv",
            ProjectionRecipe(None))  # fmt: skip
    masks = read_table(tmp_path / "out" / "masks.parquet", MASKS)
    assert masks[masks["view"] == "PA"]["source_id"].tolist() == [1, 2, 3, 5]
    assert masks[masks["view"] == "PA"]["class_id"].isna().tolist() == [False, True, False, True]
    for view, shape in (("PA", (12, 20)), ("LL", (12, 16))):
        eight = cv2.imread(str(tmp_path / "out" / f"{view}.png"), cv2.IMREAD_UNCHANGED)
        sixteen = cv2.imread(str(tmp_path / "out" / f"{view}_16.png"), cv2.IMREAD_UNCHANGED)
        assert eight.shape == sixteen.shape == shape
        assert eight.dtype == np.uint8
        assert (eight.min(), eight.max()) == (0, 255)
        assert sixteen.dtype == np.uint16


def test_a_volume_that_names_nothing_is_rejected_with_the_choices_of_names(release, tmp_path):
    counts, tables = run(release, tmp_path / "out", names=None)
    assert counts == (0, 3)
    assert "totalsegmentator-v2" in tables["rejected"]["reason"][0]


def test_names_of_totalsegmentator_are_taken_by_the_name_of_their_table(release, tmp_path):
    counts, tables = run(release, tmp_path / "out", names="totalsegmentator-v2")
    assert counts == (2, 1)
    assert {"spleen", "right kidney", "left kidney", "gallbladder", "liver"} <= set(tables["masks"]["name"])
