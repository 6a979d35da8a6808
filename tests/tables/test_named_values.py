import pytest

from cxrfactory.errors import CxrError
from cxrfactory.tables.named_values import named_values


def test_names_and_values_are_parted_at_the_first_sign():
    given = ["north=/data/a=b", "south= c "]
    assert named_values(given, "--root", "NAME=FOLDER", "such as a=b") == {"north": "/data/a=b", "south": " c "}
    assert named_values([], "--root", "NAME=FOLDER", "such as a=b") == {}


@pytest.mark.parametrize("given", ["north", "=films", "north=", "", "="])
def test_other_forms_are_refused_with_the_option(given):
    with pytest.raises(CxrError) as error:
        named_values(["south=films", given], "--root", "NAME=FOLDER", "such as a=b")
    assert str(error.value) == f"--root '{given}': expected NAME=FOLDER, such as a=b"


def test_a_name_is_given_once():
    with pytest.raises(CxrError, match="--root 'a=2': 'a' is given already"):
        named_values(["a=1", "a=2"], "--root", "NAME=FOLDER", "such as a=b")
