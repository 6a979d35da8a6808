"""Random and mutated input: every reader gives a value or one line, never another exception."""

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cxrfactory.errors import CxrError
from cxrfactory.imaging.radiograph.reading import read_radiograph
from cxrfactory.ingest.manifest import read_manifest
from cxrfactory.tables.arrays import read_points
from cxrfactory.tables.chexmask import read_chexmask
from cxrfactory.tables.landmark_text import parse_landmarks
from cxrfactory.tables.report_sections import join_report, parse_sections
from cxrfactory.tables.rle import rle_decode
from cxrfactory.tables.weights import read_weights

from .checks import check_reason
from .corpus import dicom, jpeg, labelled, other_files, png, values
from .corpus.tables import NIH, NIH_TABLE, NIH_TEXT

pytestmark = pytest.mark.filterwarnings("ignore")
quick = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
DIGITS = st.text(" 0123456789-+.,eE_[]\n\t\v\f\0\xa0\u0661naif", max_size=60)
WORDS = st.sampled_from(
    ["FINDINGS", "Findings:", "IMPRESSION:", "\n", "\n\n", ":", "___", "[** x **]", "and", "1.", " ", "The lungs."]
)


def outcome(call, folder):
    """A value, or None where it was refused in one line."""
    try:
        return call()
    except CxrError as error:
        check_reason(str(error), folder, may_name_input=True)
        return None


@st.composite
def mutated(draw, sources, header):
    """One of some files, with bytes of its first ``header`` changed, a piece cut out or put in, or its end cut."""
    data = bytearray(draw(st.sampled_from(sources)))
    for place, value in draw(st.lists(st.tuples(st.integers(0, header - 1), st.integers(0, 255)), max_size=4)):
        data[place % len(data)] = value
    if draw(st.booleans()):
        place = draw(st.integers(0, len(data)))
        data[place : place + draw(st.integers(0, 40))] = draw(st.binary(max_size=40))
    return bytes(data[: draw(st.integers(0, len(data)))]) if draw(st.integers(0, 3)) == 0 else bytes(data)


PICTURES = {
    "png": ([png.PLAIN, png.png(png.interlaced(png.GREY), head=png.header(interlace=1))], 60),
    "jpeg": ([jpeg.PLAIN, jpeg.jpeg(progressive=True)], 400),
    "tiff": ([other_files.saved(png.GREY, "TIFF")], 300),
    "dicom": ([dicom.plain(), dicom.implicit(), dicom.deflated()], 1200),
    "compressed dicom": ([dicom._jpeg(), dicom.packed([dicom._jpeg_2000()], dicom.JPEG2000Lossless)], 1600),
}


@pytest.mark.parametrize("kind", PICTURES)
def test_radiographs(kind, tmp_path):
    sources, header = PICTURES[kind]

    @quick
    @given(mutated(sources, header))
    def run(data):
        (tmp_path / "x").write_bytes(data)
        found = outcome(lambda: read_radiograph(tmp_path / "x", 1.0), tmp_path)
        if found is not None:
            assert found.pixels.ndim == 2
            assert np.isfinite(found.pixels).all()

    run()


@quick
@given(DIGITS, st.integers(1, 20), st.integers(1, 20))
def test_rle(tmp_path, text, height, width):
    mask = outcome(lambda: rle_decode(text, height, width), tmp_path)
    assert mask is None or (mask.shape == (height, width) and mask.max(initial=0) <= 1)


@quick
@given(st.one_of(DIGITS, st.text(max_size=40)), st.integers(0, 240))
def test_landmarks(tmp_path, piece, place):
    numbers = [str(n) for n in range(240)]
    for text in (piece, ",".join([*numbers[:place], piece, *numbers[place + 1 :]]), f"[{','.join(numbers)}{piece}]"):
        points = outcome(lambda text=text: parse_landmarks(text), tmp_path)
        assert points is None or np.isfinite(points).all()


@settings(quick, max_examples=40)
@given(mutated([NIH_TEXT.encode()], len(NIH_TEXT)))
def test_tables_of_releases(tmp_path, data):
    (tmp_path / NIH_TABLE).write_bytes(data)
    manifest = outcome(lambda: read_manifest(NIH, tmp_path), tmp_path)
    assert manifest is None or (manifest["included"] == manifest["exclusion_reason"].isna()).all()


@quick
@given(mutated([(values.CHEXMASK + values.ROW * 2).encode()], 140))
def test_chexmask_tables(tmp_path, data):
    (tmp_path / "t.csv").write_bytes(data)
    outcome(lambda: read_chexmask(tmp_path / "t.csv"), tmp_path)


@quick
@given(mutated([values.safetensors({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}, bytes(8))], 70))
def test_weights(tmp_path, data):
    path = values.write_weights_as_is(tmp_path, data)
    outcome(lambda: read_weights(path), tmp_path)


@settings(quick, max_examples=15)
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_weights_card(tmp_path, card):
    path = values.write_weights_as_is(tmp_path, b"", json.dumps(card).encode())
    assert outcome(lambda: read_weights(path), tmp_path) is None


@quick
@given(mutated([labelled.npy(labelled.points())], 128))
def test_contours(tmp_path, data):
    (tmp_path / "a.npy").write_bytes(data)
    points = outcome(lambda: read_points(tmp_path / "a.npy", 44), tmp_path)
    assert points is None or np.isfinite(points).all()


@quick
@given(st.one_of(st.text(max_size=300), st.lists(st.one_of(WORDS, st.text(max_size=8)), max_size=40).map("".join)))
def test_reports(text):
    sections = parse_sections(text)
    assert all(value.strip() and "\n" not in value for value in sections.values())
    joined = join_report(sections)
    assert joined is None or joined.text
