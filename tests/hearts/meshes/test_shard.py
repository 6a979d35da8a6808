"""Rows, masks, slices and files of the meshes of a shard."""

import hashlib

import numpy as np
import pytest

from cxrfactory.config.hearts import HeartsMeshesConfig
from cxrfactory.errors import CxrError
from cxrfactory.hearts.case_table import write_cases
from cxrfactory.hearts.meshes.measured import Anatomy, cut, pumping
from cxrfactory.hearts.meshes.shard import write_meshes
from cxrfactory.imaging.drawing.png import decode_png
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.rle import rle_decode
from tests.hearts.conftest import write_predictions
from tests.hearts.toy import PARTS, toy_case


def _outputs(folder):
    return {**{name: folder / f"{name}.parquet" for name in ("hearts", "masks", "slices")}, "files": folder / "files"}


def _write(mesh, folder, **settings):
    outputs = _outputs(folder)
    write_meshes(mesh, folder / "cases.parquet", folder / "meshes.parquet", outputs, HeartsMeshesConfig(**settings))
    return outputs


def _volumes_ml(mesh, places):
    a, b, c, d = np.moveaxis(np.asarray(places, float)[mesh.tetrahedra], 1, 0)
    filled = np.einsum("ij,ij->i", b - a, np.cross(c - a, d - a)) / 6000
    return {name: filled[mesh.tetrahedron_parts == part].sum() for part, name in enumerate(PARTS)}


def test_a_row_holds_the_volumes_of_the_tetrahedra(mesh, shard):
    folder, cases = shard
    rows = read_table(_write(mesh, folder)["hearts"])
    assert (rows["case_id"] + rows["frame"]).tolist() == ["aED", "aES", "bED", "bES"]
    for row, case in zip(rows.itertuples(), cases, strict=True):
        for name, volume in _volumes_ml(mesh, case.vertices_mm).items():
            assert getattr(row, f"{name}_ml") == pytest.approx(volume, rel=1e-6)
        assert row.lv_mass_g == pytest.approx(1.05 * row.lv_myocardium_ml)
        np.testing.assert_array_equal(row.vertices, case.vertices_mm.ravel())
        assert row.flipped_tetrahedra == 0
        assert row.views.tolist() == ["sax", "4ch"]
    # The cavity is drawn together by a fifth in all directions at end-systole.
    np.testing.assert_allclose(rows["lv_ef_percent"], 100 * (1 - 0.8**3), rtol=1e-5)
    np.testing.assert_allclose(rows["rv_ef_percent"], 100 * (1 - rows["rv_esv_ml"] / rows["rv_edv_ml"]), rtol=1e-12)


def test_masks_are_cuts_of_the_mesh(mesh, shard):
    folder, cases = shard
    outputs = _write(mesh, folder)
    masks, planes = read_table(outputs["masks"]), read_table(outputs["slices"])
    anatomy = Anatomy(mesh)
    case = cases[1]
    drawn = masks[(masks["case_id"] == "a") & (masks["frame"] == "ES")].set_index(["view", "slice", "part"])
    planes_of_case = [("sax", number, plane) for number, plane in enumerate(case.views.short_axis)]
    for view, number, plane in [*planes_of_case, ("4ch", 0, case.views.long_axis["4ch"])]:
        for part, faces in anatomy.surfaces.items():
            expected = cut(case.vertices_mm, faces, plane)
            if not expected.any():
                assert (view, number, part) not in drawn.index
                continue
            row = drawn.loc[view, number, part]
            np.testing.assert_array_equal(rle_decode(row.rle, row.height, row.width), expected)
            assert row.area_mm2 == pytest.approx(expected.sum() * 9.0)
    of_case = planes[(planes["case_id"] == "a") & (planes["frame"] == "ES")]
    assert of_case["view"].tolist() == ["sax"] * 7 + ["4ch"]
    picture = decode_png(of_case["png"].iloc[0])
    assert picture.shape == (64, 64)
    assert (picture.min(), picture.max()) == (0, 255)
    np.testing.assert_allclose(of_case["origin_mm"].iloc[3], case.views.short_axis[3].origin_mm)


def test_every_mesh_has_its_files(mesh, shard):
    folder, _ = shard
    files = _write(mesh, folder, stl=True)["files"]
    stems = [f"{case}-{frame}" for case in "ab" for frame in ("ED", "ES")]
    for kind in ("vtp", "vtu", "obj"):
        assert sorted(path.name for path in (files / kind).iterdir()) == [f"{stem}.{kind}" for stem in stems]
    assert len(list((files / "stl").iterdir())) == 4 * len(PARTS)
    assert not (_write(mesh, folder)["files"] / "stl").exists()


def test_a_second_run_gives_the_same_bytes(mesh, shard):
    folder, _ = shard

    def digests():
        _write(mesh, folder)
        made = [*folder.glob("*.parquet"), *(path for path in (folder / "files").rglob("*") if path.is_file())]
        return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in made}

    assert digests() == digests()


def test_surface_nodes_are_enough(mesh, shard):
    folder, cases = shard
    nodes = Anatomy(mesh).filling.surface_nodes
    write_predictions(folder / "meshes.parquet", cases, nodes=nodes)
    rows = read_table(_write(mesh, folder)["hearts"])
    given = np.stack(rows["vertices"]).reshape(4, -1, 3)
    for places, case in zip(given, cases, strict=True):
        np.testing.assert_array_equal(places[nodes], case.vertices_mm[nodes])
    np.testing.assert_allclose(given[0], cases[0].vertices_mm, atol=1e-3)  # the template itself
    assert {len(std) for std in rows["std_mm"]} == {len(mesh.vertices_mm)}


def test_flags(mesh, shard):
    folder, cases = shard
    rows = read_table(_write(mesh, folder, largest_std_mm=0.4, least_slices=8)["hearts"])
    assert all(set(flags) == {"uncertain", "few_slices"} for flags in rows["flags"])
    turned = cases[0].vertices_mm * np.float32(-1)
    write_predictions(folder / "meshes.parquet", [type(cases[0])(cases[0].views, turned)])
    (flags,) = read_table(_write(mesh, folder)["hearts"])["flags"]
    assert flags.tolist() == ["flipped"]


def test_a_case_without_a_frame_has_no_ejection_fraction():
    row = pumping({"ED": {"lv": 100.0, "rv": 120.0}})
    assert row["lv_edv_ml"] == 100.0
    assert row["lv_esv_ml"] is None
    assert row["lv_ef_percent"] is None
    assert pumping({"ED": {"lv": 100.0, "rv": 0.0}, "ES": {"lv": 40.0, "rv": 0.0}})["lv_ef_percent"] == 60.0


def test_refusals_are_one_line(mesh, shard):
    folder, cases = shard
    write_predictions(folder / "meshes.parquet", cases, nodes=[0, 1, 2])
    with pytest.raises(CxrError, match=r"meshes\.parquet: case 'a', frame 'ED': \(3, 3\) positions; expected those of"):
        _write(mesh, folder)
    write_predictions(folder / "meshes.parquet", [toy_case(mesh, "c", "ED")])
    with pytest.raises(CxrError, match=r"case 'c', frame 'ED' is not in .*cases\.parquet; the two are of different"):
        _write(mesh, folder)
    named = [toy_case(mesh, "../c", "ED")]
    write_cases(folder / "cases.parquet", named)
    write_predictions(folder / "meshes.parquet", named)
    with pytest.raises(CxrError, match=r"case '\.\./c'; expected letters, digits"):
        _write(mesh, folder)
