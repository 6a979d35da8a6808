import json

import pytest

from cxrfactory.errors import CxrError
from cxrfactory.tables.quality_calibration import (
    OwnFilms,
    QualityCalibration,
    check_weights,
    is_quality_calibration,
    quality_file,
    read_quality_calibration,
    write_quality_calibration,
)

MADE = QualityCalibration(
    weights="a" * 64,
    alpha=0.1,
    models={"lungs": {"offset": 1.0}},
    table="b" * 64,
    sources={"lungs": {"one": 20}},
    own={"lungs": OwnFilms(films=20, shift=0.1, seen_shift=0.2)},
)


def test_the_file_gives_the_calibration_back_with_the_same_bytes(tmp_path):
    one, two = tmp_path / "one.json", tmp_path / "two.json"
    write_quality_calibration(MADE, one)
    assert read_quality_calibration(one) == MADE
    write_quality_calibration(read_quality_calibration(one), two)
    assert one.read_bytes() == two.read_bytes()


def test_kinds_of_calibrations_are_told_apart(tmp_path):
    write_quality_calibration(MADE, tmp_path / "q.json")
    assert is_quality_calibration(tmp_path / "q.json")
    for name, text in {"rca.json": '{"format": 1}', "list.json": "[]", "no.json": "{"}.items():
        (tmp_path / name).write_text(text)
        assert not is_quality_calibration(tmp_path / name)
    assert not is_quality_calibration(tmp_path / "absent.json")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"alpha": 1.5}, "alpha: Input should be less than 1"),
        ({"models": {"spleen": {}}}, "models.spleen"),
        ({"weights": "short"}, "weights: String should match"),
        ({"more": 1}, "more: Extra inputs"),
    ],
)
def test_other_content_is_refused_in_one_line(tmp_path, changed, message):
    path = tmp_path / "q.json"
    path.write_text(json.dumps(MADE.model_dump(mode="json") | changed))
    with pytest.raises(CxrError, match=message) as caught:
        read_quality_calibration(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CxrError, match=r"q\.json: no such file; expected a quality calibration"):
        read_quality_calibration(tmp_path / "q.json")


def test_names_are_those_of_weights_of_the_package(tmp_path, monkeypatch):
    folder = tmp_path / "pretrained"
    folder.mkdir()
    monkeypatch.setattr(
        "cxrfactory.tables.quality_calibration.weights_file", lambda name: folder / "lungs-heart.safetensors"
    )
    with pytest.raises(CxrError, match="no quality calibration for the weights 'pretrained'"):
        quality_file("pretrained")
    write_quality_calibration(MADE, folder / "quality-lungs-heart.json")
    assert read_quality_calibration("pretrained") == MADE
    assert str(quality_file("some/file.json")) == "some/file.json"


def test_masks_of_other_weights_are_refused():
    check_weights(MADE, "q.json", "a" * 64, "shard")
    with pytest.raises(CxrError, match=r"q\.json: .* for weights 'aaaaaaaaaaaa\.\.\.', shard: masks of weights 'cccc"):
        check_weights(MADE, "q.json", "c" * 64, "shard")
    with pytest.raises(CxrError, match="shard: landmarks with no record of their weights; run the infer stage again"):
        check_weights(MADE, "q.json", None, "shard")
