import pytest

from cxrfactory.errors import CxrError
from cxrfactory.rca.aligners import AlignerChoice
from cxrfactory.rca.classical import ClassicalAligner
from cxrfactory.rca.deep import DeepAligner
from cxrfactory.tables.weights import sha256_of
from tests.rca.networks import write_network


def test_a_choice_builds_its_aligner(tmp_path):
    weights = write_network(tmp_path / "n.safetensors")
    deep = AlignerChoice(network=str(weights), interpolation="linear")
    assert deep.shares_memory
    aligner = deep.build()
    assert isinstance(aligner, DeepAligner)
    assert (aligner.method, aligner.network, aligner.interpolation) == ("deep", sha256_of(weights), "linear")
    classical = AlignerChoice("classical")
    assert not classical.shares_memory
    aligner = classical.build()
    assert isinstance(aligner, ClassicalAligner)
    assert (aligner.method, aligner.network, aligner.interpolation) == ("classical", None, "nearest")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"method": "fast"}, "RCA method is 'fast'; expected one of classical, deep"),
        ({"interpolation": "cubic"}, "RCA interpolation is 'cubic'; expected one of nearest, linear"),
    ],
)
def test_unknown_choices_are_refused(wrong, said):
    with pytest.raises(CxrError, match=said):
        AlignerChoice(**wrong)


def test_an_unknown_device_is_refused(tmp_path):
    with pytest.raises(CxrError, match="device is 'gpu'"):
        AlignerChoice(network=str(write_network(tmp_path / "n.safetensors")), device="gpu").build()
