import numpy as np
import pandas as pd
import pytest

from cxrfactory.evaluate.zero_shot.plausibility import check_film, rung, summarise
from cxrfactory.models.anatomy.card import AnatomyCard
from cxrfactory.models.anatomy.network import FoundStructure

RIBS = {"left rib 1": (100, 350), "left rib 2": (140, 360), "left rib 3": (180, 370)}


def structure(name, x, y, size=20):
    mask = np.zeros((512, 512), np.uint8)
    mask[y - size // 2 : y + size // 2, x - size // 2 : x + size // 2] = 1
    return FoundStructure(name, None, "label", mask, 0.9, 0.8, None)


def checks(found, view="PA", card=None):
    rows = check_film(view, {each.name: each for each in found}, card or AnatomyCard())
    return {row["structure"]: row for row in rows}


def test_ribs_are_in_order_from_top_to_bottom_on_each_side():
    rows = checks([structure(name, x, y) for name, (y, x) in RIBS.items()])
    assert [rows[name]["order"] for name in RIBS] == [True, True, True]
    wrong = [structure(name, x, 300 if name == "left rib 2" else y) for name, (y, x) in RIBS.items()]
    assert [checks(wrong)[name]["order"] for name in RIBS] == [True, False, False]
    assert checks([structure("left rib 1", 350, 100)])["left rib 1"]["order"] is None


def test_the_patients_left_is_on_the_images_right_and_bones_are_alike():
    found = [structure("left clavicle", 350, 60), structure("right clavicle", 150, 60)]
    rows = checks(found)
    assert [rows[name]["side"] for name in rows] == [True, True]
    assert [rows[name]["symmetry"] for name in rows] == [True, True]
    rows = checks([structure("left clavicle", 100, 60), structure("right clavicle", 150, 60, size=10)])
    assert [rows[name]["side"] for name in rows] == [False, False]
    assert [rows[name]["symmetry"] for name in rows] == [False, False]
    # Organs of two sides need not be alike, and a lateral film has no sides.
    rows = checks([structure("left kidney", 350, 60), structure("right kidney", 150, 60, size=10)])
    assert [rows[name]["symmetry"] for name in rows] == [None, None]
    rows = checks(found, view="LL")
    assert [rows[name]["side"] for name in rows] == [None, None]


def test_midline_structures_lie_between_the_outer_borders_of_the_lungs():
    lungs = [structure("right lung", 150, 250, 100), structure("left lung", 350, 250, 100)]
    rows = checks([*lungs, structure("trachea", 250, 100), structure("thoracic vertebrae 5 (t5)", 450, 200)])
    assert rows["trachea"]["nested"] is True
    assert rows["thoracic vertebrae 5 (t5)"]["nested"] is False
    assert rows["right lung"]["nested"] is None
    assert checks([structure("trachea", 250, 100)])["trachea"]["nested"] is None


def test_presence_and_place_are_judged_where_the_card_has_a_usual_place():
    lungs = [structure("right lung", 150, 250, 100), structure("left lung", 350, 250, 100)]
    card = AnatomyCard(places={"PA": {"heart": [0.3, 0.7, 0.3, 0.7, 0.0, 1.0]}})
    rows = checks([*lungs, structure("heart", 250, 250)], card=card)
    assert (rows["heart"]["present"], rows["heart"]["place"], rows["heart"]["plausible"]) == (True, True, True)
    assert rows["right lung"]["present"] is None
    rows = checks([*lungs, structure("heart", 250, 500, 4)], card=card)
    assert (rows["heart"]["present"], rows["heart"]["place"], rows["heart"]["plausible"]) == (False, None, False)
    rows = checks([*lungs, structure("heart", 450, 250)], card=card)
    assert (rows["heart"]["place"], rows["heart"]["plausible"]) == (False, False)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("left rib 7", ("left ribs", 7)),
        ("rib 7", None),
        ("cervical vertebrae 7 (c7)", ("vertebrae", 7)),
        ("thoracic vertebrae 1 (t1)", ("vertebrae", 8)),
        ("lumbar vertebrae 2 (l2)", ("vertebrae", 21)),
        ("heart", None),
        ("pacemaker", None),
    ],
)
def test_ribs_and_vertebrae_have_rungs(name, found):
    assert rung(name) == found


def test_shares_count_the_films_in_which_a_check_says_something():
    row = {"source": "A", "view": "PA", "structure": "heart", "confidence": 0.5}
    values = [(True, True), (False, None), (None, None)]
    blank = dict.fromkeys(("order", "side", "symmetry", "nested"))
    table = [row | blank | {"present": present, "place": place, "plausible": present} for present, place in values]
    found = summarise(pd.DataFrame(table)).iloc[0]
    assert (found["films"], found["present"], found["place"], found["plausible"]) == (3, 0.5, 1, 0.5)
    assert np.isnan(found["order"])
