"""What every architecture of the zoo promises, at tiny width; the published sizes are counted on the meta device."""

import copy
import re
from pathlib import Path

import pytest
import torch

from cxrfactory.errors import CxrError
from cxrfactory.models import ModelKind, build_model, model_kind
from cxrfactory.models.pixel.losses import PIXEL_LOSSES
from cxrfactory.models.pixel.zoo.export import export_program
from cxrfactory.models.pixel.zoo.parts import zoo_package
from cxrfactory.models.pixel.zoo.table import ZOO, markdown_table
from cxrfactory.models.registry import segmenter_from_card
from cxrfactory.tables.weights import read_weights, write_weights

pytest.importorskip("transformers", reason="needs the extra zoo")
pytest.importorskip("dynamic_network_architectures", reason="needs the extra zoo")

ROOT = Path(__file__).parents[4]
SIDE, ORGANS = 64, ["heart", "aorta", "trachea"]  # the smallest side that all 19 accept
NOT_ON_META = {"segformer"}  # its library reads numbers while it builds, which the meta device does not hold
each_architecture = pytest.mark.parametrize("row", ZOO, ids=lambda row: row.name)
_built = {}


def tiny(row, **settings):
    """Make the small network of a row; the plain one is made once."""
    key = None if settings else row.name
    if key in _built:
        return _built[key]
    torch.manual_seed(0)
    network = build_model(row.name, row.tiny | {"organs": ORGANS, "input_size": SIDE} | settings)
    for layer in network.modules():  # a trained network's statistics are not those of a fresh one
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.1)
            layer.running_var.uniform_(0.5, 2)
    if key:
        _built[key] = network
    return network


def images(count=2, side=SIDE, dtype=torch.float32):
    noise = torch.rand(count, 1, side, side, generator=torch.Generator().manual_seed(1), dtype=dtype)
    return noise * torch.linspace(1, 0.3, count, dtype=dtype)[:, None, None, None]


def frozen(network):
    return [name for name, value in network.named_parameters() if not value.requires_grad]


@each_architecture
def test_a_row_of_a_batch_equals_the_row_alone(row):
    # In double precision, the image matters by far more than the rounding of sums in another order.
    network = copy.deepcopy(tiny(row)).for_inference().double()
    both = images(dtype=torch.float64)
    with torch.inference_mode():
        together = network(both)
        alone = torch.cat([network(image[None]) for image in both])
    assert together.shape == (2, 3, SIDE, SIDE)
    rounding, effect = (alone - together).abs().max(), (together[0] - together[1]).abs().max()
    assert rounding < 1e-9
    assert effect > 1e-7


@each_architecture
def test_one_step_reaches_every_parameter_that_is_not_frozen(row):
    network = tiny(row).train()
    network.zero_grad()
    target = torch.zeros(2, 3, SIDE, SIDE)
    target[:, 1, 16:40, 8:50] = 1
    loss = PIXEL_LOSSES["dice-cross-entropy"](network(images()), target, torch.ones(2, 3, dtype=torch.bool))
    loss.backward()
    assert torch.isfinite(loss)
    trained = {name: value for name, value in network.named_parameters() if value.requires_grad}
    assert [name for name, value in trained.items() if value.grad is None] == []
    assert all(torch.isfinite(value.grad).all() for value in trained.values())
    assert bool(frozen(network)) == (row.family == "SAM")


@each_architecture
def test_weights_and_card_make_the_same_network_again(row, tmp_path):
    network = tiny(row).for_inference()
    tensors = {name: value.numpy() for name, value in network.state_dict().items()}
    card = {"segmenter": row.name, "settings": network.settings(), "normalisation": "", "data": {}, "metrics": {}}
    write_weights(tmp_path / "w.safetensors", tensors, card)
    tensors, card = read_weights(tmp_path / "w.safetensors")
    again = segmenter_from_card(card, tensors).for_inference()
    with torch.inference_mode():
        torch.testing.assert_close(again(images(1)), network(images(1)), atol=0, rtol=0)
    assert again.settings() == network.settings()
    assert frozen(again) == frozen(network)


@each_architecture
def test_parameters_are_those_of_the_paper(row):
    with torch.device("cpu" if row.name in NOT_ON_META else "meta"):
        network = build_model(row.name, {"organs": [f"class_{index}" for index in range(row.outputs)]})
    assert network.input_size == (row.natural, row.natural)
    assert network.multiple == (1 if row.fixed else row.multiple)
    count = sum(value.numel() for value in network.parameters()) / 1e6
    assert count == pytest.approx(row.parameters, rel=row.tolerance)


def test_sam_is_frozen_but_for_what_its_papers_train():
    from transformers import SamConfig, SamModel

    with torch.device("meta"):
        sam = SamModel(SamConfig()).vision_encoder
        adapter, singular = (build_model(name, {"organs": ORGANS}) for name in ("med-sam-adapter", "s-sam"))
    assert sum(value.numel() for value in sam.parameters()) == sum(
        value.numel() for name, value in adapter.body.encoder.named_parameters() if "adapter" not in name
    )
    assert {name.split(".")[-2] for name, value in adapter.body.encoder.named_parameters() if value.requires_grad} == {
        "down",
        "up",
    }
    learned = {name: value.numel() for name, value in singular.named_parameters() if value.requires_grad}
    assert {re.sub(r".*\.", "", name) for name in learned} == {"scale", "shift", "weight", "bias", "tokens"}
    assert all("norm" in name or name.endswith(("scale", "shift", "tokens", "body.bias")) for name in learned)
    assert sum(learned.values()) < 0.004 * 93.7e6  # the paper trains 0.4 % of SAM


@pytest.mark.parametrize(("name", "outputs"), [("unext", 3), ("pidnet", 89), ("topformer", 210), ("s-sam", 210)])
def test_any_number_of_outputs_at_the_natural_size_and_at_128(name, outputs):
    row = next(row for row in ZOO if row.name == name)
    organs = [f"class_{index}" for index in range(outputs)]
    with torch.device("meta"):
        for side in (row.natural, 128):
            network = build_model(name, row.tiny | {"organs": organs, "input_size": side}).eval()
            assert network(torch.rand(1, 1, side, side)).shape == (1, outputs, side, side)


@pytest.mark.parametrize("row", [row for row in ZOO if row.fixed], ids=lambda row: row.name)
def test_another_size_than_the_one_it_was_built_for_is_named(row):
    with pytest.raises(CxrError, match=f"{row.name}: image is 96 x 96; .* only its input_size, 64 x 64"):
        tiny(row).eval()(images(1, side=96))
    with pytest.raises(CxrError, match=f"{row.name}: input_size is 100 x 100; .* multiples of {row.multiple}"):
        build_model(row.name, {"input_size": 100})


@pytest.mark.parametrize("row", [row for row in ZOO if not row.fixed and row.source == "own"], ids=lambda row: row.name)
def test_other_networks_read_any_size(row):
    network = tiny(row).for_inference()  # outside of inference mode, whose tensors cannot be trained by another test
    with torch.inference_mode():
        assert network(torch.rand(1, 1, 70, 50)).shape == (1, 3, 70, 50)


def test_a_square_and_a_batch_of_two_are_asked_for():
    with pytest.raises(CxrError, match="s-sam: input_size is 64 x 96; expected a square"):
        build_model("s-sam", {"input_size": [64, 96]})
    row = next(row for row in ZOO if row.name == "pidnet")
    with pytest.raises(CxrError, match="pidnet: a training batch of one image; expected at least two"):
        tiny(row).train()(images(1))


def test_nnunet_has_the_levels_of_its_planner():
    with torch.device("meta"):
        depths = {
            side: build_model("nnunet", {"input_size": side, "width": 2}).multiple for side in (64, 128, 256, 384)
        }
    assert depths == {64: 16, 128: 32, 256: 64, 384: 64}
    with pytest.raises(CxrError, match="nnunet: image is at most 16 x 16; this network needs a side above 16"):
        build_model("nnunet", {"input_size": 64, "width": 2})(images(1, side=16))


def test_a_missing_package_is_one_line(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(CxrError, match=r'mask2former needs transformers, .*: pip install "cxrfactory\[zoo\]"'):
        zoo_package("mask2former", "transformers")


def test_an_exported_program_gives_the_same_maps(tmp_path):
    row = next(row for row in ZOO if row.name == "unext")
    network = tiny(row)
    export_program(network, tmp_path / "unext.pt2")
    program = torch.export.load(tmp_path / "unext.pt2").module()
    with torch.inference_mode():
        torch.testing.assert_close(program(images(1)), network.eval()(images(1)), atol=1e-5, rtol=1e-5)


def test_the_table_has_the_papers_19_names_and_the_docs_show_it():
    assert len({row.name for row in ZOO}) == len({row.paper for row in ZOO}) == 19
    assert {model_kind(row.name) for row in ZOO} == {ModelKind.PIXEL}
    assert markdown_table() in (ROOT / "docs" / "zoo.md").read_text(encoding="utf-8")


def test_settings_out_of_range_are_named():
    cases = [
        ("topformer", {"width": 0}, "topformer: width is 0; expected a factor of the channels from 0.1 to 4"),
        ("u-mamba", {"mamba": "no"}, "u-mamba: mamba is 'no'; expected one of bottleneck, encoder"),
        ("deeplabv3-plus", {"encoder": "resnet17"}, "deeplabv3-plus: encoder is 'resnet17'; expected one of"),
        ("unext", {"depth": 3}, "unext: unknown setting 'depth'"),
        ("s-sam", {"weights": "no.safetensors", "input_size": 64}, "s-sam: weights no.safetensors are not readable"),
    ]
    for name, settings, message in cases:
        with pytest.raises(CxrError, match=message):
            build_model(name, settings | ({"embed": 64, "depth": 4} if name == "s-sam" else {}))


def test_sam_takes_the_users_weights(tmp_path):
    from safetensors.numpy import load_file, save_file
    from transformers import SamConfig, SamModel, SamVisionConfig

    torch.manual_seed(3)
    vision = SamVisionConfig(
        image_size=128,
        hidden_size=64,
        num_hidden_layers=4,
        num_attention_heads=1,
        mlp_dim=256,
        global_attn_indexes=[0, 1, 2, 3],
    )
    sam = SamModel(SamConfig(vision_config=vision.to_dict()))
    sam.vision_encoder.pos_embed.data.normal_()
    sam.save_pretrained(tmp_path)
    settings = {"embed": 64, "depth": 4, "weights": str(tmp_path / "model.safetensors"), "organs": ORGANS}
    network = build_model("med-sam-adapter", settings | {"input_size": 128}).eval()
    assert network.settings()["weights"] == ""  # the card names no file
    image = images(1, side=128)
    with torch.inference_mode():
        body = network.body
        expected = sam.eval().vision_encoder((image - body.mean) / body.deviation).last_hidden_state
        # The adapters start at 0, so the encoder starts as SAM.
        found = body.encoder((image - body.mean) / body.deviation).last_hidden_state
        torch.testing.assert_close(found, expected)
        # The singular values start as they are, so the encoder of S-SAM does, too.
        other = build_model("s-sam", settings | {"input_size": 128}).eval().body
        found = other.encoder((image - body.mean) / body.deviation).last_hidden_state
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
    smaller = build_model("med-sam-adapter", settings | {"input_size": 64})  # positions are scaled
    assert smaller.body.encoder.pos_embed.shape == (1, 4, 4, 64)
    tensors = load_file(tmp_path / "model.safetensors")
    del tensors["vision_encoder.pos_embed"]
    save_file(tensors, tmp_path / "model.safetensors")
    with pytest.raises(CxrError, match=r"lack 'vision_encoder\.pos_embed'; expected model\.safetensors of a SAM"):
        build_model("med-sam-adapter", settings | {"input_size": 64})
