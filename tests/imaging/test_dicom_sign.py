import numpy as np
import pytest

from cxrfactory.imaging.dicom_sign import wraps_round


def smooth(bits, side=80):
    """A noisy gradient over the whole range of ``bits`` bits."""
    y, x = np.mgrid[:side, :side]
    grey = (x + 0.3 * y) / (1.3 * side) + 0.01 * np.random.default_rng(0).standard_normal((side, side))
    return np.rint(np.clip(grey, 0, 1) * ((1 << bits) - 1)).astype(np.int64)


@pytest.mark.parametrize("bits", [8, 10, 12, 16, 20])
def test_the_wrong_sign_wraps_round_and_the_right_one_does_not(bits):
    unsigned, half = smooth(bits), 1 << (bits - 1)
    signed = unsigned - half
    assert not wraps_round(unsigned, bits, signed=False)
    assert not wraps_round(signed, bits, signed=True)
    assert wraps_round(signed % (1 << bits), bits, signed=False)
    assert wraps_round((unsigned + half) % (1 << bits) - half, bits, signed=True)


@pytest.mark.parametrize("signed", [False, True])
def test_a_marker_and_a_shutter_are_no_wrap(signed):
    values = smooth(12) // 2
    values[:, :30] = 0
    values[10:20, 5:15] = 4095
    values[70:, :] = 4095
    assert not wraps_round(values, 12, signed)


@pytest.mark.parametrize("signed", [False, True])
def test_noise_is_no_wrap(signed):
    assert not wraps_round(np.random.default_rng(0).integers(0, 4096, (80, 80)), 12, signed)
