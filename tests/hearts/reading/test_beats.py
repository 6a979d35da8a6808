"""Real-time cines: images through several heartbeats, and slices that begin at any time of the cycle, are refused."""

import itertools

import numpy as np
import pytest

from cxrfactory.errors import ImageError
from cxrfactory.hearts.reading.beats import beats_seen, spread_of_systole
from cxrfactory.hearts.reading.heart import examine_heart, read_heart
from tests.hearts.reading import heart_files as files

CYCLE_MS, STEP_MS = 900.0, 60.0  # 15 images a beat
CENTRE = (31.5, 31.5)
ADVICE = (
    "expected images of one heartbeat that begin at the R wave, with TriggerTime; export the gated cines, or keep in "
    "each place the images from one end-diastole to the next"
)


def slices(phases, begins=(0.0, 0.0), noise=0.0):
    """Images of middle slices; ``begins`` is the phase of the first image of each."""
    draw = np.random.default_rng(3).normal
    stack = [np.stack([files.image(files.sax(2 + n), phase + begin) for phase in phases]) for n, begin in
             enumerate(begins)]  # fmt: skip
    return [images + draw(0, noise, images.shape) if noise else images.astype(float) for images in stack]


@pytest.mark.parametrize("noise", [0.0, 80.0])
@pytest.mark.parametrize("beats", [1.6, 2.0, 4.0])
def test_a_beat_that_comes_again_is_seen(beats, noise):
    phases = np.arange(round(15 * beats)) / 15
    assert beats_seen(slices(phases, noise=noise), (2.5, 2.5), CENTRE) == pytest.approx(beats)
    begun_elsewhere = slices(phases, (0.4, 0.8), noise)
    assert beats_seen(begun_elsewhere, (2.5, 2.5), CENTRE) == pytest.approx(beats)


@pytest.mark.parametrize("noise", [0.0, 80.0])
@pytest.mark.parametrize("images", [6, 15, 30])
@pytest.mark.parametrize("begin", [0.0, 0.35, 0.7])
def test_one_beat_is_one(images, begin, noise):
    phases = np.arange(images) / images
    assert beats_seen(slices(phases, (begin, begin), noise), (2.5, 2.5), CENTRE) == 1


def test_spread_of_systole():
    phases = np.arange(20) / 20

    def spread(*begins):
        return spread_of_systole(slices(phases, begins), phases, (2.5, 2.5), CENTRE)

    assert spread(0.0, 0.0) == 0
    assert spread(0.0, 0.3) == pytest.approx(0.3)
    assert spread(0.05, 0.75) == pytest.approx(0.3)
    still = [np.repeat(images[:1], 20, 0) for images in slices(phases)]
    assert spread_of_systole([still[0], slices(phases)[1]], phases, (2.5, 2.5), CENTRE) == 0


def clock(milliseconds):
    seconds = milliseconds / 1000
    return f"{int(seconds // 3600):02d}{int(seconds // 60) % 60:02d}{seconds % 60:09.6f}"


def real_time(beats, *orders, begins=0.17, trigger=None, first=10):
    """All places through some beats without an R wave, each beginning later in the cycle by ``begins``."""
    places = [*(files.sax(n) for n in range(files.SLICES)), *files.VIEWS.values()]
    images = []
    for place, number in itertools.product(range(len(places)), range(round(beats * CYCLE_MS / STEP_MS))):
        phase = begins * place + number * STEP_MS / CYCLE_MS
        image = files.dicom(places[place], phase, first + place, 1, "")
        for name in ("TriggerTime", "NominalInterval", "CardiacNumberOfImages"):
            delattr(image, name)
        image.SOPInstanceUID = files.uid(5, first + place, number + 1)
        if trigger is not None:
            image.TriggerTime = trigger
        time = clock(36_000_000 + 20_000 * place + STEP_MS * number)
        for order in orders:
            setattr(image, order, number + 1 if order == "InstanceNumber" else time)
        images.append(image)
    return images


@pytest.mark.parametrize("trigger", [None, 0])
@pytest.mark.parametrize("order", ["AcquisitionTime", "ContentTime", "InstanceNumber"])
def test_real_time_images_of_several_beats_are_refused(tmp_path, order, trigger):
    found = {
        "AcquisitionTime": "9 places of several heartbeats without the time of each after its R wave, as real-time "
        "cines have",
        "ContentTime": "45 images of a place without a time after the R wave, which show 3.0 heartbeats",
        "InstanceNumber": "45 images of a place without a time after the R wave, which show 3.0 heartbeats",
    }[order]
    with pytest.raises(ImageError) as caught:
        read_heart(files.write(tmp_path / "rt", real_time(3, order, trigger=trigger)))
    assert str(caught.value) == f"rt: {found}; {ADVICE}"


def test_slices_that_begin_at_different_times_are_refused(tmp_path):
    with pytest.raises(ImageError) as caught:
        read_heart(files.write(tmp_path / "rt", real_time(1, "InstanceNumber")))
    assert str(caught.value) == (
        "rt: the smallest blood pools of the short-axis slices lie up to 0.33 of the cycle apart, as if slices began "
        f"at different times of it; {ADVICE}"
    )


def test_one_beat_from_end_diastole_on_is_read_as_the_message_advises(tmp_path):
    reading = examine_heart(files.write(tmp_path, real_time(1, "InstanceNumber", "AcquisitionTime", begins=0.0)))
    assert [views.frame for views in reading.views] == ["ED", "ES"]
    assert reading.view_phases == pytest.approx((0.0, 5 / 15))
    np.testing.assert_array_equal(reading.views[1].short_axis[1].pixels, files.image(files.sax(1), 5 / 15))


@pytest.mark.parametrize("orders", [("AcquisitionTime", "InstanceNumber"), ("InstanceNumber",)])
def test_gated_cines_win_over_real_time_images_acquired_later(tmp_path, orders):
    cines = files.examination(15)
    reading = examine_heart(files.write(tmp_path, [*cines, *real_time(3, *orders, first=60)]))
    assert len(reading.phases) == 15
    for number, plane in enumerate(reading.views[1].short_axis):
        np.testing.assert_array_equal(plane.pixels, files.image(files.sax(number), 5 / 15))
    told = {
        2: "several heartbeats without the time of each after its R wave, as real-time cines have",
        1: "images without a time after the R wave, beside others that have it,",
    }[len(orders)]
    assert f"9 places of {told} left aside (series 60, 61, 62, 63, 64, 65, 66, 67, 68)" in reading.notes


def test_long_axis_views_without_an_r_wave_are_no_views_of_a_gated_stack(tmp_path):
    gated = [each for each in files.examination(15) if each.SeriesNumber < 30]
    views = [each for each in real_time(3, "InstanceNumber") if each.SeriesNumber >= 16]
    reading = examine_heart(files.write(tmp_path, [*gated, *views]))
    assert reading.views[0].long_axis == {}
    assert any("3 places of images without a time after the R wave" in note for note in reading.notes)


@pytest.mark.parametrize("begins", [0.0, 0.17])
def test_trigger_times_that_run_on_without_the_length_of_a_beat_are_refused(tmp_path, begins):
    images = real_time(3, "InstanceNumber", begins=begins)
    for image in images:
        image.TriggerTime = STEP_MS * (image.InstanceNumber - 1)
    with pytest.raises(ImageError, match=r"9 places of several heartbeats without the time of each"):
        read_heart(files.write(tmp_path / "rt", images))
    for image in images:
        image.NominalInterval = int(CYCLE_MS)
    if begins:  # the first beat of each place counts, but it begins at different times
        with pytest.raises(ImageError, match="as if slices began at different times of it"):
            read_heart(files.write(tmp_path / "stated", images))
    else:
        assert examine_heart(files.write(tmp_path / "stated", images)).view_phases == pytest.approx((0.0, 5 / 15))


def test_gated_slices_that_disagree_are_noted(tmp_path):
    images = files.examination(15)
    for image in images:
        if image.SeriesNumber == 12:
            late = files.image(files.sax(2), image.TriggerTime / 900 + 0.4)
            image.PixelData = late.astype("<u2").tobytes()
    reading = examine_heart(files.write(tmp_path, images))
    assert any("lie up to 0.40 of the cycle apart; look at the views" in note for note in reading.notes)


def test_a_nifti_stack_of_several_beats_needs_its_ends(tmp_path):
    stack = np.concatenate([files.volume(12)] * 2, 3)
    path = files.nifti(tmp_path / "p" / "sa.nii.gz", stack, files.stack_affine())
    with pytest.raises(
        ImageError, match=r"sa\.nii\.gz: 24 images of a place .* which show 2\.0 heartbeats; .*Info\.cfg"
    ):
        read_heart(path)
    (tmp_path / "p" / "Info.cfg").write_text("ED: 1\nES: 5\n")
    np.testing.assert_array_equal(read_heart(path)[1].short_axis[2].pixels, stack[:, :, 2, 4].T)
