"""The table of cases returns what was written, also to other readers, and refuses what it cannot hold."""

import io

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from cxrfactory.errors import CxrError
from cxrfactory.hearts.case_table import ROWS_PER_GROUP, HeartCase, read_cases, write_cases
from cxrfactory.hearts.views import HeartViews, ImagePlane


def plane(pixels: np.ndarray, z: float = 0.0) -> ImagePlane:
    return ImagePlane(
        np.asarray(pixels, np.float32),
        np.array([1.5, -2.25, z]),
        np.array([0.8, 0.6, 0.0]),
        np.array([0.0, 0.0, -1.0]),
        (1.40625, 1.5),
        8.0,
    )


def case(name: str, frame: str = "ED", vertices: bool = True, split: str | None = "train") -> HeartCase:
    rng = np.random.default_rng(3)
    whole = rng.integers(0, 4096, (7, 5))
    views = HeartViews(name, "p" + name, frame, (plane(whole), plane(whole[::-1], -9.5)), {"4ch": plane(whole / 7 - 2)})
    nodes = rng.normal(size=(11, 3)).astype(np.float32) if vertices else None
    return HeartCase(views, nodes, split, 131.5, None, {"noise": 0.25, "age": 3.0})


def test_a_case_is_read_as_it_was_written(tmp_path):
    given = case("a")
    assert write_cases(tmp_path / "c.parquet", [given]) == 1
    (found,) = read_cases(tmp_path / "c.parquet")
    assert (found.views.case_id, found.views.patient_id, found.views.frame) == ("a", "pa", "ED")
    assert (found.split, found.edv_ml, found.esv_ml) == ("train", 131.5, None)
    assert found.facts == given.facts
    assert found.vertices_mm.dtype == np.float32
    np.testing.assert_array_equal(found.vertices_mm, given.vertices_mm)
    for mine, theirs in zip(found.views.short_axis, given.views.short_axis, strict=True):
        np.testing.assert_array_equal(mine.pixels, theirs.pixels)
        for name in ("origin_mm", "across", "down", "spacing_mm", "thickness_mm"):
            np.testing.assert_array_equal(getattr(mine, name), getattr(theirs, name))
    steps = (found.views.long_axis["4ch"].pixels - given.views.long_axis["4ch"].pixels) * 65535 * 7 / 4096
    assert np.abs(steps).max() < 0.51  # half a step of 65535


def test_a_case_without_mesh_or_split_has_none(tmp_path):
    write_cases(tmp_path / "c.parquet", [case("a", vertices=False, split=None)])
    (found,) = read_cases(tmp_path / "c.parquet")
    assert found.vertices_mm is None
    assert found.split is None


def test_splits_select_cases(tmp_path):
    write_cases(tmp_path / "c.parquet", [case("a"), case("b", split="test"), case("c", split=None)])
    assert [each.views.case_id for each in read_cases(tmp_path / "c.parquet", ["test"])] == ["b"]


def test_rows_are_written_in_small_groups_and_read_over_files(tmp_path):
    names = [f"{number:02d}" for number in range(ROWS_PER_GROUP + 1)]
    assert write_cases(tmp_path / "1.parquet", (case(name) for name in names)) == len(names)
    write_cases(tmp_path / "2.parquet", [case("z")])
    assert pq.ParquetFile(tmp_path / "1.parquet").num_row_groups == 2
    found = read_cases([tmp_path / "1.parquet", tmp_path / "2.parquet"])
    assert [each.views.case_id for each in found] == [*names, "z"]


def test_another_library_reads_pixels_and_nodes(tmp_path):
    given = case("a")
    write_cases(tmp_path / "c.parquet", [given])
    row = pq.read_table(tmp_path / "c.parquet").to_pylist()[0]
    picture = np.asarray(Image.open(io.BytesIO(row["planes"][0]["png"])))
    np.testing.assert_array_equal(picture, given.views.short_axis[0].pixels)
    assert row["vertices"] == given.vertices_mm.reshape(-1).tolist()


def test_equal_cases_give_equal_bytes(tmp_path):
    for name in ("1", "2"):
        write_cases(tmp_path / name, [case("a"), case("a", "ES")])
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


def test_a_frame_that_occurs_twice_is_refused_and_leaves_no_file(tmp_path):
    with pytest.raises(CxrError, match="case 'a', frame 'ED' occurs twice"):
        write_cases(tmp_path / "c.parquet", [case("a"), case("a")])
    assert not list(tmp_path.iterdir())


def test_values_that_are_not_finite_are_refused(tmp_path):
    broken = HeartCase(HeartViews("a", "p", "ED", (plane(np.full((3, 3), np.nan)),), {}))
    with pytest.raises(CxrError, match="not finite"):
        write_cases(tmp_path / "c.parquet", [broken])


def test_a_damaged_picture_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("cxrfactory.hearts.case_table.encode_png", lambda pixels: b"no picture")
    write_cases(tmp_path / "c.parquet", [case("a")])
    with pytest.raises(CxrError, match="case 'a', frame 'ED', plane sax 0: the picture is no readable grey PNG"):
        list(read_cases(tmp_path / "c.parquet"))
