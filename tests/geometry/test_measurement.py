import math
import re

import numpy as np

from cxrfactory.anatomy.taxonomy import classes
from cxrfactory.geometry.airways import AORTA, BRONCHI, TRACHEA
from cxrfactory.geometry.diaphragm import BELOW
from cxrfactory.geometry.frontal import measure_frontal
from cxrfactory.geometry.heart import RIBS
from cxrfactory.geometry.lateral import IN_FRONT, measure_lateral
from cxrfactory.geometry.lungs import lung_volume_proxy
from cxrfactory.geometry.measurement import DEFINITIONS, Measurement, excluded, measured
from cxrfactory.geometry.posture import LEFT_CLAVICLE, LIVER, RIGHT_CLAVICLE, RIGHT_RIBS
from cxrfactory.geometry.runs import Runs
from cxrfactory.geometry.spine import LEVELS
from cxrfactory.geometry.structures import HEART, LUNGS


def test_every_view_gives_each_of_its_definitions_once_and_in_a_fixed_order():
    names = {
        "frontal": [each.name for each in measure_frontal({})],
        "lateral": [each.name for each in measure_lateral({})],
    }
    for view, found in names.items():
        defined = {name for name, each in DEFINITIONS.items() if each.views == (view,)}
        assert len(found) == len(set(found))
        assert set(found) == defined
    assert DEFINITIONS[lung_volume_proxy({}, {}).name].views == ("frontal", "lateral")


def test_nothing_is_measured_without_masks_and_the_reasons_are_sentences():
    empty = {name: Runs.from_mask(np.zeros((20, 20))) for name in (*LUNGS, HEART, *LEVELS.values())}
    for masks in ({}, empty):
        for each in (*measure_frontal(masks), *measure_lateral(masks)):
            assert math.isnan(each.value)
            assert each.points == ()
            assert re.fullmatch(r"[A-Z0-9].*\.", each.excluded)


def test_definitions_hold_whole_sentences_and_known_units():
    for name, each in DEFINITIONS.items():
        assert name == each.name
        assert re.fullmatch(r"[a-z0-9_]+", name)
        assert each.unit in ("ratio", "degree", "px", "px2", "px3", "count")
        assert each.sentence.endswith(".")
        assert each.title
        assert each.source


def test_structures_are_named_as_in_the_taxonomy():
    names = {each.name for each in classes()}
    used = {*LUNGS, HEART, *RIBS, *LEVELS.values(), *IN_FRONT, *BELOW, *RIGHT_RIBS}
    used |= {TRACHEA, BRONCHI, AORTA, LIVER, RIGHT_CLAVICLE, LEFT_CLAVICLE, "right scapula", "left scapula"}
    assert used <= names


def test_a_measurement_takes_the_unit_of_its_definition():
    found = measured("scd", np.float32(3), np.array([[0, 1], [2, 3]]), ("a",), "side: left; apex: T8")
    assert found == Measurement("scd", 3.0, "degree", ((0.0, 1.0), (2.0, 3.0)), ("a",), "", "side: left; apex: T8")
    assert type(found.value) is type(found.points[0][0]) is float
    assert found.facts == {"side": "left", "apex": "T8"}
    assert excluded("scd", "No spine.").facts == {}
