import io
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from cxrfactory.errors import ImageError
from cxrfactory.imaging.radiograph.reading import read_radiograph

from ..dicom_files import SECRETS, file_bytes, radiograph, ramp


@pytest.fixture
def read(tmp_path):
    def read_dataset(dataset, name="image", **options):
        path = tmp_path / name
        path.write_bytes(dataset if isinstance(dataset, bytes) else file_bytes(dataset))
        return read_radiograph(path, **options)

    return read_dataset


def refusal(read, dataset, **options):
    with pytest.raises(ImageError) as caught:
        read(dataset, **options)
    reason = str(caught.value)
    assert "\n" not in reason
    assert not any(secret in reason for secret in SECRETS)
    return reason


@pytest.mark.parametrize("name", ["a", "a.dcm", "a.dicom", "a.png"])
def test_plain_values_view_and_spacing_whatever_the_name(read, name):
    found = read(radiograph(), name)
    assert np.array_equal(found.pixels, ramp())
    assert (found.view, found.spacing_mm, found.notes) == ("PA", (0.2, 0.3), ())


def test_monochrome1_is_inverted(read):
    found = read(radiograph(PhotometricInterpretation="MONOCHROME1"))
    assert np.array_equal(found.pixels, 4095 - ramp())


def test_inversion_comes_after_the_window(read):
    """Linear window of PS3.3 C.11.2.1.2.1 by hand, then the inversion."""
    fields = {"WindowCenter": 1000, "WindowWidth": 500}
    values = ramp().astype(float)
    shown = np.clip((values - (1000 - 0.5)) / (500 - 1) + 0.5, 0, 1) * 4095
    assert np.allclose(read(radiograph(**fields)).pixels, shown, atol=0.01)
    inverted = read(radiograph(PhotometricInterpretation="MONOCHROME1", **fields)).pixels
    assert np.allclose(inverted, 4095 - shown, atol=0.01)


def test_first_of_several_windows(read):
    first = read(radiograph(WindowCenter=1000, WindowWidth=500)).pixels
    several = read(radiograph(WindowCenter=[1000, 3000], WindowWidth=[500, 90])).pixels
    assert np.array_equal(first, several)


@pytest.mark.parametrize("function", ["SIGMOID", "LINEAR_EXACT"])
def test_other_window_functions(read, function):
    values = ramp().astype(float)
    shown = {
        "SIGMOID": 4095 / (1 + np.exp(-4 * (values - 1000) / 500)),
        "LINEAR_EXACT": np.clip((values - 1000) / 500 + 0.5, 0, 1) * 4095,
    }[function]
    found = read(radiograph(WindowCenter=1000, WindowWidth=500, VOILUTFunction=function)).pixels
    assert np.allclose(found, shown, atol=0.01)


def test_zero_window_width_is_noted_and_passed_over(read):
    found = read(radiograph(WindowCenter=1000, WindowWidth=0))
    assert np.array_equal(found.pixels, ramp())
    assert "window" in found.notes[0]


def test_rescale_comes_before_the_window(read):
    found = read(radiograph(RescaleSlope=2, RescaleIntercept=-1000, WindowCenter=1000, WindowWidth=500)).pixels
    values = ramp() * 2.0 - 1000
    inner = (values > 760) & (values < 1240)
    slope = np.polyfit(values[inner], found[inner], 1)[0]
    assert found[values < 740].max() == found.min()
    assert found[values > 1260].min() == found.max()
    assert slope == pytest.approx((found.max() - found.min()) / 499, rel=1e-3)


@pytest.mark.parametrize(("slope", "intercept"), [(16, 0), (4, -100), (1, -5000)])
def test_a_window_that_fits_only_the_stored_values_is_applied_to_them(read, slope, intercept):
    found = read(radiograph(RescaleSlope=slope, RescaleIntercept=intercept, WindowCenter=2048, WindowWidth=4096))
    np.testing.assert_allclose(found.pixels, ramp(), atol=1)
    assert "fits the stored values" in found.notes[0]


def lut(entries, first, bits):
    item = Dataset()
    item.LUTDescriptor = [len(entries), first, bits]
    item["LUTDescriptor"].VR = "US"
    item.add_new(0x00283006, "US", [int(entry) for entry in entries])
    return item


def test_modality_lut_then_voi_lut_wins_over_window(read):
    modality = lut([4095 - entry for entry in range(4096)], 0, 16)
    modality.ModalityLUTType = "US"
    voi = lut([entry // 16 * 10 for entry in range(4096)], 0, 12)
    dataset = radiograph(ModalityLUTSequence=[modality], VOILUTSequence=[voi], WindowCenter=1000, WindowWidth=500)
    assert np.array_equal(read(dataset).pixels, (4095 - ramp().astype(int)) // 16 * 10)


def test_signed_values(read):
    values = ramp().astype(np.int16) - 2048
    assert np.array_equal(read(radiograph(values)).pixels, ramp())


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless, DeflatedExplicitVRLittleEndian])
def test_lossless_syntaxes(read, syntax):
    dataset = radiograph()
    if syntax.is_encapsulated:
        dataset.compress(syntax, generate_instance_uid=False)
    dataset.file_meta.TransferSyntaxUID = syntax
    assert np.array_equal(read(dataset).pixels, ramp())


def test_run_lengths_that_look_like_the_mark_of_a_stream(read):
    pixels = ramp(bits=8)
    pixels[3, 2:6] = 0xFF, 0x4F, 0xFF, 0x51  # JPEG 2000 begins so
    dataset = radiograph(pixels, bits=8)
    dataset.compress(RLELossless, generate_instance_uid=False)
    assert b"\xff\x4f\xff\x51" in dataset.PixelData
    np.testing.assert_array_equal(read(dataset).pixels, pixels)


def test_jpeg(read):
    jpeg = io.BytesIO()
    Image.fromarray(ramp(bits=8)).save(jpeg, "JPEG", quality=95)
    dataset = radiograph(bits=8, PixelData=encapsulate([jpeg.getvalue()]))
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    assert np.abs(read(dataset).pixels.astype(int) - ramp(bits=8)).max() <= 4


def test_jpeg_ls(read):
    """The pair of small images that pydicom carries, relabelled as a radiograph."""
    plain = pydicom.dcmread(get_testdata_file("MR_small.dcm", download=False))
    dataset = pydicom.dcmread(get_testdata_file("MR_small_jpeg_ls_lossless.dcm", download=False))
    for name in ("WindowCenter", "WindowWidth"):
        dataset.pop(name, None)
    dataset.Modality, dataset.SOPClassUID = "DX", "1.2.840.10008.5.1.4.1.1.1.1"
    assert dataset.file_meta.TransferSyntaxUID == JPEGLSLossless
    stored = plain.pixel_array.astype(int)
    assert np.array_equal(read(dataset).pixels, stored - min(stored.min(), 0))


@pytest.mark.parametrize("keep_meta", [True, False])
def test_without_preamble(read, keep_meta):
    data = file_bytes(radiograph())[132:]
    if not keep_meta:
        buffer = io.BytesIO()
        dataset = radiograph()
        del dataset.file_meta
        pydicom.dcmwrite(buffer, dataset, implicit_vr=True, little_endian=True)
        data = buffer.getvalue()
    assert np.array_equal(read(data).pixels, ramp())


def test_three_equal_channels_are_grey(read):
    grey = ramp(bits=8)
    fields = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}
    found = read(radiograph(grey, bits=8, PixelData=np.stack([grey] * 3, -1).tobytes(), **fields))
    assert np.array_equal(found.pixels, grey)
    coloured = np.stack([grey, grey.T.reshape(grey.shape), grey], -1)
    assert "true colour" in refusal(read, radiograph(grey, bits=8, PixelData=coloured.tobytes(), **fields))


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"NumberOfFrames": 2}, "2 frames"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "PALETTE COLOR"),
        ({"Rows": 0}, "0 x 96 px"),
        ({"Rows": 20}, "20 x 96 px"),
        ({"Rows": 60000, "Columns": 60000}, "3600 Mpx"),
        ({"Rows": 200}, "cannot be decoded"),
        ({"PixelData": None}, "without PixelData"),
        ({"Modality": "CT"}, "modality CT"),
        ({"Modality": "MG"}, "modality MG"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2"}, "CT Image Storage"),
        ({"ViewPosition": "LL"}, "view position LL"),
        ({"ViewPosition": "", "SeriesDescription": "CHEST LAT"}, "lateral"),
        ({"BodyPartExamined": "HAND"}, "BodyPartExamined"),
        ({"PatientSpeciesDescription": "Canis lupus"}, "veterinary"),
        ({"ProtocolName": "Feline thorax"}, "'feline'"),
    ],
)
def test_what_is_no_frontal_chest_radiograph_is_refused(read, fields, reason):
    assert reason in refusal(read, radiograph(**fields))


@pytest.mark.parametrize(
    "fields",
    [
        {"Modality": None},
        {"Modality": "CR", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"},
        {"BodyPartExamined": None},
        {"BodyPartExamined": "Thorax"},
        {"PatientSpeciesDescription": "Homo sapiens"},
        {"StudyDescription": "CHEST PA AND LATERAL", "ViewPosition": None},
        {"SeriesDescription": "PA and LAT", "ViewPosition": None},
        {"SeriesDescription": "AP lateral decubitus", "ViewPosition": None},
        {"StudyDescription": "bilateral canines"},
    ],
)
def test_an_absent_or_ambiguous_field_refuses_nothing(read, fields):
    assert np.array_equal(read(radiograph(**fields)).pixels, ramp())


@pytest.mark.parametrize("spacing", [[0, 0], [0.2, 0], [-0.1, 0.1]])
def test_impossible_spacing_is_none_and_noted(read, spacing):
    found = read(radiograph(PixelSpacing=spacing))
    assert found.spacing_mm is None
    assert found.notes == ("PixelSpacing is not two positive numbers and is ignored",)


def test_spacing_at_the_detector_where_there_is_no_other(read):
    assert read(radiograph(PixelSpacing=None, ImagerPixelSpacing=[0.1, 0.2])).spacing_mm == (0.1, 0.2)
    assert read(radiograph(PixelSpacing=None)).spacing_mm is None


def test_compressed_image_larger_than_the_header_is_not_decoded(read):
    dataset = radiograph()
    dataset.compress(JPEG2000Lossless, generate_instance_uid=False)
    dataset.Rows = 70
    assert "header says 70 x 96" in refusal(read, dataset)


@pytest.mark.parametrize("part", [0.05, 0.3, 0.97])
def test_truncated(read, part):
    data = file_bytes(radiograph())
    refusal(read, data[: int(part * len(data))])


def test_unreadable_spacing_is_noted(read):
    data = file_bytes(radiograph()).replace(b"0.2\\0.3 ", b"Secret!!")
    found = read(data)
    assert found.spacing_mm is None
    assert found.notes == ("PixelSpacing is not a number and is ignored",)


def test_header_values_do_not_reach_standard_error(tmp_path):
    """A value that pydicom warns about and quotes; in a process of its own, where pytest sets no filters."""
    path = tmp_path / "image"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path.write_bytes(file_bytes(radiograph(SOPClassUID="Secret")))
    quoting = "import pydicom, sys; pydicom.dcmread(sys.argv[1]).SOPClassUID"
    ours = (
        "import sys\nfrom cxrfactory.imaging.radiograph.reading import read_radiograph\n"
        "try: read_radiograph(sys.argv[1])\nexcept Exception as error: print(error, file=sys.stderr)"
    )
    outputs = [
        subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True).stderr
        for code in (quoting, ours)
    ]
    assert "Secret" in outputs[0]
    assert "Secret" not in outputs[1]
    assert "storage class 'unknown'" in outputs[1]


REAL = {
    "CR-MONO1-10-chest.dcm": (440, 440, "PA", None, 0),
    "RG1_J2KI.dcm": (1955, 1841, "PA", None, 1),
    "rsna_c64d5667-a776-4f95-9e21-bfabafb07740.dcm": (1024, 1024, "AP", (0.168, 0.168), 0),
    "siim_1.2.276.0.7230010.3.1.4.8323329.6904.1517875201.850819.dcm": (1024, 1024, "PA", (0.168, 0.168), 0),
}


def real(*parts):
    if "CXRFACTORY_REAL_DATA" not in os.environ:
        pytest.skip("CXRFACTORY_REAL_DATA is not set: the real DICOM files are not here")
    return Path(os.environ["CXRFACTORY_REAL_DATA"]).joinpath(*parts)


@pytest.mark.parametrize("name", REAL)
def test_real_radiographs(name):
    found = read_radiograph(real("dicom_cxr", name))
    height, width, view, spacing, notes = REAL[name]
    assert (*found.pixels.shape, found.view, found.spacing_mm, len(found.notes)) == (
        height,
        width,
        view,
        spacing,
        notes,
    )
    # Bone bright: the middle (spine, mediastinum) is brighter than the lung fields beside it.
    middle = found.pixels[int(0.3 * height) : int(0.5 * height)]
    spine = np.median(middle[:, int(0.46 * width) : int(0.52 * width)])
    lungs = np.median(middle[:, [int(0.28 * width), int(0.68 * width)]])
    assert spine > lungs


def test_real_dog_and_ct_are_refused():
    with pytest.raises(ImageError, match="veterinary"):
        read_radiograph(real("dicom_cxr", "highdicom_dx_image.dcm"))
    with pytest.raises(ImageError, match="modality CT"):
        read_radiograph(real("ct_dicom", "001.dcm"))
