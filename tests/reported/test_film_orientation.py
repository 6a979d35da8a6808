"""Films that their header calls mirrored or turned: turned back, noted, and mapped back to the pixels as stored."""

import io

import numpy as np
import pytest
from PIL import Image
from pydicom.uid import JPEG2000Lossless

from cxrfactory.errors import ImageError
from cxrfactory.imaging.radiograph.prepare import Preparation, prepare
from cxrfactory.imaging.radiograph.reading import read_radiograph
from cxrfactory.imaging.radiograph.screening import AS_STORED, HeaderChecks
from cxrfactory.imaging.turns import ORIENTATIONS, lies_on_its_side, stored
from tests.imaging.dicom_files import SECRETS, file_bytes, radiograph, ramp
from tests.reported import Case

KIND = "orientation of films"
SOURCE = "dcm2niix#204, OHIF#4089"

USUAL = ramp()
SPACING = [0.2, 0.3]
LPS = {"L": (1, 0, 0), "R": (-1, 0, 0), "P": (0, 1, 0), "A": (0, -1, 0), "H": (0, 0, 1), "F": (0, 0, -1)}
IDENTITY = [1, 0, 0, 0, 1, 0]


def _cosines(row, column):
    return [*LPS[row], *LPS[column]]


def _read(folder, dataset, **checks):
    path = folder / "film"
    path.write_bytes(file_bytes(dataset))
    return read_radiograph(path, checks=HeaderChecks(**checks))


def _film(orientation="LF", **header):
    """The ramp as a file of this orientation stores it."""
    spacing = SPACING[::-1] if lies_on_its_side(orientation) else SPACING
    return radiograph(np.ascontiguousarray(stored(USUAL, orientation)), PixelSpacing=spacing, **header)


def _turned(orientation, values=None, compress=False, **header):
    def run(folder):
        given = {"PatientOrientation": list(orientation) if values is None else values, **header}
        dataset = _film(orientation, **given)
        if compress:
            dataset.compress(JPEG2000Lossless, generate_instance_uid=False)
        found = _read(folder, dataset)
        expected = 4095 - USUAL if header.get("PhotometricInterpretation") == "MONOCHROME1" else USUAL
        assert np.array_equal(found.pixels, expected)
        assert found.pixels.flags.c_contiguous
        assert (found.orientation, found.spacing_mm) == (orientation, tuple(SPACING))
        turned = [note for note in found.notes if note.startswith("turned back")]
        assert len(turned) == (orientation != "LF")

    return run


def _maps_back(orientation):
    """The prepared picture equals that of the usual film; points and masks come back to the pixels as stored."""

    def run(folder):
        recipe = Preparation(size=128, remove_borders=False)
        usual, _ = prepare(_read(folder, _film()), recipe)
        film = _read(folder, _film(orientation, PatientOrientation=list(orientation)))
        picture, geometry = prepare(film, recipe)
        assert np.array_equal(picture, usual)
        shape = stored(USUAL, orientation).shape
        assert (geometry.original_height, geometry.original_width) == shape == film.stored_shape
        mask = np.zeros_like(USUAL, np.uint8)
        mask[10:30, 50:80] = 1
        there = geometry.forward_image(np.ascontiguousarray(stored(mask, orientation)) * np.uint8(255)) >= 128
        expected = stored(mask, orientation)
        back = geometry.inverse_mask(there.astype(np.uint8))
        overlap = (back & expected).sum() / (back | expected).sum()
        assert overlap > 0.93
        at = np.argwhere(stored(USUAL[20, 60] == USUAL, orientation))[:, ::-1].astype(float)
        assert np.allclose(geometry.inverse_points(geometry.forward_points(at)), at)
        as_stored = read_radiograph(folder / "film", checks=AS_STORED)
        assert np.array_equal(as_stored.pixels, stored(USUAL, orientation))

    return run


def _as_stored(values, notes=0, checks=None, **header):
    def run(folder):
        found = _read(folder, _film(PatientOrientation=values, **header), **(checks or {}))
        assert np.array_equal(found.pixels, USUAL)
        assert (found.orientation, len(found.notes)) == ("LF", notes)
        assert not any(secret in note for note in found.notes for secret in SECRETS)

    return run


def _refused(values, said, checks=None, **header):
    def run(folder):
        with pytest.raises(ImageError) as caught:
            _read(folder, _film(PatientOrientation=values, **header), **(checks or {}))
        assert said in str(caught.value)
        assert "\n" not in str(caught.value)
        assert not any(secret in str(caught.value) for secret in SECRETS)

    return run


def _exif(kind, value, does="turn"):
    """A picture of this orientation number; 0 and 9 say nothing."""
    said = ORIENTATIONS[value - 1] if 1 <= value <= 8 else "LF"

    def run(folder):
        exif = Image.Exif()
        if value:
            exif[0x0112] = value
        pixels, buffer = np.ascontiguousarray(stored(ramp(bits=8), said)), io.BytesIO()
        Image.fromarray(pixels).save(buffer, kind, exif=exif, **({"quality": 95} if kind == "JPEG" else {}))
        (folder / "film").write_bytes(buffer.getvalue())
        if does == "reject":
            with pytest.raises(ImageError, match=f"EXIF orientation {value}; set preprocess.orientation to turn"):
                read_radiograph(folder / "film", checks=HeaderChecks(orientation=does))
            return
        found = read_radiograph(folder / "film", checks=HeaderChecks(orientation=does))
        expected = ramp(bits=8) if does == "turn" else pixels
        assert found.pixels.shape == expected.shape
        assert np.abs(found.pixels.astype(int) - expected).max() <= (4 if kind == "JPEG" else 0)
        assert found.orientation == (said if does == "turn" else "LF")
        assert [note.split(":")[0] for note in found.notes] == [f"EXIF orientation {value}"] * (said != "LF")

    return run


MONOCHROME1 = {"PhotometricInterpretation": "MONOCHROME1"}
IGNORE, REJECT = {"orientation": "ignore"}, {"orientation": "reject"}
CASES = [
    *(Case(f"{each}, MONOCHROME2", "right", _turned(each)) for each in ORIENTATIONS),
    *(Case(f"{each}, MONOCHROME1", "right", _turned(each, **MONOCHROME1)) for each in ORIENTATIONS),
    *(Case(f"{each}, JPEG 2000", "right", _turned(each, compress=True)) for each in ORIENTATIONS),
    *(Case(f"{each}, there and back", "right", _maps_back(each)) for each in ORIENTATIONS),
    *(Case(f"{each}, by numbers", "right", _turned(each, [], ImageOrientationPatient=_cosines(*each)))
      for each in ORIENTATIONS),
    *(Case(f"{each}, by both", "right", _turned(each, ImageOrientationPatient=_cosines(*each)))
      for each in ORIENTATIONS),
    Case("compound letters", "right", _turned("RF", ["RA", "FP"])),
    Case("compound of three", "right", _turned("RH", ["RAF", "HPL"])),
    Case("compound usual", "right", _turned("LF", ["L", "FA"])),
    Case("lower case", "right", _turned("RF", ["r", "f"])),
    Case("blanks", "right", _turned("RF", ["R ", " F"])),
    Case("one value with a slash", "right", _turned("RF", "R/F")),
    Case("tilted numbers", "right", _turned("RF", [], ImageOrientationPatient=[-0.98, 0.2, 0, 0, 0.1, -0.99])),
    Case("mirrored AP", "right", _turned("RF", ViewPosition="AP")),
    Case("absent", "right", _as_stored([])),
    Case("empty", "right", _as_stored("")),
    Case("two empty values", "right", _as_stored(["", ""])),
    Case("identity of converters", "right", _as_stored([], ImageOrientationPatient=IDENTITY)),
    Case("identity beside a mirrored film", "right", _turned("RF", ImageOrientationPatient=IDENTITY)),
    Case("not known", "reported", _as_stored("UNKNOWN", 1)),
    Case("zero cosines", "reported", _as_stored([], 1, ImageOrientationPatient=[0] * 6)),
    Case("three cosines", "reported", _as_stored([], 1, ImageOrientationPatient=[1, 0, 0])),
    Case("axial cosines", "reported", _as_stored([], 1, ImageOrientationPatient=_cosines("R", "A"))),
    Case("oblique cosines", "reported", _as_stored([], 1, ImageOrientationPatient=[0.7, 0.7, 0, 0, 0, -1])),
    Case("flip of the detector alone", "reported", _as_stored([], 1, FieldOfViewHorizontalFlip="YES")),
    Case("flip of the detector, usual", "right", _as_stored(["L", "F"], FieldOfViewHorizontalFlip="YES")),
    Case("one direction", "refused", _refused("R", "not two directions")),
    Case("second empty", "refused", _refused(["R", ""], "not two directions")),
    Case("three directions", "refused", _refused(["L", "F", "A"], "not two directions")),
    Case("one line", "refused", _refused(["L", "R"], "both on one line")),
    Case("twice the same", "refused", _refused(["F", "F"], "both on one line")),
    Case("compound that excludes itself", "refused", _refused(["LR", "F"], "not two directions")),
    Case("nonsense", "refused", _refused(["X", "Y"], "a text of 3 signs")),
    Case("quadruped", "refused", _refused(["LE", "V"], "a text of 4 signs")),
    Case("a patient's text", "refused", _refused("Doe^Secret", "a text of 10 signs")),
    *(Case(f"side view {row}{column}", "refused", _refused([row, column], "side view"))
      for row, column in ("AF", "PF", "AH", "PH", "FA", "FP")),
    Case("side view names the view", "refused", _refused(["P", "F"], "P\\F, but the view PA")),
    Case("axial plane", "refused", _refused(["L", "P"], "axial plane")),
    Case("side view by numbers", "refused",
         _refused([], "side view", ImageOrientationPatient=_cosines("P", "F"))),
    Case("two statements", "refused",
         _refused(["L", "F"], "PatientOrientation L\\F and ImageOrientationPatient R\\F",
                  ImageOrientationPatient=_cosines("R", "F"))),
    Case("reject mirrored", "refused", _refused(["R", "F"], "mirrored or turned", REJECT)),
    Case("reject takes the usual", "right", _as_stored(["L", "F"], 0, REJECT)),
    Case("ignore mirrored", "reported", _as_stored(["R", "F"], 1, IGNORE)),
    Case("ignore nonsense", "reported", _as_stored("Doe^Secret", 1, IGNORE)),
    Case("ignore two statements", "right",
         _as_stored(["L", "F"], 0, IGNORE, ImageOrientationPatient=_cosines("R", "F"))),
    *(Case(f"EXIF {value} in {kind}", "right", _exif(kind, value))
      for kind in ("JPEG", "PNG", "TIFF") for value in range(10)),
    *(Case(f"EXIF {value} in {kind}, {does}", "refused" if does == "reject" else "reported", _exif(kind, value, does))
      for kind in ("JPEG", "PNG", "TIFF") for value in (3, 6) for does in ("ignore", "reject")),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:Invalid value for VR")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case(case, tmp_path):
    case.run(tmp_path)
