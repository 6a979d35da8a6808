import pandas as pd
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.evaluate.generalise.tabulate import tabulate
from cxrfactory.imaging.drawing.png import decode_png

FILES = ["generalise.csv", "generalise.md", "generalise.png", "images.csv", "scores.csv", "worst-South.png"]


def test_all_files_of_the_study(tests, tmp_path):
    table = tabulate([tests / "all", tests / "without-South"], tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == FILES
    images = pd.read_csv(tmp_path / "images.csv")
    assert images.groupby(["test", "unseen"]).size().to_dict() == {("all", False): 4, ("without-South", True): 8}
    lungs = table[table["organ"] == "lungs"].set_index(["source", "group"])
    assert lungs["images"].to_dict() == {
        ("South", "unseen"): 8,
        ("South", "unseen, val only"): 2,
        ("North", "seen, val"): 2,
        ("South", "seen, val"): 2,
        ("mean of sources", "unseen"): 8,
        ("mean of sources", "unseen, val only"): 2,
        ("mean of sources", "seen, val"): 4,
    }
    part = images[(images["source"] == "South") & images["unseen"]]
    assert lungs.loc[("South", "unseen"), "dice_mean"] == pytest.approx(part["dice_lungs"].mean())
    scores = pd.read_csv(tmp_path / "scores.csv")
    assert set(scores["score"]) == {"doubt_spread"}
    assert (tmp_path / "worst-South.png").read_bytes() == (tests / "without-South" / "worst-South.png").read_bytes()
    sheet = decode_png((tmp_path / "worst-South.png").read_bytes())
    assert sheet.shape == (320 + 28, 4 * 320)  # the four worst images, as asked for


def test_the_order_of_the_tests_does_not_matter(tests, tmp_path):
    for name, order in {"a": ["all", "without-South"], "b": ["without-South", "all"]}.items():
        tabulate([tests / each for each in order], tmp_path / name)
    for name in FILES:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


def test_one_image_twice_in_one_group_is_refused(tests, tmp_path):
    with pytest.raises(CxrError, match="image 'South-0' of source 'South' was tested twice as unseen; give one test"):
        tabulate([tests / "without-South", tests / "without-South"], tmp_path)


def test_folders_without_a_test_are_one_line(tmp_path):
    with pytest.raises(CxrError, match="no such file; expected the folder of study generalise-test"):
        tabulate([tmp_path], tmp_path / "out")
    (tmp_path / "images.csv").write_text("image_id,source\n")
    with pytest.raises(CxrError, match=r"columns \['patient_id', 'split', 'unseen'\] are missing"):
        tabulate([tmp_path], tmp_path / "out")
