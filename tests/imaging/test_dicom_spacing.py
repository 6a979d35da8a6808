import pytest

from cxrfactory.imaging.dicom_spacing import header_spacing_mm


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ({"PixelSpacing": [0.2, 0.3], "ImagerPixelSpacing": [1, 1]}, (0.2, 0.3)),
        ({"PixelSpacing": [0, 0], "NominalScannedPixelSpacing": ["0.1", "0.1"]}, (0.1, 0.1)),
        ({"PixelSpacing": ["a", 1], "ImagerPixelSpacing": [0.5]}, None),
        ({"PixelSpacing": [float("inf"), 1]}, None),
        ({"PixelSpacing": 0.5, "ImagerPixelSpacing": None}, None),
        ({}, None),
    ],
)
def test_the_first_field_with_two_positive_numbers_counts(header, expected):
    assert header_spacing_mm(header) == expected
