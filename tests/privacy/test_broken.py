"""What is said of a file that cannot be used quotes nothing of it."""

import pytest

from cxrfactory.errors import ImageError
from cxrfactory.imaging.reading import read_radiograph
from tests.privacy.broken import broken_radiographs
from tests.privacy.marks import found_in

BROKEN = broken_radiographs()
# Their wrong field is none that the pixels need, or the flip met one of those.
MAY_BE_READ = (
    "wrong-ViewPosition", "wrong-PixelSpacing", "wrong-ImagerPixelSpacing", "wrong-SpecificCharacterSet",
    "wrong-BurnedInAnnotation", "wrong-PlanarConfiguration", "wrong-PixelAspectRatio", "wrong-PatientBirthDate",
    "wrong-ReferencedImageSequence", "wrong-RescaleType", "wrong-HighBit", "charset", "flipped", "cut-0.99", "sequence",
    "wrong-RescaleSlope", "wrong-RescaleIntercept", "lut",
)  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.filterwarnings("ignore:.*:UserWarning")
def test_a_refusal_quotes_nothing(name, tmp_path, capfd, caplog):
    path = tmp_path / f"{name}.dcm"
    path.write_bytes(BROKEN[name])
    try:
        taken = read_radiograph(path, burnt_in="reject")
    except ImageError as error:
        said = str(error)
        assert "\n" not in said
    else:
        assert name.startswith(MAY_BE_READ)
        said = " ".join(taken.notes)
    printed = capfd.readouterr()
    assert not found_in("\n".join([said, caplog.text, printed.out, printed.err]).encode())
