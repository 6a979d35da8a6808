"""What is said of a file that cannot be used quotes nothing of it."""

import pytest

from cxrfactory.errors import ImageError
from cxrfactory.imaging.radiograph.reading import read_radiograph
from tests.privacy.broken import PIXELS, broken_radiographs
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


@pytest.mark.parametrize(("name", "attribute"), [("burnt-in", "BurnedIn"), ("recognizable", "RecognizableVisual")])
def test_flagged_pixels_are_kept_only_on_demand(name, attribute, tmp_path):
    path = tmp_path / "a.dcm"
    path.write_bytes(BROKEN[name])
    with pytest.raises(ImageError, match=f"^burnt-in annotation: {attribute}"):
        read_radiograph(path, burnt_in="reject")
    taken = read_radiograph(path, burnt_in="keep")
    assert [note.split(" ")[0].startswith(attribute) for note in taken.notes] == [True]
    assert taken.pixels.shape == PIXELS.shape
