import os
import warnings
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

import cxrfactory
from cxrfactory.errors import CxrError
from cxrfactory.ingest.registry import LAYOUTS
from cxrfactory.tables.chexmask import KNOWN_COLUMNS, PUBLISHED_COLUMNS, read_chexmask, row_text, write_chexmask
from cxrfactory.tables.landmark_text import landmark_text
from cxrfactory.tables.rle import rle_decode

POINTS = np.random.default_rng(2).integers(0, 60, (3, 120, 2))


def published(id_column="dicom_id", rows=3):
    return pd.DataFrame(
        {
            id_column: [f"train/p{index}, view {index}.jpg" for index in range(rows)],
            "Dice RCA (Mean)": [0.1 + 0.2, 0.7672601047313230, 1.0][:rows],
            "Dice RCA (Max)": [0.8, 0.7889546449627665, 1.0][:rows],
            "Landmarks": [landmark_text(points) for points in POINTS[:rows]],
            "Left Lung": ["1 4 60 3", "2 2", "5 1"][:rows],
            "Right Lung": ["9 4", "8 2", "7 1"][:rows],
            "Heart": ["11 2", "", "12 1"][:rows],
            "Height": [48] * rows,
            "Width": [64] * rows,
        }
    )


def save(frame, path, **options):
    frame.to_csv(path, index=False, **options)
    return path


ID_COLUMNS = sorted({layout.id_column for layout in LAYOUTS.values()})


@pytest.mark.parametrize("id_column", [*ID_COLUMNS, "Aufnahme"])
def test_reads_by_name_whatever_the_id_column_and_the_order(tmp_path, id_column):
    shuffled = published(id_column)[[*reversed(PUBLISHED_COLUMNS), id_column]]
    frame = read_chexmask(save(shuffled, tmp_path / "t.csv"))
    assert list(frame.columns) == ["image_id", *PUBLISHED_COLUMNS]
    assert frame.attrs["id_column"] == id_column
    assert frame["image_id"].tolist() == published(id_column)[id_column].tolist()
    assert frame["Dice RCA (Mean)"].tolist() == [0.1 + 0.2, 0.7672601047313230, 1.0]
    assert frame["Heart"].tolist() == ["11 2", "", "12 1"]
    assert frame["Height"].dtype == frame["Width"].dtype == np.int64
    for parsed, points in zip(frame["Landmarks"], POINTS, strict=True):
        assert parsed.dtype == np.float32
        assert np.array_equal(parsed, points)


def test_is_exported():
    assert cxrfactory.read_chexmask is read_chexmask


def test_writing_gives_the_bytes_of_pandas_back(tmp_path):
    source = save(published(), tmp_path / "in.csv")
    write_chexmask(tmp_path / "out.csv", read_chexmask(source))
    assert (tmp_path / "out.csv").read_bytes() == source.read_bytes()
    write_chexmask(tmp_path / "renamed.csv", read_chexmask(source), id_column="Path")
    assert (tmp_path / "renamed.csv").read_bytes() == source.read_bytes().replace(b"dicom_id", b"Path", 1)


def test_ids_that_look_like_numbers_or_missing_stay_text(tmp_path):
    frame = published()
    frame["dicom_id"] = ["007", "NA", "1e5"]
    assert read_chexmask(save(frame, tmp_path / "t.csv"))["image_id"].tolist() == ["007", "NA", "1e5"]


def test_three_notations_in_one_file(tmp_path):
    frame = published()
    frame["Landmarks"] = [landmark_text(POINTS[0]), str(POINTS[1].tolist()), str(POINTS[2])]
    parsed = read_chexmask(save(frame, tmp_path / "t.csv"))["Landmarks"]
    assert np.array_equal(np.stack(parsed.tolist()), POINTS)


def test_annotations_have_neither_rca_nor_size(tmp_path):
    frame = published("ImageID")[["ImageID", "Landmarks", "Right Lung", "Left Lung", "Heart"]]
    frame.insert(1, "Dataset", "CheXpert")
    read = read_chexmask(save(frame, tmp_path / "t.csv"))
    assert list(read.columns) == ["image_id", "Landmarks", "Left Lung", "Right Lung", "Heart", "Dataset"]
    assert read["Dataset"].tolist() == ["CheXpert"] * 3


def test_uncertainty_columns(tmp_path):
    frame = published().rename(columns={"Landmarks": "Landmarks (Mean)"})
    frame.insert(4, "Landmarks (Std)", ",".join(["1.25"] * 240))
    read = read_chexmask(save(frame, tmp_path / "t.csv"))
    assert np.array_equal(read["Landmarks (Mean)"][2], POINTS[2])
    assert np.array_equal(read["Landmarks (Std)"][0], np.full((120, 2), 1.25, np.float32))


def test_columns_chunks_gzip_and_a_stray_index(tmp_path):
    path = tmp_path / "t.csv.gz"
    published().to_csv(path)  # with the pandas index as a first column without a name
    whole = read_chexmask(path)
    assert list(whole.columns) == ["image_id", *PUBLISHED_COLUMNS]
    pieces = list(read_chexmask(path, columns=["Heart", "Dice RCA (Max)"], chunksize=2))
    assert [len(piece) for piece in pieces] == [2, 1]
    assert all(piece.attrs["id_column"] == "dicom_id" for piece in pieces)
    joined = pd.concat(pieces)
    pd.testing.assert_frame_equal(joined, whole[["image_id", "Heart", "Dice RCA (Max)"]])


def test_a_header_alone_is_an_empty_table(tmp_path):
    read = read_chexmask(save(published(rows=0), tmp_path / "t.csv"))
    assert list(read.columns) == ["image_id", *PUBLISHED_COLUMNS]
    assert len(read) == 0


def test_exchanged_columns_are_told_and_left_alone(tmp_path):
    frame = published()
    frame.loc[1, ["Dice RCA (Mean)", "Dice RCA (Max)"]] = [0.9, 0.6]
    with pytest.warns(UserWarning, match=r"exceeds .* in 1 of 3 rows, first 'train/p1"):
        read = read_chexmask(save(frame, tmp_path / "t.csv"))
    assert read["Dice RCA (Mean)"][1] == 0.9


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("Landmarks", "1,2", r"row 2, column 'Landmarks': landmarks hold 2 numbers"),
        ("Landmarks", "", r"row 2, column 'Landmarks': landmarks are empty"),
        ("Dice RCA (Mean)", "high", r"row 2, column 'Dice RCA \(Mean\)' holds 'high'; expected a number"),
        ("Height", "", r"row 2, column 'Height' holds ''"),
        ("Width", "12.5", r"row 2, column 'Width': holds '12.5'; expected a whole number"),
        ("dicom_id", "", r"row 2: column 'dicom_id' is empty"),
    ],
)
def test_bad_cells_name_file_row_and_column(tmp_path, column, value, message):
    frame = published().astype(object)
    frame.loc[1, column] = value
    with pytest.raises(CxrError, match=r"t\.csv: " + message) as caught:
        read_chexmask(save(frame, tmp_path / "t.csv"))
    assert "\n" not in str(caught.value)


def test_bad_cell_in_a_later_chunk_counts_rows_through(tmp_path):
    frame = published().astype(object)
    frame.loc[2, "Width"] = "x"
    pieces = read_chexmask(save(frame, tmp_path / "t.csv"), chunksize=1)
    next(pieces), next(pieces)
    with pytest.raises(CxrError, match="row 3, column 'Width'"):
        next(pieces)


def test_missing_and_ambiguous_columns(tmp_path):
    with pytest.raises(CxrError, match="column 'Landmarks' is missing"):
        read_chexmask(save(published().drop(columns="Landmarks"), tmp_path / "a.csv"))
    with pytest.raises(CxrError, match=r"id columns \[\] among"):
        read_chexmask(save(published("name").drop(columns="name"), tmp_path / "n.csv"))
    save(published("name"), tmp_path / "b.csv")
    with pytest.raises(CxrError, match=r"columns \['Liver'\] are missing"):
        read_chexmask(tmp_path / "a.csv", columns=["Liver"])
    both = save(published().assign(Path="p"), tmp_path / "c.csv")
    with pytest.raises(CxrError, match="or name it"):
        read_chexmask(both)
    assert read_chexmask(both, id_column="Path")["image_id"].tolist() == ["p"] * 3
    assert len(read_chexmask(tmp_path / "b.csv", id_column="name")) == 3


def test_the_id_column_is_told_from_columns_of_ones_own(tmp_path):
    own = published("ImageID").assign(patient_id="p", split="train")
    assert read_chexmask(save(own, tmp_path / "a.csv")).attrs["id_column"] == "ImageID"
    before = own[["split", "patient_id", "ImageID", *PUBLISHED_COLUMNS]]
    assert read_chexmask(save(before, tmp_path / "b.csv")).attrs["id_column"] == "ImageID"
    first = published("Aufnahme").assign(split="train")
    assert read_chexmask(save(first, tmp_path / "c.csv")).attrs["id_column"] == "Aufnahme"
    last = first[[*PUBLISHED_COLUMNS, "split", "Aufnahme"]]
    with pytest.raises(CxrError, match=r"id columns \['split', 'Aufnahme'\] among .* or name it"):
        read_chexmask(save(last, tmp_path / "d.csv"))
    assert read_chexmask(tmp_path / "d.csv", id_column="Aufnahme")["split"].tolist() == ["train"] * 3


def test_no_layouts_id_column_is_a_column_of_the_format():
    assert not {layout.id_column for layout in LAYOUTS.values()} & set(KNOWN_COLUMNS)


@pytest.mark.parametrize(
    "content", [b"", b"\x89PNG\r\n\x1a\n\xff\xfe", b'dicom_id,Landmarks\n"a,1', b"dicom_id,Landmarks\na,1,2,3\n"]
)
def test_unreadable_files(tmp_path, content):
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(CxrError, match=r"t\.csv: ") as caught:
        read_chexmask(path)
    assert "\n" not in str(caught.value)


def test_a_row_cut_short_is_told(tmp_path):
    path = save(published(), tmp_path / "t.csv")
    path.write_text(path.read_text().rstrip("\n").rsplit(",", 3)[0] + "\n")
    with pytest.raises(CxrError, match="row 3, column 'Height' holds ''; expected a number"):
        read_chexmask(path)


def test_missing_or_broken_files(tmp_path):
    with pytest.raises(CxrError, match="no such file"):
        read_chexmask(tmp_path / "none.csv")
    (tmp_path / "t.parquet").write_bytes(b"no parquet")
    with pytest.raises(CxrError, match="not a readable Parquet file"):
        read_chexmask(tmp_path / "t.parquet")
    (tmp_path / "t.csv.gz").write_bytes(b"no gzip")
    with pytest.raises(CxrError, match="not readable as CSV"):
        read_chexmask(tmp_path / "t.csv.gz")


def test_row_without_scores_and_heart():
    line = row_text('a"b', None, float("nan"), np.zeros((94, 2), int), "1 2", "3 4", "", 5, 6)
    assert line == '"a""b",,,"' + ",".join(["0"] * 188) + '",1 2,3 4,,5,6\n'


def test_a_frame_that_cannot_be_written(tmp_path):
    frame = read_chexmask(save(published(), tmp_path / "t.csv"))
    with pytest.raises(CxrError, match=r"columns \['Heart'\] are missing"):
        write_chexmask(tmp_path / "o.csv", frame.drop(columns="Heart"))
    frame["Landmarks"][1][0, 0] += 0.5
    with pytest.raises(CxrError, match=r"view 1\.jpg': landmark 0"):
        write_chexmask(tmp_path / "o.csv", frame)
    frame.attrs.clear()
    with pytest.raises(CxrError, match="does not say its id column"):
        write_chexmask(tmp_path / "o.csv", frame)
    assert not (tmp_path / "o.csv").exists()


RELEASES = {"CANDID-PTX": ("ImageID", 50), "CheXpert": ("Path", 56), "MIMIC-CXR-JPG": ("dicom_id", 49)}


@pytest.fixture
def gold():
    root = os.environ.get("CXRFACTORY_REAL_DATA")
    if root is None:
        pytest.skip("CXRFACTORY_REAL_DATA is not set: no published CheXmask rows here")
    return Path(root) / "chexmask_gold"


@pytest.mark.parametrize("release", RELEASES)
def test_published_files_are_read_and_rewritten_byte_by_byte(gold, tmp_path, release):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        frame = read_chexmask(gold / f"{release}.csv")
    assert (frame.attrs["id_column"], len(frame)) == RELEASES[release]
    write_chexmask(tmp_path / "out.csv", frame)
    assert (tmp_path / "out.csv").read_bytes() == (gold / f"{release}.csv").read_bytes()


@pytest.mark.parametrize("release", RELEASES)
def test_published_masks_are_the_filled_landmarks(gold, release):
    """The relation that the packer keeps: fill the published (whole) landmarks, get the published RLE."""
    for row in read_chexmask(gold / f"{release}.csv").to_dict("records"):
        organs = {"Right Lung": slice(0, 44), "Left Lung": slice(44, 94), "Heart": slice(94, 120)}
        for organ, nodes in organs.items():
            mask = np.zeros((row["Height"], row["Width"]), np.uint8)
            cv2.drawContours(mask, [row["Landmarks"][nodes].astype(np.int32)[:, None]], -1, 1, -1)
            assert np.array_equal(rle_decode(row[organ], row["Height"], row["Width"]), mask)


@pytest.mark.parametrize("reader", ["julia", "martina"])
@pytest.mark.parametrize("release", RELEASES)
def test_physicians_annotations(gold, release, reader):
    frame = read_chexmask(gold / f"{release}_{reader}_annotations.csv")
    assert len(frame) == RELEASES[release][1]
    assert set(frame["Dataset"]) == {release}
    assert all(points.shape == (120, 2) for points in frame["Landmarks"])
    first = rle_decode(frame["Heart"][0], 1024, 1024)
    assert 20_000 < first.sum() < 300_000


@pytest.fixture
def five_rows_a_piece(monkeypatch):
    monkeypatch.setattr("cxrfactory.tables.chexmask._ROWS_AT_A_TIME", 5)


def _dice_table(path, rows):
    head = "Image Index,Dice RCA (Mean),Dice RCA (Max),Height,Width"
    path.write_text("\n".join([head, *rows]) + "\n")
    return path


@pytest.mark.usefixtures("five_rows_a_piece")
def test_a_table_is_read_piece_by_piece_to_the_same_frame(tmp_path):
    rows = [f"{number}.png,0.{number},0.99,10,{number + 1}" for number in range(13)]
    frame = read_chexmask(_dice_table(tmp_path / "t.csv", rows), columns=["Dice RCA (Mean)", "Width"])
    assert list(frame["image_id"]) == [f"{number}.png" for number in range(13)]
    assert list(frame["Width"]) == list(range(1, 14))
    assert list(frame.index) == list(range(13))


@pytest.mark.usefixtures("five_rows_a_piece")
@pytest.mark.parametrize("place", [0, 1, 4, 5, 12])
@pytest.mark.parametrize("chunksize", [None, 3])
def test_a_cell_too_many_is_noticed_wherever_it_stands(tmp_path, place, chunksize):
    rows = [f"{number}.png,0.9,0.99,10,20" for number in range(13)]
    rows[place] = rows[place].replace("10", "10,10")
    path = _dice_table(tmp_path / "t.csv", rows)
    with pytest.raises(CxrError, match=r"t\.csv.*(row 1 has more than 5 cells|Expected 5 fields in line \d+, saw 6)"):
        list(read_chexmask(path, columns=["Width"], chunksize=chunksize))
