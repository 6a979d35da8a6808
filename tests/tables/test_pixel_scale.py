"""Scales are read by their unit, or refused."""

import pytest

from cxrfactory.tables.pixel_scale import mm_of_pixel, scale_columns


@pytest.mark.parametrize(
    ("said", "mm"),
    [
        (0.05, 0.05),
        ("0.05", 0.05),
        ("0,05", 0.05),
        ("0.05 mm/px", 0.05),
        ("50 um/pixel", 0.05),
        ("20 px per mm", 0.05),
        ("20 pixels/mm", 0.05),
        ("200 px/cm", 0.05),
        ("600 dpi", 25.4 / 600),
        ("600dpi", 25.4 / 600),
    ],
)
def test_scales_with_their_unit(said, mm):
    assert mm_of_pixel(said) == pytest.approx(mm)


@pytest.mark.parametrize("said", [62, "62", 0, -1, "62 px", "0.05 mm", "abc", "nan", "inf", True, ""])
def test_what_is_no_scale_is_refused(said):
    with pytest.raises(ValueError, match="mm of a pixel"):
        mm_of_pixel(said)


def test_columns_tell_the_unit_of_plain_numbers():
    found = scale_columns(["plate", "Pixels/cm", "px_per_mm", "dpi", "mm per pixel", "Scale", "seed_x"])
    assert found == {"Pixels/cm": "px/cm", "px_per_mm": "px/mm", "dpi": "dpi", "mm per pixel": "mm/px", "Scale": ""}
    assert mm_of_pixel("62", "px/cm") == pytest.approx(10 / 62)
    assert mm_of_pixel("600", "dpi") == pytest.approx(25.4 / 600)
    with pytest.raises(ValueError, match="unit"):
        mm_of_pixel("600", "")
