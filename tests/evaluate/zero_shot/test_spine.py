import cv2
import numpy as np
import pandas as pd
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.evaluate.zero_shot.spine import VERTEBRAE, measure_spine, spine_films, summarise
from cxrfactory.imaging.radiograph.prepare import Preparation
from cxrfactory.models.anatomy.network import FoundStructure


def corners():
    """Seventeen vertebrae of 40 x 20 pixels, one below the other."""
    tops = 20 + 28 * np.arange(17)
    return np.array([[(100, top), (140, top), (100, top + 20), (140, top + 20)] for top in tops], float)


def found(name, left, top):
    mask = np.zeros((512, 512), np.uint8)
    mask[top : top + 21, left : left + 41] = 1
    return {name: FoundStructure(name, None, "label", mask, 0.9, 0.9, None)}


def test_a_mask_of_the_body_is_hit_without_offset():
    (row,) = measure_spine(corners(), found(VERTEBRAE[0], 100, 20))
    assert row == {"structure": "thoracic vertebrae 1 (t1)", "present": True, "dice": 1, "hit": True, "offset": 0}


def test_an_offset_is_in_heights_and_a_mask_of_the_next_vertebra_is_no_hit():
    (row,) = measure_spine(corners(), found(VERTEBRAE[1], 100, 48 + 28))
    assert row["offset"] == pytest.approx(28 / 20)
    assert (row["hit"], row["dice"]) == (False, 0)
    empty = found(VERTEBRAE[16], 0, 0)
    empty[VERTEBRAE[16]].mask[:] = 0
    (row,) = measure_spine(corners(), empty)
    assert (row["present"], row["hit"], row["dice"]) == (False, False, 0)
    assert np.isnan(row["offset"])


def test_films_and_corners_are_brought_into_one_frame(tmp_path):
    for name in ("images", "landmarks"):
        (tmp_path / name).mkdir()
    points = corners().reshape(68, 2) / 2
    picture = np.random.default_rng(0).integers(0, 255, (256, 256), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "images" / "a.png"), picture)
    np.save(tmp_path / "landmarks" / "a.npy", points)
    ((film, quads),) = spine_films(tmp_path, Preparation(size=256, remove_borders=False))
    assert (film.image_id, film.image.shape, film.view) == ("a", (512, 512), "AP")
    np.testing.assert_allclose(quads.reshape(68, 2), (points + 0.5) * 2 - 0.5)
    np.save(tmp_path / "landmarks" / "a.npy", points[:5])
    with pytest.raises(CxrError, match=r"array of \(5, 2\); expected \(68, 2\)"):
        next(spine_films(tmp_path, Preparation()))
    with pytest.raises(CxrError, match="no film with corners"):
        next(spine_films(tmp_path / "images", Preparation()))


def test_the_summary_has_one_row_for_each_vertebra_in_anatomical_order():
    rows = [
        {"structure": name, "present": True, "hit": hit, "offset": offset, "dice": 0.5}
        for name in VERTEBRAE[:2]
        for hit, offset in ((True, 0.1), (False, 0.3))
    ]
    table = summarise(pd.DataFrame(rows))
    assert table["structure"].to_list() == list(VERTEBRAE[:2])
    assert table.iloc[0, 1:].to_list() == pytest.approx([2, 1, 0.5, 0.2, 0.5])
