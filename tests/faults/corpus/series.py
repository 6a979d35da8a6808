"""Folders of DICOM slices. ``make`` gets the study's folder and puts a folder of slices in the CT's place."""

# One case a line reads better than the same over five.
# ruff: noqa: E501

import copy
import os
from pathlib import Path

from ...imaging.ct_files import ct_slices, write_series
from .case import KEPT, REJECTED, Case
from .volumes import AFFINE, HU, _instead

_CANONICAL = HU.transpose(2, 1, 0)


def _case(name, outcome, change, says=""):
    """``change`` gets the slices before they are written, and may return others."""

    def make(folder: Path) -> None:
        slices = ct_slices(_CANONICAL, AFFINE.copy())
        write_series(_instead(folder, "ct.series"), change(slices) or slices)

    return Case(f"series {name}", outcome, make, says)


def _beside(name, outcome, add, says=""):
    """``add`` gets the folder of the written slices."""

    def make(folder: Path) -> None:
        add(write_series(_instead(folder, "ct.series"), ct_slices(_CANONICAL, AFFINE.copy())))

    return Case(f"series {name}", outcome, make, says)


def _each(**fields):
    def change(slices):
        for one in slices:
            _put(one, fields)

    return change


def _one(**fields):
    return lambda slices: _put(slices[4], fields)


def _put(one, fields):
    for name, value in fields.items():
        if value is None:
            delattr(one, name)
        else:
            setattr(one, name, value)


def _mixed_size(slices):
    one = slices[4]
    one.Rows, one.PixelData = one.Rows - 1, one.PixelData[: -2 * one.Columns]


def _uneven(slices):
    slices[4].ImagePositionPatient = [*slices[4].ImagePositionPatient[:2], slices[4].ImagePositionPatient[2] + 1.5]


def _repeated(slices):
    """Add other slices of the places of the first two; exact copies would be left aside."""
    again = copy.deepcopy(slices[:2])
    for one in again:
        one.PixelData = bytes(len(one.PixelData))
    return [*slices, *again]


def _cut(folder, part=0.5):
    path = sorted(folder.iterdir())[3]
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])


CASES = [
    _case("sound", KEPT, lambda slices: None),
    _beside("with a text file", KEPT, lambda folder: (folder / "README").write_text("x" * 200)),
    _beside("with a hidden file", KEPT, lambda folder: (folder / "._001.dcm").write_bytes(bytes(128) + b"DICM")),
    _beside("with a pipe", KEPT, lambda folder: os.mkfifo(folder / "pipe")),
    _beside("with a file that cannot be read", REJECTED, lambda folder: (folder / "x.dcm").symlink_to("/proc/self/mem"), "cannot be"),
    _case("without a slice", REJECTED, lambda slices: [*slices[:5], *slices[6:]], "uneven"),
    _case("of one slice", REJECTED, lambda slices: slices[:1], "1 DICOM slices"),
    _case("of repeated slices", REJECTED, _repeated, "repeat a position"),
    _case("of two series", REJECTED, _one(SeriesInstanceUID="1.2.3"), "2 series"),
    _case("of mixed sizes", REJECTED, _mixed_size, "2 image sizes"),
    _case("of uneven steps", REJECTED, _uneven, "uneven"),
    _case("of one position", REJECTED, _each(ImagePositionPatient=[0, 0, 0]), "repeat a position"),
    _case("position of two numbers", REJECTED, _one(ImagePositionPatient=[0, 0]), "cannot be read"),
    _case("position of infinity", REJECTED, _one(ImagePositionPatient=["inf", "0", "0"]), "cannot be read|finite"),
    _case("without positions", REJECTED, _each(ImagePositionPatient=None), "without ImagePositionPatient"),
    _case("without spacing", REJECTED, _each(PixelSpacing=None), "without PixelSpacing"),
    _case("spacing of one number", REJECTED, _each(PixelSpacing=[1]), "cannot be read"),
    _case("spacing of 0", REJECTED, _each(PixelSpacing=[0, 0]), "spacing"),
    _case("spacing of 1e9 mm", REJECTED, _each(PixelSpacing=[1e9, 1e9]), "spacing"),
    _case("orientation of zeros", REJECTED, _each(ImageOrientationPatient=[0] * 6), "ImageOrientationPatient"),
    _case("orientation of one slice turned", REJECTED, _one(ImageOrientationPatient=[0, 1, 0, -1, 0, 0]), "another orientation"),
    _case("of another modality", REJECTED, _one(Modality="MR"), "modality MR"),
    _case("of an unknown modality", REJECTED, _one(Modality="SECRET"), "modality unknown"),
    _case("of several frames", REJECTED, _one(NumberOfFrames=4), "multi-frame"),
    _case("in colour", REJECTED, _one(SamplesPerPixel=3), "colour"),
    _case("of a gantry tilt", REJECTED, _each(GantryDetectorTilt=12), "tilt"),
    _case("of two rescales", REJECTED, _one(RescaleSlope=2), "without the change"),
    _case("rescale of NaN", REJECTED, _each(RescaleSlope="nan"), "rescale|read"),
    _case("rescale slope 0", REJECTED, _each(RescaleSlope=0), "slope 0"),
    _case("rescale slope 1e30", REJECTED, _each(RescaleSlope=1e30), "HU"),
    _case("signed among unsigned", KEPT, _one(PixelRepresentation=1)),
    _case("without pixels", REJECTED, _one(PixelData=None), "cannot be decoded"),
    _case("of 65535 rows and columns", REJECTED, _each(Rows=65535, Columns=65535), "voxels|decoded"),
    _case("of rows 0", REJECTED, _each(Rows=0), "spacing|size|read"),
    _beside("with a slice cut in its header", REJECTED, lambda folder: _cut(folder, 0.3), "without|read|decoded|modality"),
    _beside("with a slice cut in its pixels", REJECTED, lambda folder: _cut(folder, 0.8), "decoded"),
    _beside("with a slice of no byte", REJECTED, lambda folder: _cut(folder, 0), "uneven"),
    _case("of bits that do not fit", REJECTED, _each(BitsAllocated=32), "decode"),
]  # fmt: skip
