import csv

import numpy as np
import pytest

from cxrfactory.anatomy.raster import fill_contour
from cxrfactory.errors import CxrError, ImageError
from cxrfactory.imaging.drawing.png import save_png
from cxrfactory.infer.from_masks import masks_of_folder, masks_to_landmarks, parse_values
from cxrfactory.tables.chexmask import read_chexmask
from cxrfactory.tables.rle import rle_decode, rle_encode

SIDE = 256
SHAPES = {
    "right_lung": [(97, 32), (62, 60), (45, 105), (37, 202), (65, 177), (101, 174), (102, 140), (116, 65), (110, 37)],
    "left_lung": [
        (162, 32), (195, 55), (212, 120), (220, 207), (200, 187), (184, 184), (182, 160), (154, 105), (150, 92),
        (153, 80), (140, 67), (140, 50), (150, 34),
    ],
    "heart": [(100, 176), (97, 155), (106, 122), (156, 115), (195, 172), (191, 186), (150, 193)],
}  # fmt: skip


def masks():
    return {organ: fill_contour(np.array(points, float), SIDE, SIDE) for organ, points in SHAPES.items()}


def rejections(output):
    with output.with_suffix(".rejected.csv").open(encoding="utf-8") as lines:
        return {row["image_id"]: row["reason"] for row in csv.DictReader(lines)}


def test_organ_files_one_row_or_one_rejection_each(tmp_path):
    folder, output = tmp_path / "masks", tmp_path / "out.csv"
    for organ, mask in masks().items():
        save_png(mask * np.uint8(255), folder / "ward" / f"a.b.{organ}.png")
        if organ != "heart":
            save_png(mask, folder / f"two.{organ}.png")
    save_png(masks()["right_lung"], folder / "half.right_lung.png")
    save_png(masks()["right_lung"][:99], folder / "odd.right_lung.png")
    save_png(masks()["left_lung"], folder / "odd.left_lung.png")
    (folder / "torn.right_lung.png").write_bytes(b"no picture")
    assert masks_to_landmarks(folder, output, overlays=tmp_path / "seen") == (2, 3)
    table = read_chexmask(output)
    assert table["image_id"].tolist() == ["two", "ward/a.b"]
    assert [len(points) for points in table["Landmarks"]] == [94, 120]
    assert table["Heart"].tolist()[0] == ""
    reasons = rejections(output)
    assert set(reasons) == {"half", "odd", "torn"}
    assert "left_lung mask is missing" in reasons["half"]
    assert "different shapes" in reasons["odd"]
    assert "not readable as PNG" in reasons["torn"]
    with output.with_suffix(".agreement.csv").open(encoding="utf-8") as lines:
        agreement = {row["image_id"]: row for row in csv.DictReader(lines)}
    assert all(float(agreement["ward/a.b"][organ]) > 0.97 for organ in SHAPES)
    assert agreement["two"]["heart"] == ""
    assert (tmp_path / "seen" / "ward__a.b.png").is_file()


def test_landmarks_and_masks_of_a_row_agree(tmp_path):
    for organ, mask in masks().items():
        save_png(mask, tmp_path / "in" / f"a.{organ}.png")
    masks_to_landmarks(tmp_path / "in", tmp_path / "out.csv")
    row = read_chexmask(tmp_path / "out.csv").iloc[0]
    for column, where in (("Right Lung", slice(0, 44)), ("Left Lung", slice(44, 94)), ("Heart", slice(94, 120))):
        filled = fill_contour(row["Landmarks"][where], SIDE, SIDE)
        np.testing.assert_array_equal(rle_decode(row[column], SIDE, SIDE), filled)


def test_both_lungs_in_one_file_and_label_maps_are_the_same(tmp_path):
    organs = masks()
    both = organs["right_lung"] | organs["left_lung"]
    save_png(both * np.uint8(255), tmp_path / "a" / "x.png")
    save_png(both, tmp_path / "b" / "x.lungs.png")
    save_png(organs["right_lung"] * np.uint8(3) + organs["left_lung"] * np.uint8(7), tmp_path / "c" / "x.png")
    for name in "ab":
        assert masks_to_landmarks(tmp_path / name, tmp_path / f"{name}.csv") == (1, 0)
    values = parse_values(["right_lung=3", "left_lung=7"])
    assert masks_to_landmarks(tmp_path / "c", tmp_path / "c.csv", values) == (1, 0)
    first = (tmp_path / "a.csv").read_bytes()
    assert (tmp_path / "b.csv").read_bytes() == first
    assert (tmp_path / "c.csv").read_bytes() == first
    assert masks_to_landmarks(tmp_path / "c", tmp_path / "d.csv") == (0, 1)
    assert "label map" in rejections(tmp_path / "d.csv")["x"]


@pytest.mark.parametrize("sized", [True, False])
def test_table_rows(tmp_path, sized):
    organs = {organ: rle_encode(mask) for organ, mask in masks().items()}
    path = tmp_path / "in.csv"
    ends = f",{SIDE},{SIDE}" if sized else ""
    path.write_text(
        f"ImageID,Right Lung,Left Lung,Heart{',Height,Width' if sized else ''}\n"
        f"one,{organs['right_lung']},{organs['left_lung']},{organs['heart']}{ends}\n"
        f"bare,{organs['right_lung']},,{ends}\n"
        f"torn,{organs['right_lung']},5 x,{ends}\n"
        f"two,{organs['right_lung']},{organs['left_lung']},{ends}\n"
    )
    output = tmp_path / "out.csv"
    assert masks_to_landmarks(path, output, frame=None if sized else SIDE) == (2, 2)
    table = read_chexmask(output)
    assert table.attrs["id_column"] == "ImageID"
    assert table["image_id"].tolist() == ["one", "two"]
    reasons = rejections(output)
    assert "left_lung mask covers 0 pixels" in reasons["bare"]
    assert "column 'Left Lung'" in reasons["torn"]


def test_published_rows(real_data, tmp_path):
    lines = (real_data / "chexmask_gold" / "CheXpert.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "some.csv").write_text("".join(lines[:13]), encoding="utf-8")
    assert masks_to_landmarks(tmp_path / "some.csv", tmp_path / "out.csv") == (12, 0)
    given, found = read_chexmask(tmp_path / "some.csv"), read_chexmask(tmp_path / "out.csv")
    assert found.attrs["id_column"] == "Path"
    assert found["image_id"].tolist() == given["image_id"].tolist()
    errors = [((a - b) ** 2).mean() for a, b in zip(given["Landmarks"], found["Landmarks"], strict=True)]
    assert np.median(errors) < 60


def test_errors_are_one_line(tmp_path):
    with pytest.raises(CxrError, match="no PNG file"):
        masks_of_folder(tmp_path)
    save_png(masks()["heart"], tmp_path / "x.png")
    save_png(masks()["heart"], tmp_path / "x.left_lung.png")
    ((image_id, load),) = masks_of_folder(tmp_path)
    assert image_id == "x"
    with pytest.raises(ImageError, match="expected one kind of file"):
        load()
    for values in ({"right_lung": 1}, {"right_lung": 1, "left_lung": 1}, {"right_lung": 1, "left_lung": 2, "liver": 3}):
        with pytest.raises(CxrError, match="label values"):
            masks_of_folder(tmp_path, values)
    for text in ("right_lung", "right_lung=one", "right_lung=-1"):
        with pytest.raises(CxrError, match="label value"):
            parse_values([text])
    with pytest.raises(CxrError, match="each organ once"):
        parse_values(["heart=1", "heart=2"])
    with pytest.raises(CxrError, match="for folders of PNG"):
        masks_to_landmarks(tmp_path / "x.csv", tmp_path / "out.csv", {"right_lung": 1, "left_lung": 2})
