"""Pictures that are not one upright frontal chest radiograph with usable grey values: flagged, or refused by name."""

import csv
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

import cxrfactory as cxr
from cxrfactory.config.infer import SegmentConfig
from cxrfactory.imaging.radiograph.prepare import Preparation
from cxrfactory.infer.segment import segment
from cxrfactory.metrics.flags import AT_BORDER, CRUSHED, FLAGS, LOW_RCA, NOT_FRONTAL, SEVERAL, WINDOW
from cxrfactory.rca.judge import QualityJudge
from cxrfactory.rca.packaged import packaged_file
from cxrfactory.rca.reference import read_reference
from tests.reported import Case

KIND = "not one chest"
SOURCE = "envelopes with two films; windows for 8 bits on 12-bit pixels; laterals and other parts among frontals"
SIZE = 512  # pixels

Picture = np.ndarray  # float64 [rows, columns] in [0, 1]
Writer = Callable[[Path, Picture], Path]


@cache
def film(number: int) -> Picture:
    """One of the virtual films of the package, without the black columns that pad some of them."""
    image = read_reference(packaged_file("jsrt")).references[number].image
    large = cv2.resize(image.astype(np.float32), (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
    return large.clip(0, 255).astype(np.float64) / 255


@cache
def segmenter() -> cxr.Segmenter:
    """The weights of the package with their references."""
    return cxr.Segmenter.pretrained("lungs-heart", device="cpu", samples=5)


def png(path: Path, picture: Picture, depth: type = np.uint8) -> Path:
    """Write a picture as PNG of 8 or 16 bits."""
    path = path.with_suffix(".png")
    cv2.imwrite(str(path), np.rint(picture * np.iinfo(depth).max).astype(depth))
    return path


def png16(path: Path, picture: Picture) -> Path:
    """Write a picture as PNG of 16 bits."""
    return png(path, picture, np.uint16)


def jpeg(path: Path, picture: Picture) -> Path:
    """Write a picture as JPEG."""
    path = path.with_suffix(".jpg")
    cv2.imwrite(str(path), np.rint(picture * 255).astype(np.uint8))
    return path


def dicom(path: Path, picture: Picture, **fields: object) -> Path:
    """Write a picture as DX object of 12 bits."""
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
    data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = "1.2.826.0.1.3680043.8.498.1"
    data.Modality, data.ViewPosition, data.BodyPartExamined = "DX", "PA", "CHEST"
    data.PatientName, data.PatientID = "Test^Synthetic", "SYN1"
    data.Rows, data.Columns = picture.shape
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 12, 11, 0
    data.PixelData = np.rint(picture * 4095).astype(np.uint16).tobytes()
    data["PixelData"].VR = "OW"
    for name, value in fields.items():
        setattr(data, name, value)
    path = path.with_suffix(".dcm")
    pydicom.dcmwrite(path, data, enforce_file_format=True)
    return path


WRITERS: dict[str, Writer] = {"png": png, "png16": png16, "jpeg": jpeg, "dicom": dicom}


def side_by_side(*numbers: int) -> Picture:
    """Films beside each other, without the empty margins between them."""
    return np.concatenate([film(number)[:, 30:-30] for number in numbers], axis=1)


ENVELOPES = {
    "two side by side": lambda: side_by_side(1, 2),
    "three side by side": lambda: side_by_side(1, 2, 3),
    "two stacked": lambda: np.concatenate([film(4), film(5)], axis=0),
    "four": lambda: np.concatenate([np.concatenate([film(a), film(b)], axis=1) for a, b in ((6, 7), (8, 9))], axis=0),
    "two with a black gap": lambda: np.concatenate([film(1), np.zeros((SIZE, 40)), film(3)], axis=1),
    "one film and a blank one": lambda: np.concatenate([film(2), np.full((SIZE, SIZE), 0.9)], axis=1),
}


def blurred(sigma: float) -> Picture:
    """Smooth noise."""
    noise = cv2.GaussianBlur(np.random.default_rng(0).normal(size=(SIZE, SIZE)), (0, 0), sigma)
    return (noise - noise.min()) / np.ptp(noise)


def hand() -> Picture:
    """Five bright fingers on a dark ground."""
    picture = np.full((SIZE, SIZE), 0.1)
    for place, tall in zip((70, 160, 250, 340, 430), (200, 300, 330, 310, 230), strict=True):
        cv2.rectangle(picture, (place, 450 - tall), (place + 40, 450), 0.8, -1)
    cv2.ellipse(picture, (260, 450), (200, 90), 0, 0, 360, 0.7, -1)
    return (cv2.GaussianBlur(picture, (0, 0), 6) + 0.03 * blurred(2)).clip(0, 1)


OTHERS = {
    "noise": lambda: blurred(1),
    "smooth noise": lambda: blurred(25),
    "a ramp": lambda: np.tile(np.linspace(0, 1, SIZE), (SIZE, 1)),
    "a hand": hand,
    "a quarter of a film": lambda: cv2.resize(film(3)[: SIZE // 2, : SIZE // 2], (SIZE, SIZE)),
}


def window(low: float, high: float) -> Callable[[Picture], Picture]:
    """Return a window that maps ``low`` to black and ``high`` to white."""
    return lambda picture: ((picture - low) / (high - low)).clip(0, 1)


CRUSHES = {
    "8-bit window": window(0, 256 / 4096),
    "white above 0.3": window(0, 0.3),
    "black below 0.8": window(0.8, 1),
    "narrow in the middle": window(0.45, 0.55),
    "8 grey levels": lambda picture: np.floor(picture * 7.99) / 7,
}


def has_flags(wanted: set[str], write: Callable[[Path], Path], folder: Path) -> None:
    """Assert that a picture is segmented, with at least the flags, each of which is also a note."""
    found = segmenter()(write(folder / "film"))
    assert wanted <= set(found.quality.flags), found.quality
    assert {FLAGS[flag] for flag in wanted} <= set(found.notes)


def is_right(write: Callable[[Path], Path], folder: Path) -> None:
    """Assert that a film is segmented without a flag."""
    quality = segmenter()(write(folder / "film")).quality
    assert quality.flags == ()
    assert quality.dice_rca_mean > 0.85


def is_refused_as_turned(degrees: int, write: Callable[[Path], Path], folder: Path) -> None:
    """Assert that a film is refused, with the turn that sets it upright."""
    with pytest.raises(cxr.ImageError, match=f"on its side or upside down.* a turn of {degrees} degrees clockwise"):
        segmenter()(write(folder / "film"))


def cases() -> Iterator[Case]:
    """All kinds of pictures in the formats that people send."""

    def of(
        kind: Callable[..., None], what: object, write: Callable[[Path, Picture], Path], picture: Picture
    ) -> Callable:
        return lambda folder: kind(what, lambda path: write(path, picture), folder)

    for form, write in WRITERS.items():
        yield Case(f"control {form}", "right", lambda folder, w=write: is_right(lambda path: w(path, film(0)), folder))
        for name, make in ENVELOPES.items():
            yield Case(f"{name} {form}", "reported", of(has_flags, {SEVERAL}, write, make()))
        for name, make in OTHERS.items():
            yield Case(f"{name} {form}", "reported", of(has_flags, {NOT_FRONTAL, LOW_RCA}, write, make()))
        for name, crush in CRUSHES.items():
            if form != "jpeg" or "levels" not in name:  # the losses of JPEG fill the levels
                yield Case(f"{name} {form}", "reported", of(has_flags, {CRUSHED}, write, crush(film(0))))
        for turn, degrees in ((1, 90), (2, 180), (3, 270)):
            turned = np.rot90(film(5), turn)
            yield Case(f"turned by {degrees} {form}", "refused", of(is_refused_as_turned, degrees, write, turned))
    cut = film(4)[:, SIZE // 4 :]
    yield Case("a lung is cut off", "reported", of(has_flags, {AT_BORDER}, png, cut))
    eight = lambda path, picture: dicom(path, picture, WindowCenter=128, WindowWidth=256)  # noqa: E731
    yield Case("window of 8 bits in the header", "reported", of(has_flags, {CRUSHED}, eight, film(0)))
    nearly_white = 0.9 * film(0) + 0.1
    nearly_white[:9, :9] = 0  # a few dark pixels, so that the window shows two greys
    yield Case("window that shows nearly nothing", "reported", of(has_flags, {WINDOW}, eight, nearly_white))


CASES = list(cases())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case(case, tmp_path):
    case.run(tmp_path)


def test_the_command_keeps_flagged_rows_and_counts_the_flags(tmp_path, caplog):
    folder = tmp_path / "in"
    folder.mkdir()
    png(folder / "one", film(0))
    png(folder / "two", side_by_side(1, 2))
    png(folder / "turned", np.rot90(film(5)))
    out = tmp_path / "out.csv"
    settings = SegmentConfig(device="cpu", samples=5)
    with caplog.at_level("INFO", "cxrfactory"):
        counts = segment(
            [folder],
            "pretrained",
            out,
            settings,
            Preparation(),
            judge=lambda *opened: QualityJudge(*opened, settings.reference, settings.compare),
        )
    assert counts == (2, 1)
    with out.with_suffix(".quality.csv").open() as stream:
        rows = {row["image_id"]: row for row in csv.DictReader(stream)}
    assert (rows["one.png"]["typicality"], rows["one.png"]["flags"]) == ("1.0", "")
    assert SEVERAL in rows["two.png"]["flags"]
    assert f"{SEVERAL} 1" in caplog.text
    table = cxr.read_chexmask(out).set_index("image_id")["Dice RCA (Mean)"]
    assert table["one.png"] > 0.85
    assert table["two.png"] < 0.7
