"""Series whose slices state different rescales."""

import numpy as np
import pytest

from cxrfactory.errors import ImageError
from cxrfactory.imaging.volume.ct import read_ct
from cxrfactory.imaging.volume.series_scales import Rescale, SeriesScaler, one_scale
from tests.imaging import ct_files

BODY = np.full((4, 6, 6), -1000, np.int16)
BODY[:, 1:5, 1:5] = 40


def rescaled(scales):
    """Slices of the body, each stored under its own (slope, intercept)."""
    slices = ct_files.ct_slices(BODY)
    for k, (slope, intercept) in enumerate(scales):
        stored = (BODY[k, ::-1, ::-1].astype(np.int32) - intercept) // slope
        slices[k].PixelData = np.ascontiguousarray(stored.astype(np.uint16)).tobytes()
        slices[k].RescaleSlope, slices[k].RescaleIntercept = slope, intercept
    return slices


@pytest.mark.parametrize("scales", [[(1, -1024), (1, -1000)] * 2, [(1, -1024), (2, -2000), (4, -1200), (1, -8192)]])
def test_each_slice_is_read_by_its_own_rescale(tmp_path, scales):
    volume = read_ct(ct_files.write_series(tmp_path / "ct", rescaled(scales)))
    np.testing.assert_array_equal(volume.values, BODY)
    assert volume.notes == (f"the slices have {len(set(scales))} rescales; each was read by its own",)


@pytest.mark.parametrize("intercept", [-1024, 0])
def test_each_slice_is_read_by_its_own_sign(tmp_path, intercept):
    slices = ct_files.ct_slices(BODY)
    for one in slices[::2]:
        stored = np.frombuffer(one.PixelData, np.uint16).astype(np.int16) - 1024 - intercept
        one.PixelData, one.RescaleIntercept, one.PixelRepresentation = stored.tobytes(), intercept, 1
    volume = read_ct(ct_files.write_series(tmp_path / "ct", slices))
    np.testing.assert_array_equal(volume.values, BODY)
    assert volume.notes[0].startswith("2 of 4 slices have signed pixels, and the others unsigned ones; each was read")
    assert len(volume.notes) == (1 if intercept else 2)


def test_padding_of_each_slice_becomes_air(tmp_path):
    slices = rescaled([(1, -1024), (1, -1000), (1, -2000), (1, -1024)])
    for one in slices:
        pixels = np.frombuffer(one.PixelData, np.uint16).reshape(6, 6).copy()
        pixels[0] = 63536
        one.PixelData, one.PixelPaddingValue = pixels.tobytes(), 63536
    values = read_ct(ct_files.write_series(tmp_path / "ct", slices)).values
    np.testing.assert_array_equal(values[:, :-1], BODY[:, :-1])
    assert (values[:, -1] <= -1000).all()


def test_pixels_that_do_not_follow_the_header_are_refused():
    scaler = SeriesScaler()
    scaler.hu(BODY[0] + 1024, Rescale(1, -1024))
    with pytest.raises(ImageError, match=r"from 1 \* value -1024 to 1 \* value \+0, but the pixels go on without it"):
        scaler.hu(BODY[1] + 1024, Rescale(1, 0))


def test_one_scale_needs_no_statement_and_several_do():
    assert one_scale([Rescale(1, 0, stated=False)] * 3)
    assert not one_scale([Rescale(1, 0), Rescale(2, 0)])
    with pytest.raises(ImageError, match="1 of 2 slices state no RescaleSlope"):
        one_scale([Rescale(1, -1024), Rescale(1, 0, stated=False)])
    with pytest.raises(ImageError, match="slope not 0"):
        one_scale([Rescale(1, -1024), Rescale(0, 0)])
