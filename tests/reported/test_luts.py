"""Modality and VOI tables in every form of the standard, and windows, against the formulas of PS3.3 C.11."""

import itertools
import math

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from cxrfactory.imaging.radiograph.reading import read_radiograph
from tests.imaging.dicom_reference import file_content
from tests.reported import Case
from tests.reported.films import dx, film, refused, right, write

KIND = "modality and VOI tables, windows"
SOURCE = "Enet4/dicom-rs#825; cornerstone#79; pydicom#942, #2317; dcm4che#1521"

SYNTAXES = {"implicit": ImplicitVRLittleEndian, "explicit": ExplicitVRLittleEndian, "big endian": ExplicitVRBigEndian}
# Entries in words of 16 bits; or, for entries of 8 bits, two to a word.
SIGNS = ("unsigned", "signed")
FORMS = ("US", "OW", "OW bytes", "OB bytes")
RISING = {bits: np.minimum(np.arange(4096) * (1 << bits) // 4096, (1 << bits) - 1) for bits in range(8, 17)}


def curve(bits):
    """An S-shaped table of 4096 entries of ``bits`` bits, as consoles write them; it never falls."""
    x = np.linspace(-6, 6, 4096)
    return np.rint(((1 << bits) - 1) / (1 + np.exp(-x))).astype(np.int64)


def table(entries, first, bits, form="OW", descriptor="US", count=None, little=True):
    item = Dataset()
    numbers = [(len(entries) if count is None else count) & 0xFFFF, first & 0xFFFF, bits]
    if descriptor == "SS":
        numbers = [number - 65536 if number > 32767 else number for number in numbers]
    item.add_new("LUTDescriptor", descriptor, numbers)
    if form == "US":
        item.add_new("LUTData", "US", [int(entry) for entry in entries])
        return item
    if form.endswith("bytes"):
        data = np.asarray(entries, np.uint8).tobytes() + b"\0" * (len(entries) % 2)
        if form.startswith("OW") and not little:  # words are swapped, the first entry is in the low byte
            data = np.frombuffer(data, np.uint16).byteswap().tobytes()
    else:
        data = np.asarray(entries, "<u2" if little else ">u2").tobytes()
    item.add_new("LUTData", form[:2], data)
    return item


def slow_table(values, entries, first):
    """PS3.3 C.11.1.1: smaller values get the first entry, larger ones the last."""
    found = [int(entries[min(max(int(value) - first, 0), len(entries) - 1)]) for value in np.ravel(values)]
    return np.array(found).reshape(np.shape(values))


def slow_window(values, centre, width, function, low, high):
    """PS3.3 C.11.2.1.2 and C.11.2.1.3, a value at a time."""
    found = []
    for x in np.ravel(values).astype(float).tolist():
        if function == "SIGMOID":
            y = (high - low) / (1 + math.exp(-4 * (x - centre) / width)) + low
        elif function == "LINEAR_EXACT":
            y = min(max((x - centre) / width + 0.5, 0), 1) * (high - low) + low
        elif x <= centre - 0.5 - (width - 1) / 2:
            y = low
        elif x > centre - 0.5 + (width - 1) / 2:
            y = high
        else:
            y = ((x - (centre - 0.5)) / (width - 1) + 0.5) * (high - low) + low
        found.append(y)
    return np.array(found).reshape(np.shape(values))


def content(syntax="explicit", pixels=None, **fields):
    pixels = film() if pixels is None else pixels
    dataset = dx(pixels, fields.pop("bits", 12), **fields)
    if syntax == "big endian":
        dataset.PixelData = pixels.astype(pixels.dtype.newbyteorder(">")).tobytes()
    dataset.file_meta.TransferSyntaxUID = SYNTAXES[syntax]
    return file_content(dataset)


def exact(make, truth, notes=0, tolerance=0.0):
    """The picture has the very values of the formula (shifted up to 0 where they are negative)."""

    def run(folder):
        found = read_radiograph(write(folder, make()))
        expected = truth() - min(truth().min(), 0) if found.pixels.dtype.kind == "u" else truth()
        assert np.abs(found.pixels.astype(np.float64) - expected).max() <= tolerance
        assert len(found.notes) == notes, found.notes

    return run


def of_table(sequence, bits, form, first, syntax):
    """A film through one table; with a negative first value, a rescale makes its input negative."""
    entries = curve(bits)
    fields = {sequence: Sequence([table(entries, first, bits, form, little=syntax != "big endian")])}
    if first < 0:
        fields |= {"RescaleSlope": 1, "RescaleIntercept": first}
    values = film().astype(int) + min(first, 0)
    return exact(lambda: content(syntax, **fields), lambda: slow_table(values, entries, first))


def of_signed(sequence, first, descriptor):
    pixels = film().astype(np.int16) - 2048
    entries = curve(16)
    fields = {sequence: Sequence([table(entries, first, 16, descriptor=descriptor)])}
    return exact(lambda: content(pixels=pixels, **fields), lambda: slow_table(pixels, entries, first))


def of_window(function, centre, width, slope, intercept, signed):
    pixels = film().astype(np.int16) - 2048 if signed else film()
    values = pixels * float(slope) + intercept
    ends = sorted(((-2048 if signed else 0) * slope + intercept, (2047 if signed else 4095) * slope + intercept))
    fields = {"WindowCenter": centre, "WindowWidth": width, "RescaleSlope": slope, "RescaleIntercept": intercept}
    if function:
        fields["VOILUTFunction"] = function
    span = ends[1] - ends[0]
    return exact(
        lambda: content(pixels=pixels, **fields),
        lambda: slow_window(values, centre, width, function or "LINEAR", *ends),
        tolerance=1e-6 * max(span, abs(ends[0]), abs(ends[1])),
    )


def voi(*items, **fields):
    return lambda: content(VOILUTSequence=Sequence(items), **fields)


def modality(*items, **fields):
    return lambda: content(ModalityLUTSequence=Sequence(items), **fields)


S16, S8 = curve(16), curve(8)
EMPTY = Dataset()
FULL = np.arange(65536)  # a table of 65536 entries, whose number does not fit the descriptor and is written as 0


def both():
    first, second = RISING[14][::-1], curve(12)
    pixels = 4095 - film()
    fields = {
        "ModalityLUTSequence": Sequence([table(first, 0, 14)]),
        "VOILUTSequence": Sequence([table(np.repeat(second, 4), 0, 12)]),
    }
    through = slow_table(slow_table(pixels, first, 0), np.repeat(second, 4), 0)
    return exact(lambda: content(pixels=pixels, **fields), lambda: through)


CASES = [
    *(
        Case(
            f"{sequence}, {bits} bits, {form}, first {first}, {syntax}",
            "right",
            of_table(sequence, bits, form, first, syntax),
        )
        for sequence, bits, form, syntax in itertools.product(
            ("ModalityLUTSequence", "VOILUTSequence"), (8, 10, 11, 12, 13, 14, 15, 16), FORMS, SYNTAXES
        )
        for first in ((0, 100) if sequence == "ModalityLUTSequence" else (0, 100, -2048))
        if bits == 8 or not form.endswith("bytes")
        if not (form == "OB bytes" and syntax == "implicit")  # which has no OB for this element
    ),
    *(
        Case(f"signed pixels, {sequence} of {descriptor}", "right", of_signed(sequence, -2048, descriptor))
        for sequence in ("ModalityLUTSequence", "VOILUTSequence")
        for descriptor in ("US", "SS")
    ),
    *(
        Case(
            f"window {function or 'of no function'}, {centre}/{width}, slope {slope:g}, {SIGNS[signed]}",
            "right",
            of_window(function, centre, width, slope, intercept, signed),
        )
        for function, (centre, width), (slope, intercept), signed in itertools.product(
            (None, "LINEAR", "LINEAR_EXACT", "SIGMOID"),
            ((500, 2000), (123.5, 777.5)),
            ((1, 0), (1, -1000), (2.5, 10.5), (-1, 1000)),
            (False, True),
        )
    ),
    Case("modality table, then VOI table", "right", both()),
    Case(
        "table of 65536 entries, written as 0",
        "right",
        exact(voi(table(FULL, 0, 16, count=0), pixels=film(16), bits=16), lambda: film(16)),
    ),
    Case(
        "VOI table before window",
        "right",
        exact(voi(table(S16, 0, 16), WindowCenter=10, WindowWidth=20), lambda: slow_table(film(), S16, 0)),
    ),
    Case(
        "two VOI tables: the first, with a note",
        "right",
        exact(voi(table(S16, 0, 16), table(S16[::-1], 0, 16)), lambda: slow_table(film(), S16, 0), notes=1),
    ),
    Case(
        "an empty VOI item, then a table",
        "right",
        exact(voi(EMPTY, table(S16, 0, 16)), lambda: slow_table(film(), S16, 0), notes=1),
    ),
    Case("only an empty VOI item", "right", exact(voi(EMPTY), film, notes=1)),
    Case("12-bit entries under 16 bits", "right", right(voi(table(np.arange(4096), 0, 16)), film, notes=0)),
    Case("12-bit entries under 8 bits", "right", right(voi(table(np.arange(4096), 0, 8)), film, notes=1)),
    Case("16-bit entries under 12 bits", "right", right(voi(table(np.arange(4096) * 16, 0, 12)), film, notes=1)),
    Case(
        "more data than entries, not needed",
        "right",
        exact(
            voi(table(S16, 0, 16, count=4096 - 10), pixels=np.minimum(film(), 4085)),
            lambda: slow_table(np.minimum(film(), 4085), S16, 0),
            notes=1,
        ),
    ),
    Case("more data than entries, needed", "refused", refused(voi(table(S16, 0, 16, count=256)), "4096", "256")),
    Case(
        "fewer data than entries, not needed",
        "right",
        exact(
            voi(table(S16[:1024], 0, 16, count=4096), pixels=film(10), bits=10),
            lambda: slow_table(film(10), S16, 0),
            notes=1,
        ),
    ),
    Case(
        "fewer data than entries, needed", "refused", refused(voi(table(S16[:1024], 0, 16, count=4096)), "1024", "4096")
    ),
    Case(
        "modality table too short",
        "refused",
        refused(modality(table(S16[:1024], 0, 16, count=4096)), "modality table", "1024", "4096"),
    ),
    Case("modality table without data", "refused", refused(modality(EMPTY), "modality table")),
    Case("entries of 3 bits", "refused", refused(voi(table(np.arange(4096) % 8, 0, 3)), "3 bits")),
    Case("entries of 32 bits", "refused", refused(voi(table(S16, 0, 32)), "32 bits")),
    Case(
        "8-bit entries with the second byte set alike",
        "right",
        right(voi(table(S8 * 257, 0, 8)), lambda: slow_table(film(), S8, 0)),
    ),
    Case(
        "MONOCHROME1 through a VOI table",
        "right",
        exact(
            voi(table(S16, 0, 16), PhotometricInterpretation="MONOCHROME1"),
            lambda: S16[film()].max() + S16[film()].min() - S16[film()],
        ),
    ),
    *(
        Case(
            f"MONOCHROME1 and {shape}",
            "right",
            exact(
                lambda s=shape: content(
                    pixels=4095 - film(), PhotometricInterpretation="MONOCHROME1", PresentationLUTShape=s
                ),
                film,
                notes=int(shape == "IDENTITY"),
            ),
        )
        for shape in ("INVERSE", "IDENTITY")
    ),
    Case(
        "first value negative as SS",
        "right",
        exact(
            voi(table(S16, -2048, 16, descriptor="SS"), RescaleSlope=1, RescaleIntercept=-2048),
            lambda: slow_table(film(), S16, 0),
        ),
    ),
    Case(
        "first value 40000 of unsigned pixels",
        "right",
        exact(
            voi(table(S16, 40000, 16), pixels=film() + np.uint16(40000), bits=16), lambda: slow_table(film(), S16, 0)
        ),
    ),
    Case(
        "first value 40000, said to be signed",
        "right",
        exact(
            voi(table(S16, 40000, 16, descriptor="SS"), pixels=film() + np.uint16(40000), bits=16),
            lambda: slow_table(film(), S16, 0),
        ),
    ),
    Case(
        "a VOI table after a rescale with fractions",
        "right",
        exact(
            voi(table(S16, 0, 16), RescaleSlope=0.5, RescaleIntercept=0),
            lambda: slow_table(np.floor(film() * 0.5 + 0.5), S16, 0),
        ),
    ),
    Case(
        "slope -1",
        "right",
        right(lambda: content(pixels=4095 - film(), RescaleSlope=-1, RescaleIntercept=4095), film, notes=0),
    ),
    Case(
        "slope -1 and a window",
        "right",
        right(
            lambda: content(
                pixels=4095 - film(), RescaleSlope=-1, RescaleIntercept=4095, WindowCenter=2048, WindowWidth=4096
            ),
            film,
            notes=0,
            tolerance=1e-3,
        ),
    ),
    Case("slope 0", "refused", refused(lambda: content(RescaleSlope=0, RescaleIntercept=5), "RescaleSlope 0")),
    Case("intercept without slope", "right", right(lambda: content(RescaleIntercept=-1024), film, notes=0)),
    Case("window of width 0", "right", right(lambda: content(WindowCenter=100, WindowWidth=0), film, notes=1)),
    Case(
        "window of width 0.5, exact",
        "right",
        exact(
            lambda: content(WindowCenter=2048, WindowWidth=0.5, VOILUTFunction="LINEAR_EXACT"),
            lambda: slow_window(film(), 2048, 0.5, "LINEAR_EXACT", 0, 4095),
        ),
    ),
    Case(
        "window of width 1",
        "right",
        exact(lambda: content(WindowCenter=2048, WindowWidth=1), lambda: np.where(film() > 2047.5, 4095, 0)),
    ),
    Case(
        "window beside all values",
        "refused",
        refused(lambda: content(WindowCenter=-20000, WindowWidth=100), "every pixel", "window"),
    ),
    Case(
        "window beside nearly all values",
        "right",
        right(
            lambda: content(WindowCenter=20, WindowWidth=1, pixels=np.maximum(film(), 30) * (film() > 0)),
            lambda: np.maximum(film(), 30) * (film() > 0),
            notes=1,
        ),
    ),
    Case(
        "window function of free words",
        "refused",
        refused(lambda: content(WindowCenter=100, WindowWidth=50, VOILUTFunction="SECRET"), "VOILUTFunction"),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case(case, tmp_path):
    case.run(tmp_path)
