import numpy as np

from cxrfactory.models.roots.normalise import MOST, local_contrast


def _plate(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    grey = rng.normal(90, 4, (200, 180))
    grey[:, 90:94] += 40
    return grey


def _grey(values: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(values, 0, 255)).astype(np.uint8)


def test_even_picture_has_no_contrast() -> None:
    assert not local_contrast(np.full((70, 80), 120, np.uint8)).any()


def test_root_stands_out_and_noise_does_not() -> None:
    contrast = local_contrast(_grey(_plate()))
    assert contrast.dtype == np.float32
    assert contrast[20:-20, 91:93].mean() > 3
    assert np.abs(contrast[:, :60]).mean() < 1
    assert np.abs(contrast).max() <= MOST


def test_light_hardly_matters() -> None:
    plate = _plate()
    ramp = np.linspace(-30, 30, plate.shape[0])[:, None]
    first, second = local_contrast(_grey(plate)), local_contrast(_grey(1.5 * plate + ramp))
    inner = np.s_[40:-40, 40:-40]
    assert np.abs(first - second)[inner].mean() < 0.06


def test_inverted_picture_has_inverted_contrast() -> None:
    grey = _grey(_plate())
    np.testing.assert_allclose(local_contrast(255 - grey), -local_contrast(grey), atol=1e-3)
