import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import cxrfactory.config
from cxrfactory.config import (
    Config,
    ModelConfig,
    TrainConfig,
    commented_yaml,
    default_yaml,
    json_schema,
    parse_config,
    read_config,
)
from cxrfactory.config.renamed import RENAMED_KEYS, RENAMED_VALUES
from cxrfactory.errors import CxrError

ROOT = Path(__file__).parents[1]


def test_config_yaml_is_the_default():
    assert (ROOT / "config.yaml").read_text() == default_yaml(), "run: python -m cxrfactory config --write"
    assert read_config(ROOT / "config.yaml") == Config()


def test_schema_file_is_the_models():
    path = ROOT / "workflow/schemas/config.schema.json"
    assert path.read_text() == json_schema(), "run: python -m cxrfactory config --write"


def test_written_config_reads_back():
    other = parse_config(
        {"train": {"epochs": 7, "weight_decay": 1e-7}, "preprocess": {"clahe_clip": 2.5}}
        | {"cxlseg": {"train": {"weight_decay": 1e-7, "classes": None}}}
    )
    assert parse_config(yaml.safe_load(commented_yaml(other, []))) == other


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"trian": {}}, r"unknown key 'trian'; known here: results, cohort, datasets"),
        ({"train": {"epoch": 3}}, r"unknown key 'train\.epoch'; known here: epochs, batch_size"),
        ({"datasets": {"nih": {"root": "x", "shard": 1}}}, r"unknown key 'datasets\.nih\.shard'; known here: root"),
        ({"datasets": {"nih": {"rot": "x"}}}, r"unknown key 'datasets\.nih\.rot'; .*; did you mean 'root'\?"),
        ({"datasets": {"nih": {}}}, r"key 'datasets\.nih\.root' is missing"),
        ({"datasets": {}}, r"key 'datasets'"),
        ({"model": {"input_size": 100}}, r"key 'model\.input_size': .*multiple of 32, found 100"),
        ({"model": {"graph": "liver"}}, r"key 'model\.graph': .*'lungs-heart'.* found 'liver'"),
        ({"train": {"gamma_low": 2.0}}, r"gamma_low is 2\.0; expected at most gamma_high"),
        ({"cohort": {"patients": 8, "labelled": 8}}, r"labelled is 8; expected fewer than patients"),
        ({"compare": {"models": ["unet", "fc", "unet"]}}, r"'unet' occurs twice in models"),
        ({"compare": {"models": ["u-net"]}}, r"key 'compare\.models\.0': .*'hybridgnet'.* found 'u-net'"),
        ({"compare": {"models": []}}, r"key 'compare\.models': .*at least 1"),
        ({"train": {"patience": 0}}, r"key 'train\.patience': .*greater than or equal to 1, found 0"),
        ({"rca": {"references": "five"}}, r"key 'rca\.references': .*found 'five'"),
    ],
)
def test_wrong_values_are_one_line_with_key_found_expected(values, message):
    with pytest.raises(CxrError, match=message) as caught:
        parse_config(values)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("text", "message"), [("a: [", "not readable as YAML"), ("- 1", "expected keys and values")])
def test_files_that_are_no_config(tmp_path, text, message):
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(CxrError, match=message):
        read_config(path)


def test_options_of_a_section():
    options = parse_config({"preprocess": {"equalise": True, "remove_borders": False}}).preprocess.options()
    assert "--equalise" in options
    assert "--no-remove-borders" in options
    assert "--size=1024" in options
    assert not [option for option in options if "clahe-clip" in option]
    assert Config().model.options("igsc") == ["--igsc=4,3"]


@pytest.mark.parametrize(
    "text",
    ["results: 2026-13-45", "[" * 5000, "a: &a [*a]", "results: \0", "results: !!python/object/apply:os.system [x]"],
)
def test_spoilt_yaml_is_one_line(tmp_path, text):
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(CxrError) as caught:
        read_config(path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_aliases_do_not_grow_without_end(tmp_path):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    (tmp_path / "c.yaml").write_text("\n".join([*lines, "results: *a8"]))
    with pytest.raises(CxrError):
        read_config(tmp_path / "c.yaml")


REAL = {"mimic-cxr-jpg": {"root": "/data/mimic", "reports": {"source": "/data/reports.zip", "layout": "mimic"}}}
PRETRAINED = {"weights": "pretrained"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"datasets": REAL}, r"^config.yaml: infer\.weights is null .* radiographs of mimic-cxr-jpg; expected infer"),
        ({"datasets": REAL, "infer": PRETRAINED}, r"^config.yaml: cxlseg\.weights is null .* of mimic-cxr-jpg"),
        ({"datasets": {"vindr-cxr": {"root": "results/cohort/../vindr"}, "padchest": {"root": "p"}}}, r"of .*padchest"),
        ({"datasets": REAL, "cohort": {"folder": "c"}, "labelled": {"root": "c/labelled"}}, r"infer\.weights is null"),
    ],
)
def test_virtual_patients_alone_teach_no_segmenter_of_real_releases(values, message):
    with pytest.raises(CxrError, match=message):
        parse_config(values)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"datasets": REAL, "infer": PRETRAINED, "cxlseg": PRETRAINED},
        {"datasets": REAL, "labelled": {"root": "/data/landmarks", "images": {"JSRT": "/data/jsrt"}}},
        {"datasets": {"vindr-cxr": {"root": "results/cohort/vindr-cxr"}}, "infer": {"weights": None}},
    ],
)
def test_weights_real_labels_or_virtual_releases_pass(values):
    parse_config(values)


# What the default config's training of the segmenter of lungs was before its keys became overrides.
CXLSEG_TRAINING = {"epochs": 16, "batch_size": 4, "learning_rate": 6e-3, "average": 0.97}


def test_the_segmenter_of_lungs_is_the_sections_model_and_train_with_overrides():
    config = parse_config({"train": {"rotation_degrees": 3.0, "epochs": 500}, "model": {"latent": 8}})
    assert config.cxlseg.merged_model(config.model) == ModelConfig(latent=8, segmenter="sa-unet", input_size=96)
    assert config.cxlseg.merged_train(config.train) == TrainConfig(rotation_degrees=3.0, **CXLSEG_TRAINING)


def test_overrides_keep_those_of_the_section_that_they_do_not_name():
    config = parse_config({"cxlseg": {"train": {"epochs": 2}, "model": {"graph": "lungs"}}})
    assert config.cxlseg.merged_train(config.train) == TrainConfig(**CXLSEG_TRAINING | {"epochs": 2})
    assert config.cxlseg.merged_model(config.model).segmenter == "sa-unet"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"train": {"epoch": 3}}, r"unknown key 'cxlseg\.train\.epoch'; known here: epochs, batch_size"),
        ({"train": {"epochs": 0}}, r"key 'cxlseg\.train\.epochs': .*greater than or equal to 1, found 0"),
        ({"model": {"segmenter": "u-net"}}, r"key 'cxlseg\.model\.segmenter': .*'sa-unet'.* found 'u-net'"),
        ({"train": {"balance": "class"}}, r"key 'cxlseg\.train': balance is class"),
        ({"train": 3}, r"key 'cxlseg\.train': .*dictionary, found 3"),
    ],
)
def test_wrong_overrides_are_one_line(values, message):
    with pytest.raises(CxrError, match=message) as caught:
        parse_config({"cxlseg": values})
    assert "\n" not in str(caught.value)


OLD_VALUES = {"segmenter": "unet", "input_size": 64, "epochs": 3, "batch_size": 2, "learning_rate": 0.5, "average": 0.5}


@pytest.mark.parametrize(("old", "new"), RENAMED_KEYS.items())
def test_an_old_key_works_and_warns_in_one_line(old, new, capsys):
    _, part, name = new.split(".")
    value = OLD_VALUES[name]
    config = parse_config({"cxlseg": {name: value}})
    assert getattr(config.cxlseg, part)[name] == value
    warning = capsys.readouterr().err
    assert warning == f"warning: config.yaml: the key '{old}' is now '{new}'; the old name ends with 0.2\n"


def test_an_old_key_beside_its_new_one_is_refused():
    with pytest.raises(CxrError, match=r"'cxlseg\.epochs' is the old name of 'cxlseg\.train\.epochs'"):
        parse_config({"cxlseg": {"epochs": 3, "train": {"epochs": 4}}})


@pytest.mark.parametrize(("key", "values"), RENAMED_VALUES.items())
def test_an_old_value_works_and_warns_in_one_line(key, values, capsys):
    section, name = key.split(".")
    config = parse_config({section: {name: values[0]}})
    assert getattr(getattr(config, section), name) == values[1]
    warning = capsys.readouterr().err
    assert warning.startswith(f"warning: {name}: 0 is now null")
    assert warning.count("\n") == 1


def test_training_has_its_own_device():
    config = parse_config({"train": {"device": "cpu"}, "infer": {"device": "cuda"}})
    assert (config.train.device, config.infer.device, config.classify.device) == ("cpu", "cuda", "auto")
    assert "device" not in config.train.recipe()  # cards and checkpoints are those of any device


def test_names_of_the_config_are_imported_when_asked_for():
    code = "import sys, cxrfactory.config.train; print('cxrfactory.config.whole' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
    for name in cxrfactory.config.__all__:
        assert getattr(cxrfactory.config, name)
    with pytest.raises(AttributeError, match="no attribute 'Konfig'"):
        cxrfactory.config.Konfig  # noqa: B018
