import pytest
from pydantic import ValidationError

from cxrfactory.config.rca import AlignerConfig
from cxrfactory.errors import CxrError
from cxrfactory.rca.aligners import build_aligner, shares_memory
from cxrfactory.rca.classical import ClassicalAligner
from cxrfactory.rca.deep import DeepAligner
from cxrfactory.tables.weights import sha256_of
from tests.rca.networks import write_network


def test_settings_build_their_aligner(tmp_path):
    weights = write_network(tmp_path / "n.safetensors")
    deep = AlignerConfig(network=str(weights), interpolation="linear")
    assert shares_memory(deep)
    aligner = build_aligner(deep)
    assert isinstance(aligner, DeepAligner)
    assert (aligner.method, aligner.network, aligner.interpolation) == ("deep", sha256_of(weights), "linear")
    classical = AlignerConfig(method="classical")
    assert not shares_memory(classical)
    aligner = build_aligner(classical)
    assert isinstance(aligner, ClassicalAligner)
    assert (aligner.method, aligner.network, aligner.interpolation) == ("classical", None, "nearest")


@pytest.mark.parametrize("wrong", [{"method": "fast"}, {"interpolation": "cubic"}, {"device": "gpu"}])
def test_unknown_settings_are_refused(wrong):
    with pytest.raises(ValidationError, match="Input should be"):
        AlignerConfig(**wrong)


def test_a_network_that_is_not_named_is_refused():
    with pytest.raises(CxrError, match="RCA method is 'deep' and network is null"):
        build_aligner(AlignerConfig(network=None))


def test_an_unknown_device_is_refused(tmp_path):
    with pytest.raises(CxrError, match="device is 'gpu'"):
        DeepAligner(str(write_network(tmp_path / "n.safetensors")), device="gpu")
