import pytest

from cxrfactory.errors import CxrError
from cxrfactory.evaluate.generalise.pixel_sizes import pixel_sizes


def test_sizes_by_source():
    assert pixel_sizes(["North=0.2", "a=b=1"]) == {"North": 0.2, "a=b": 1.0}
    assert pixel_sizes([]) == {}


@pytest.mark.parametrize(
    "text", ["North", "=0.2", "North=", "North=x", "North=0", "North=-1", "North=inf", "North=nan"]
)
def test_other_forms_are_one_line(text):
    with pytest.raises(CxrError, match=r"--pixel-mm: found '.*'; expected SOURCE=MM with a size above 0"):
        pixel_sizes([text])


def test_a_source_twice_is_refused():
    with pytest.raises(CxrError, match="once for each source"):
        pixel_sizes(["North=1", "North=2"])
