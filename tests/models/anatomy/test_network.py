import numpy as np
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.models.anatomy.network import ASSUMED, FOUND, GIVEN, LABEL, UNION, AnatomyNetwork
from cxrfactory.models.anatomy.views import network_view, view_of_lungs
from tests.models.stub_structures import film, use_bands, write_bands

LOBES = ["left lung upper lobe", "left lung lower lobe", "heart"]
ENTRY = {"views": ["PA", "LL"], "thresholds": {}, "validated": {}}


@pytest.fixture(autouse=True)
def bands(monkeypatch):
    use_bands(monkeypatch)


def test_masks_are_those_of_the_network_with_unions_behind(tmp_path):
    network = AnatomyNetwork(write_bands(tmp_path / "w.safetensors", LOBES))
    image = film({1: (8, 40, 20, 52), 2: (20, 40, 40, 52), 3: (24, 24, 40, 38)})
    answer = network.read(image)
    assert (answer.view, answer.view_from) == ("PA", ASSUMED)  # a card without an entry names one view
    found = {each.name: each for each in network.structures(answer, 64)}
    assert list(found) == [*LOBES, "left lung"] == network.all_names
    assert np.array_equal(found["heart"].mask, (image == 60).astype(np.uint8))
    assert np.array_equal(found["left lung"].mask, np.isin(image, (20, 40)).astype(np.uint8))
    assert [each.origin for each in found.values()] == [LABEL, LABEL, LABEL, UNION]
    assert all(0 < each.score < 1 for each in found.values())
    areas = [int(found[name].mask.sum()) for name in LOBES[:2]]
    expected = np.average([found[name].score for name in LOBES[:2]], weights=areas)
    assert found["left lung"].score == pytest.approx(expected)


def test_wanted_structures_are_the_same_with_and_without_the_others(tmp_path):
    network = AnatomyNetwork(write_bands(tmp_path / "w.safetensors", LOBES))
    answer = network.read(film({1: (8, 40, 20, 52), 2: (20, 40, 40, 52), 3: (24, 24, 40, 38)}))
    everything = {each.name: each for each in network.structures(answer, 64)}
    for names in (["left lung"], ["heart"], ["heart", "left lung"]):
        some = list(network.structures(answer, 64, names))
        assert [each.name for each in some] == names
        for each in some:
            assert np.array_equal(each.mask, everything[each.name].mask)
            assert each.score == everything[each.name].score


def test_an_empty_mask_has_no_score(tmp_path):
    network = AnatomyNetwork(write_bands(tmp_path / "w.safetensors", LOBES))
    found = list(network.structures(network.read(film({1: (8, 40, 20, 52)})), 64))
    assert [each.score is None for each in found] == [False, True, True, False]
    assert [each.confidence is None for each in found] == [False, True, True, False]


def test_the_threshold_of_the_card_decides(tmp_path):
    for share, area in ((0.5, 144), (0.9999, 0)):  # the stub's probability inside is 0.99966
        entry = ENTRY | {"thresholds": {"PA": {"heart": share}}}
        network = AnatomyNetwork(write_bands(tmp_path / "w.safetensors", ["heart"], entry=entry))
        found = network(film({1: (8, 40, 20, 52)}), 64, view="AP")
        assert int(found["heart"].sum()) == area


def test_the_view_is_given_or_found_by_how_the_lungs_cover_one_another(tmp_path):
    network = AnatomyNetwork(write_bands(tmp_path / "w.safetensors", ["right lung", "left lung"], entry=ENTRY))
    answer = network.read(film({1: (8, 8, 40, 24), 2: (8, 30, 40, 50)}))
    assert (answer.view, answer.view_from) == ("PA", FOUND)
    answer = network.read(film({1: (8, 8, 40, 24)}))
    assert (answer.view, answer.view_from) == ("PA", ASSUMED)  # one lung says nothing
    answer = network.read(film({1: (8, 8, 40, 24)}), "LL")
    assert (answer.view, answer.view_from) == ("LL", GIVEN)


def test_lungs_that_cover_one_another_are_seen_from_the_side():
    right, left = np.zeros((10, 10), bool), np.zeros((10, 10), bool)
    right[:, :6], left[:, 4:] = True, True
    assert view_of_lungs(right, left) == "PA"  # a third of the smaller lung
    left[:, 3:] = True
    assert view_of_lungs(right, left) == "LL"  # a half
    assert view_of_lungs(right, left & False) is None
    assert [network_view(view) for view in ("PA", "AP", "FRONTAL", "LL")] == ["PA", "PA", "PA", "LL"]


def test_a_union_is_validated_by_itself_or_by_all_of_its_parts(tmp_path):
    named = {"left lung upper lobe": "truth", "left lung lower lobe": "plausible"}
    entry = ENTRY | {"validated": {"PA": named}}
    network = AnatomyNetwork(write_bands(tmp_path / "w.safetensors", LOBES, entry=entry))
    assert network.validated("PA", "left lung") == "plausible"
    assert network.validated("LL", "left lung") is None
    assert network.validated("PA", "heart") is None
    entry = ENTRY | {"validated": {"PA": {"left lung": "truth"}}}
    network = AnatomyNetwork(write_bands(tmp_path / "w.safetensors", LOBES, entry=entry))
    assert network.validated("PA", "left lung") == "truth"


def test_the_confidence_is_that_of_the_calibration(tmp_path):
    entry = ENTRY | {"confidence": {"scores": [0.0, 1.0], "dices": [0.2, 0.4], "films": "two"}}
    network = AnatomyNetwork(write_bands(tmp_path / "w.safetensors", ["heart"], entry=entry))
    (found,) = network.structures(network.read(film({1: (8, 30, 40, 50)})), 64)
    assert found.confidence == pytest.approx(0.2 + 0.2 * found.score)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"views": ["RAO"]}, r"views are \['RAO'\]; expected PA or LL"),
        ({"thresholds": {"PA": {"heart": 1.0}}}, "threshold of 1; expected a probability"),
        ({"validated": {"PA": {"heart": "looks"}}}, "validates by 'looks'; expected truth or plausible"),
        ({"confidence": {"scores": [0.5, 0.1], "dices": [0.1, 0.2]}}, "both ascending"),
        ({"confidence": {"scores": [0.5], "dices": []}}, "of one length"),
        ({"places": {"PA": {"heart": [0.1]}}}, "place of other than 6 numbers"),
        ({"thresholds": ["PA"]}, "entry 'anatomy' is not readable"),
    ],
)
def test_a_card_that_does_not_hold_is_refused_in_one_line(tmp_path, change, said):
    path = write_bands(tmp_path / "w.safetensors", ["heart"], entry=ENTRY | change)
    with pytest.raises(CxrError, match=said) as refusal:
        AnatomyNetwork(path)
    assert "\n" not in str(refusal.value)


def test_two_outputs_of_one_structure_and_landmark_networks_are_refused(tmp_path):
    path = write_bands(tmp_path / "w.safetensors", ["left rib 1", "left_rib_1"])
    with pytest.raises(CxrError, match="two outputs are 'left rib 1'"):
        AnatomyNetwork(path)
    with pytest.raises(CxrError, match="weights of a landmark network; expected those of a pixel network"):
        AnatomyNetwork("pretrained")
