"""DICOM objects of PALETTE COLOR: grey where the three palettes are equal."""

import numpy as np
import pytest

from cxrfactory.errors import ImageError
from cxrfactory.imaging.radiograph.reading import read_radiograph

from ..dicom_files import file_bytes, radiograph, ramp

RAMP = np.arange(256)


def write(folder, entries, bits=16, first=0, packed=False, **fields):
    """A film of 8 bits whose palettes hold the entries; ``fields`` replace attributes of the object."""
    made = {"PhotometricInterpretation": "PALETTE COLOR"}
    for colour in ("Red", "Green", "Blue"):
        name = f"{colour}PaletteColorLookupTable"
        made[f"{name}Descriptor"] = [len(entries), first, bits]
        made[f"{name}Data"] = np.asarray(entries, "u1" if packed else "<u2").tobytes()
    path = folder / "film.dcm"
    path.write_bytes(file_bytes(radiograph(bits=8, **made | fields)))
    return path


@pytest.mark.parametrize(
    ("entries", "options"),
    [
        (RAMP * 257, {}),
        (RAMP[::-1] * 257, {}),
        (RAMP, {"bits": 8}),
        (RAMP, {"bits": 8, "packed": True}),
        (RAMP[:200] * 257, {"first": 20}),
    ],
    ids=["words", "inverted", "bytes in words", "bytes", "ends repeated"],
)
def test_equal_palettes_give_their_grey(tmp_path, entries, options):
    found = read_radiograph(write(tmp_path, entries, **options))
    expected = np.asarray(entries)[np.clip(ramp(bits=8).astype(int) - options.get("first", 0), 0, len(entries) - 1)]
    np.testing.assert_array_equal(found.pixels, expected)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"BluePaletteColorLookupTableData": (RAMP[::-1] * 257).astype("<u2").tobytes()}, "true colour"),
        ({"GreenPaletteColorLookupTableData": b""}, "without its palette of green"),
        ({"SegmentedRedPaletteColorLookupTableData": b"\0\0\1\0\0\0"}, "segmented palettes"),
    ],
)
def test_other_palettes_are_refused(tmp_path, fields, says):
    with pytest.raises(ImageError, match=says):
        read_radiograph(write(tmp_path, RAMP * 257, **fields))
