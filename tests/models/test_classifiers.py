import pytest
import torch
from safetensors.torch import save_file

from cxrfactory.errors import CxrError
from cxrfactory.models.classifiers import CLASSIFIERS, build_classifier


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_grey_batch_gives_one_logit_a_label(name):
    network = build_classifier(name, 4, seed=1).eval()
    with torch.inference_mode():
        assert network(torch.rand(2, 1, 80, 80)).shape == (2, 4)


def test_the_seed_alone_decides_on_the_weights():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first = build_classifier("mobilenet-v2", 2, seed=1).state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    again, other = (build_classifier("mobilenet-v2", 2, seed=seed).state_dict() for seed in (1, 2))
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(first["network.features.0.0.weight"], other["network.features.0.0.weight"])


def test_parameters_are_those_of_the_published_networks():
    # torchvision's documentation, 1000 classes: 25,557,032; 3,504,872; 7,978,856 parameters.
    for name, number in (("resnet50", 25_557_032), ("mobilenet-v2", 3_504_872), ("densenet121", 7_978_856)):
        assert sum(p.numel() for p in build_classifier(name, 1000, seed=0).parameters()) == number


def test_first_weights_from_a_file(tmp_path):
    source = build_classifier("mobilenet-v2", 7, seed=9).network.state_dict()
    save_file(source, tmp_path / "w.safetensors")
    filled = build_classifier("mobilenet-v2", 2, seed=1, initial=tmp_path / "w.safetensors").network.state_dict()
    assert torch.equal(filled["features.0.0.weight"], source["features.0.0.weight"])
    assert filled["classifier.1.weight"].shape == (2, 1280)
    with pytest.raises(CxrError, match=r"layers are missing or of another shape, first .*ResNet"):
        build_classifier("resnet50", 2, seed=1, initial=tmp_path / "w.safetensors")
    (tmp_path / "broken.safetensors").write_bytes(b"no")
    with pytest.raises(CxrError, match="not a readable"):
        build_classifier("mobilenet-v2", 2, seed=1, initial=tmp_path / "broken.safetensors")


def test_unknown_name():
    with pytest.raises(CxrError, match="expected one of resnet50"):
        build_classifier("vgg", 2, seed=0)
