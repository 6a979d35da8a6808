import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.roots.evaluate.drawn import evaluate_edges, evaluate_rsml, scene_roots
from tests.roots.evaluate.toy import Plate, write_tables

REAL = os.environ.get("CXRFACTORY_REAL_DATA")


def root(points, children=""):
    text = "".join(f'<point x="{x}" y="{y}"/>' for x, y in points)
    return f"<root><geometry><polyline>{text}</polyline></geometry>{children}</root>"


def write_rsml_text(path: Path, plants: list[list[str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    scene = "".join(f"<plant>{''.join(roots)}</plant>" for roots in plants)
    meta = "<metadata><version>1</version><unit>pixel</unit><resolution>1</resolution></metadata>"
    path.write_text(f'<?xml version="1.0"?><rsml>{meta}<scene>{scene}</scene></rsml>', encoding="utf-8")


def write_pair(folder: Path) -> None:
    """Rapeseed has a main root and two laterals, one of which is missed; barley has two main roots in each plant."""
    laterals = [root([(100, 50), (160, 60)]), root([(100, 90), (40, 100)])]
    write_rsml_text(folder / "true" / "rape.rsml", [[root([(100, 0), (100, 200)], "".join(laterals))]])
    write_rsml_text(folder / "found" / "rape.rsml", [[root([(103, 0), (103, 190)], laterals[0])]])
    barley = [[root([(50, 0), (50, 100)]), root([(60, 0), (90, 100)])], [root([(150, 0), (150, 100)])]]
    write_rsml_text(folder / "true" / "barley.rsml", barley)
    write_rsml_text(folder / "found" / "barley.rsml", [*barley, [root([(250, 0), (250, 100)])]])
    write_rsml_text(folder / "true" / "other.rsml", barley)


def values(folder):
    return pd.read_csv(folder / "summary.csv").set_index("measure")


def test_known_lengths_precision_and_recall(tmp_path):
    write_pair(tmp_path)
    evaluate_rsml(tmp_path / "found", tmp_path / "true", tmp_path / "out")
    table = values(tmp_path / "out")["value"]
    pictures = pd.read_csv(tmp_path / "out" / "pictures.csv").set_index("picture")
    assert list(pictures.index) == ["barley", "rape"]
    assert pictures.loc["rape", "main_error_percent"] == pytest.approx(-5)
    assert pictures.loc["barley", ["main_true", "main_found", "main_matched"]].tolist() == [3, 4, 3]
    extra = 100 * 100 / (200 + np.hypot(30, 100))
    assert table["length of main roots: error, mean absolute over pictures"] == pytest.approx((5 + extra) / 2, abs=1e-3)
    assert table["main roots: precision"] == pytest.approx(4 / 5)
    assert table["main roots: recall"] == 1
    assert table["laterals: precision"] == 1
    assert table["laterals: recall"] == 0.5
    assert table["all roots: F1"] == pytest.approx(10 / 12, abs=1e-5)
    assert table["main roots: length error of matched ones, mean absolute"] == pytest.approx(10 / 4)


def test_a_named_picture_that_was_not_found_counts(tmp_path):
    write_pair(tmp_path)
    evaluate_rsml(tmp_path / "found", tmp_path / "true", tmp_path / "out", ["other", "rape"])
    table = values(tmp_path / "out")["value"]
    assert table["of these, without found roots"] == 1
    assert table["main roots: recall"] == pytest.approx(1 / 4)
    assert table["length of main roots: error, mean absolute over pictures"] == pytest.approx((100 + 5) / 2)


def test_graphs_are_compared_by_the_name_of_the_plate(tmp_path):
    edges = write_tables(tmp_path, [Plate("rape", None, {"1": 100.0})], ("edges",))["edges"]
    laterals = root([(100, 50), (140, 50)]) + root([(100, 70), (80, 70)])
    write_rsml_text(tmp_path / "true" / "rape.rsml", [[root([(100, 20), (100, 140)], laterals)]])
    evaluate_edges(edges, tmp_path / "true", tmp_path / "out")
    table = values(tmp_path / "out")
    assert table.loc["length of all roots: error, mean absolute over pictures", "value"] == pytest.approx(0, abs=1e-9)
    assert table.loc["all roots: F1", "value"] == 1
    assert table.loc["length of main roots: error, mean absolute over pictures", "met"] == "yes"


def test_refusals(tmp_path):
    write_pair(tmp_path)
    with pytest.raises(CxrError, match=r"there is no 'nothing\.rsml'"):
        evaluate_rsml(tmp_path / "found", tmp_path / "true", tmp_path / "out", ["nothing"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(CxrError, match="none of its 3 RSML files has the name of one of the 0 pictures"):
        evaluate_rsml(tmp_path / "empty", tmp_path / "true", tmp_path / "out")


@pytest.mark.skipif(REAL is None, reason="set CXRFACTORY_REAL_DATA to the folder of real data")
@pytest.mark.parametrize("plant", ["rapeseed", "barley"])
def test_drawn_files_agree_with_themselves(tmp_path, plant):
    folder = Path(REAL) / "roots" / plant
    names = sorted(path.stem for path in folder.glob("*.rsml"))[:3]
    evaluate_rsml(folder, folder, tmp_path / "out", names)
    table = values(tmp_path / "out")["value"]
    assert table["all roots: F1"] == 1
    assert table["length of all roots: error, mean absolute over pictures"] == 0
    assert sum(len(scene_roots(folder / f"{name}.rsml").main) for name in names) >= 3
