"""Reading of folders: order, repeats, faults, camera, scale, groups, and tables that do not depend on chance."""

import logging
import os
import shutil
from datetime import datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cxrfactory.config.roots import RootsReadConfig
from cxrfactory.errors import CxrError
from cxrfactory.roots.reading.run import ReadingOutputs, write_reading
from cxrfactory.tables.own_outputs import OutputMarks
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.roots import ROOT_FRAMES, ROOT_PLANTS, ROOT_REJECTED
from tests.roots.reading.plates import SIDE, plate, save, series, with_code

SETTINGS = RootsReadConfig(mm_per_pixel=0.1)


def _read(
    tmp_path: Path, root: Path, settings: RootsReadConfig = SETTINGS, **given: Path
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    outputs = ReadingOutputs(*(tmp_path / f"{name}.parquet" for name in ("frames", "plants", "rejected")))
    write_reading([root], outputs, settings, 30.0, **given)
    return (
        read_table(outputs.frames, ROOT_FRAMES),
        read_table(outputs.plants, ROOT_PLANTS),
        read_table(outputs.rejected, ROOT_REJECTED),
    )


def _names(frame: pd.DataFrame) -> list[str]:
    return [Path(path).name for path in frame["path"]]


def test_a_plate_is_read_in_the_order_of_time(tmp_path):
    for number in (10, 2, 1, 3, 20):
        save(tmp_path / "in" / "a" / f"x{number}_2020-01-0{1 + number // 10}_0{number % 10}00.png", plate(number))
    frames, plants, rejected = _read(tmp_path, tmp_path / "in")
    assert frames["plate"].unique().tolist() == ["a"]
    assert [name.split("_")[0] for name in _names(frames)] == ["x1", "x2", "x3", "x10", "x20"]
    assert frames["hours"].tolist() == [0, 1, 2, 23, 47]
    assert frames["frame"].tolist() == [0, 1, 2, 3, 4]
    assert set(frames["time_source"]) == {"name"}
    assert [list(notes) for notes in frames["notes"]] == [[], [], [], ["gap_before"], ["gap_before"]]
    assert frames["mm_per_pixel"].tolist() == [0.1] * 5
    assert frames[["height", "width", "scale_source"]].drop_duplicates().values.tolist() == [[SIDE, SIDE, "given"]]
    assert plants.empty
    assert rejected.empty


def test_a_table_of_groups_gives_each_plate_its_scale(tmp_path):
    for name in "ab":
        series(tmp_path / "in" / name, 2)
    groups = tmp_path / "groups.csv"
    groups.write_text("plate,group,px/cm\na,wild,62.5\nb,wild,\n")
    frames, _, _ = _read(tmp_path, tmp_path / "in", groups=[groups])
    assert frames.groupby("plate")["mm_per_pixel"].first().to_dict() == pytest.approx({"a": 0.16, "b": 0.1})


def test_unpadded_numbers_take_the_interval_and_a_rejected_picture_keeps_its_time(tmp_path):
    for number in (9, 10, 8, 11, 7):
        save(tmp_path / "in" / f"img_{number}.png", plate(number))
    save(tmp_path / "in" / "img_9.png", np.full((SIDE, SIDE), 3, np.uint8))
    frames, _, rejected = _read(tmp_path, tmp_path / "in")
    assert _names(frames) == ["img_7.png", "img_8.png", "img_10.png", "img_11.png"]
    assert frames["hours"].tolist() == [0, 0.5, 1.5, 2.0]
    assert [list(notes) for notes in frames["notes"]] == [[], [], ["gap_before"], []]
    assert frames["plate"].unique().tolist() == ["in"]
    assert rejected["reason"].tolist() == ["picture of one grey: every pixel is 3"]


def test_exif_gives_times_where_names_do_not(tmp_path):
    for name, hour in (("c", 8), ("a", 10), ("b", 9)):
        picture = Image.fromarray(plate(hour))
        exif = picture.getexif()
        exif.get_ifd(0x8769)[36867] = f"2020:01:01 {hour:02d}:00:00"
        (tmp_path / "in").mkdir(exist_ok=True)
        picture.save(tmp_path / "in" / f"{name}.jpg", exif=exif, quality=95)
    frames, _, _ = _read(tmp_path, tmp_path / "in")
    assert _names(frames) == ["c.jpg", "b.jpg", "a.jpg"]
    assert frames["time_source"].tolist() == ["exif"] * 3


def test_faults_are_named_and_every_picture_is_kept_or_rejected(tmp_path, caplog):
    root = tmp_path / "in"
    series(root / "a", 12)
    noise = np.random.default_rng(0)
    faults = {
        "p_2020-01-01_01-00-00.png": (noise.integers(0, 8, (SIDE, SIDE)), "black picture"),
        "p_2020-01-01_02-00-00.png": (noise.integers(246, 256, (SIDE, SIDE)), "saturated picture"),
        "p_2020-01-01_03-00-00.png": (noise.integers(98, 103, (SIDE, SIDE)), "blank picture"),
        "p_2020-01-01_04-00-00.png": (plate(4)[:200], f"{SIDE} x 200 px; the plate's first pictures have"),
        "p_2020-01-01_05-00-00.png": (plate(5, (60, 0)), "camera moved: 59.9 px"),
        "p_2020-01-01_06-00-00.png": (plate(6, degrees=1.0), "camera moved: turned"),
        "p_2020-01-01_07-00-00.png": (plate(7, degrees=25.0), "camera moved: it lies over"),
    }
    for name, (picture, _) in faults.items():
        save(root / "a" / name, picture.astype(np.uint8))
    shutil.copy(root / "a" / "p_2020-01-01_08-00-00.png", root / "a" / "p_2020-01-01_08-30-00.png")
    save(root / "a" / "q_2020-01-01_09-00-00.png", plate(9.5))
    (root / "a" / "p_2020-01-01_10-00-00.png").write_bytes(
        (root / "a" / "p_2020-01-01_10-00-00.png").read_bytes()[:900]
    )
    (root / "a" / "p_2020-01-01_10-30-00.bmp").write_bytes(b"BM")
    with caplog.at_level(logging.INFO, "cxrfactory"):
        frames, _, rejected = _read(tmp_path, root)
    assert [name[13:15] for name in _names(frames)] == ["00", "08", "09", "11"]
    reasons = dict(zip(_names(rejected), rejected["reason"], strict=True))
    for name, (_, reason) in faults.items():
        assert reasons[name].startswith(reason), name
    assert reasons["p_2020-01-01_08-30-00.png"] == "repeat: the same bytes as p_2020-01-01_08-00-00.png"
    assert reasons["q_2020-01-01_09-00-00.png"] == "repeat: the same time as p_2020-01-01_09-00-00.png"
    assert reasons["p_2020-01-01_10-00-00.png"].startswith("truncated or damaged PNG")
    assert reasons["p_2020-01-01_10-30-00.bmp"] == ".bmp file; expected JPEG, PNG or TIFF; convert it"
    assert len(frames) + len(rejected) == len(list((root / "a").iterdir()))
    assert set(rejected["stage"]) == {"read-plates"}
    assert "4 of 15 pictures kept" in caplog.text
    assert "the camera moved in 3 of 15 pictures" in caplog.text


def test_shifted_pictures_are_registered_back(tmp_path):
    root = tmp_path / "in" / "a"
    truth = [(0, 0), (3.4, -2.2), (0, 0), (-7.0, 5.5)]
    for hour, shift in enumerate(truth):
        save(root / f"p_2020-01-01_{hour:02d}-00-00.png", plate(hour, shift))
    frames, _, _ = _read(tmp_path, tmp_path / "in")
    assert np.abs(frames[["shift_x", "shift_y"]].to_numpy() + np.array(truth)).max() < 0.2
    assert [list(notes) for notes in frames["notes"]] == [[], ["moved"], [], ["moved"]]


def test_a_first_picture_that_stands_alone_is_rejected(tmp_path):
    series(tmp_path / "in" / "a", 5)
    save(tmp_path / "in" / "a" / "p_2020-01-01_00-00-00.png", plate(0, degrees=5))
    frames, _, rejected = _read(tmp_path, tmp_path / "in")
    assert frames["hours"].tolist() == [0, 1, 2, 3]
    assert "the next ones do not lie over it" in rejected["reason"][0]


def test_files_that_are_no_pictures_and_outputs_are_left_aside_and_told(tmp_path, caplog):
    root = tmp_path / "in"
    series(root / "a", 3)
    save(root / "a" / "overlay.png", plate(1))
    marks = OutputMarks(root / "a", "overlay")
    marks.add("overlay.png")
    marks.close()
    save(root / "a" / ".hidden.png", plate(2))
    save(root / "a" / "thumb_p.png", plate(2))
    save(root / "a" / "thumbnails" / "p.png", plate(2))
    (root / "a" / "film.mp4").write_bytes(b"\0\0\0\x18ftyp")
    (root / "a" / "notes.txt").write_text("seeds of May")
    (root / "empty").mkdir()
    with caplog.at_level(logging.INFO, "cxrfactory"):
        frames, _, rejected = _read(tmp_path, root)
    assert len(frames) == 3
    assert rejected.empty
    for words in ("2 outputs", "hidden file", "2 thumbnails", "1 file that is no picture", "1 table or text"):
        assert words in caplog.text


def test_the_same_folder_gives_the_same_bytes_in_any_order_on_disk(tmp_path):
    paths = series(tmp_path / "one" / "a", 4)
    for path in reversed(paths):
        (tmp_path / "two" / "a").mkdir(parents=True, exist_ok=True)
        shutil.copy(path, tmp_path / "two" / "a" / path.name)
    os.chdir(tmp_path)  # the column path is as given
    tables = []
    for folder in ("one", "two"):
        os.rename(tmp_path / folder, tmp_path / "in")
        _read(tmp_path / folder, Path("in"))
        os.rename(tmp_path / "in", tmp_path / f"{folder}-done")
        tables.append({path.name: path.read_bytes() for path in (tmp_path / folder).iterdir()})
    assert tables[0] == tables[1]


def test_the_scale_comes_from_a_code_or_is_unknown(tmp_path, caplog):
    picture, side = with_code(80.0)
    for hour in range(3):
        dotted = picture.copy()
        cv2.circle(dotted, (60 + hour, 300), 5 + hour, 200, -1)
        save(tmp_path / "in" / "code" / f"p_2020-01-01_0{hour}00.png", dotted)
    series(tmp_path / "in" / "plain", 3)
    with caplog.at_level(logging.INFO, "cxrfactory"):
        frames, _, _ = _read(tmp_path, tmp_path / "in", RootsReadConfig(qr_mm=10))
    code, plain = frames[frames["plate"] == "code"], frames[frames["plate"] == "plain"]
    assert set(code["scale_source"]) == {"qr"}
    assert code["mm_per_pixel"].iloc[0] == pytest.approx(10 / side, rel=0.003)
    assert set(plain["scale_source"]) == {"none"}
    assert plain["mm_per_pixel"].isna().all()
    assert all("no_scale" in notes for notes in plain["notes"])
    assert "no QR code can be read" in caplog.text


def test_times_of_exif_in_several_zones_are_compared_in_utc(tmp_path, caplog):
    for number, (said, zone) in enumerate([("01:30", "+01:00"), ("03:30", "+02:00"), ("04:30", "+02:00")]):
        picture = Image.fromarray(plate(number))
        inside = (exif := picture.getexif()).get_ifd(0x8769)
        inside[36867], inside[36881] = f"2024:03:31 {said}:00", zone
        (tmp_path / "in").mkdir(exist_ok=True)
        picture.save(tmp_path / "in" / f"x{number}.jpg", exif=exif, quality=95)
    with caplog.at_level(logging.INFO, "cxrfactory"):
        frames, _, _ = _read(tmp_path, tmp_path / "in")
    assert frames["hours"].tolist() == [0, 1, 2]
    assert "times of EXIF from 2 zones are compared in UTC" in caplog.text


@pytest.mark.parametrize(("step", "source"), [(3600, "exif"), (2, "interval")])
def test_times_at_which_tiffs_were_written_count_with_a_warning_if_they_were_not_converted(
    tmp_path, caplog, step, source
):
    (tmp_path / "in").mkdir()
    for number in range(3):
        said = datetime(2024, 5, 3) + timedelta(seconds=number * step)
        written = {306: f"{said:%Y:%m:%d %H:%M:%S}"}
        Image.fromarray(plate(number)).save(tmp_path / "in" / f"x{number}.tif", tiffinfo=written)
    frames, _, _ = _read(tmp_path, tmp_path / "in")
    assert set(frames["time_source"]) == {source}
    assert frames["hours"].tolist() == ([0, 1, 2] if source == "exif" else [0, 0.5, 1])
    assert ("at which the TIFF files were written" in caplog.text) == (source == "exif")


@pytest.mark.parametrize(("share", "warned"), [(1.01, False), (0.5, True), (1.05, True)])
def test_a_code_that_contradicts_the_given_scale_is_warned_of(tmp_path, caplog, share, warned):
    picture, side = with_code(80.0)
    for hour in (8, 9):
        dotted = cv2.circle(picture.copy(), (60, 300), hour, 200, -1)
        save(tmp_path / "in" / "p" / f"2020-01-01_{hour:02d}-00-00.png", dotted)
    frames, _, _ = _read(tmp_path, tmp_path / "in", RootsReadConfig(mm_per_pixel=share * 10 / side))
    assert set(frames["scale_source"]) == {"given"}
    assert ("but the QR codes of 2 of 2 pictures give 0.125" in caplog.text) == warned


def test_given_plants_and_groups_are_written(tmp_path):
    series(tmp_path / "in" / "a", 3)
    series(tmp_path / "in" / "b", 3)
    plants, groups = tmp_path / "plants.csv", tmp_path / "groups.csv"
    plants.write_text("plate,plant,seed_x,seed_y\na,left,60,50\na,right,180,52\nb,1,100,50\n")
    groups.write_text("plate,group,plant\na,wild,\nb,mutant,\na,mutant,right\n")
    _, found, _ = _read(tmp_path, tmp_path / "in", plants_table=plants, groups=[groups])
    assert found[["plate", "plant", "group", "source"]].values.tolist() == [
        ["a", "left", "wild", "given"],
        ["a", "right", "mutant", "given"],
        ["b", "1", "mutant", "given"],
    ]
    assert found[["left", "top", "right", "bottom"]].values.tolist() == [
        [0, 0, 120, SIDE],
        [120, 0, SIDE, SIDE],
        [0, 0, SIDE, SIDE],
    ]


def test_plates_of_several_levels_and_names_that_occur_twice(tmp_path):
    series(tmp_path / "in" / "x" / "a", 2)
    series(tmp_path / "in" / "y" / "a", 2)
    frames, _, _ = _read(tmp_path, tmp_path / "in")
    assert frames["plate"].unique().tolist() == ["x__a", "y__a"]
    series(tmp_path / "in" / "x__a", 2)
    with pytest.raises(CxrError, match="two plates are named 'x__a'"):
        _read(tmp_path, tmp_path / "in")
    outputs = ReadingOutputs(*(tmp_path / f"{name}.parquet" for name in ("frames", "plants", "rejected")))
    with pytest.raises(CxrError, match="two plates are named 'a'"):
        write_reading([tmp_path / "in" / "x", tmp_path / "in" / "y"], outputs, SETTINGS, 30.0)


def test_a_folder_without_pictures_and_plates_without_usable_ones_are_errors(tmp_path):
    (tmp_path / "in").mkdir()
    with pytest.raises(CxrError, match="no pictures"):
        _read(tmp_path, tmp_path / "in")
    (tmp_path / "in" / "a.png").write_bytes(b"nothing")
    with pytest.raises(CxrError, match=r"no picture of 1 plates can be used; .* first reason: neither JPEG"):
        _read(tmp_path, tmp_path / "in")
    series(tmp_path / "in" / "b", 3)
    frames, _, rejected = _read(tmp_path, tmp_path / "in")
    assert set(frames["plate"]) == {"b"}
    assert rejected.values.tolist()[0] == ["in", "", "read-plates", "no picture of the plate can be used"]


def test_single_pictures_are_plates_of_one_frame(tmp_path):
    root = tmp_path / "in"
    paths = [save(root / name, plate(number)) for number, name in enumerate(("b.png", "a.png", "x/a.jpg", "c.png"))]
    paths[3].write_bytes(b"")
    (root / "x" / "raw.NEF").write_bytes(b"camera raw")
    settings = SETTINGS.model_copy(update={"series": False})
    outputs = ReadingOutputs(*(tmp_path / f"{name}.parquet" for name in ("frames", "plants", "rejected")))
    write_reading([root], outputs, settings, 30.0)
    frames, rejected = read_table(outputs.frames, ROOT_FRAMES), read_table(outputs.rejected, ROOT_REJECTED)
    assert frames["plate"].tolist() == ["a.jpg", "a.png", "b"]
    assert frames["frame"].tolist() == [0, 0, 0]
    assert frames["hours"].tolist() == [0, 0, 0]
    assert rejected["plate"].tolist() == ["x", "c", "c"]
    assert Path(rejected["path"][0]).name == "raw.NEF"
    assert rejected["reason"][2] == "empty file"
    assert read_table(outputs.plants, ROOT_PLANTS).empty
    save(root / "y" / "a.png", plate(0))
    with pytest.raises(CxrError, match="two pictures are named"):
        write_reading([root], outputs, settings, 30.0)


def test_a_dark_noisy_picture_of_a_plate_with_little_contrast_is_black(tmp_path):
    for hour in range(5):
        picture = 60 + (plate(hour).astype(float) - 70) / 10  # levels from about 55 to 75
        save(tmp_path / "in" / f"p_2020-01-01_0{hour}-00-00.png", picture.round().astype(np.uint8))
    noise = np.random.default_rng(0).integers(0, 12, (SIDE, SIDE), dtype=np.uint8)
    save(tmp_path / "in" / "p_2020-01-01_02-00-00.png", noise)
    frames, _, rejected = _read(tmp_path, tmp_path / "in")
    assert frames["hours"].tolist() == [0, 1, 3, 4]
    assert rejected["reason"][0].startswith("black picture")


def test_real_plates_that_were_moved_are_not_mixed(tmp_path):
    folder = Path(os.environ.get("CXRFACTORY_REAL_DATA", "")) / "roots" / "arabidopsis_plates"
    if "CXRFACTORY_REAL_DATA" not in os.environ or not folder.is_dir():
        pytest.skip("CXRFACTORY_REAL_DATA names no folder with roots")
    frames, _, rejected = _read(tmp_path, folder)
    # Two plates on two days, taken off the mount between: EXIF orders them, and the camera's place refuses to mix them.
    assert _names(frames)[0] == "J10_Photo_001.jpg"
    assert set(frames["time_source"]) == {"exif"}
    assert len(frames) + len(rejected) == 4
    assert rejected["reason"].str.startswith("camera moved").all()


def test_a_folder_of_links_alone_says_what_was_left_aside(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    picture = tmp_path / "elsewhere" / "a.png"
    picture.write_bytes(b"")
    (tmp_path / "plates").mkdir()
    (tmp_path / "plates" / "a.png").symlink_to(picture)
    outputs = ReadingOutputs(*(tmp_path / name for name in ("f", "p", "r")))
    with pytest.raises(CxrError, match=r"no pictures .*; left aside: .*link"):
        write_reading([tmp_path / "plates"], outputs, SETTINGS, 30.0)
