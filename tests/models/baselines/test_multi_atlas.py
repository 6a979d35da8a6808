import cv2
import numpy as np
import pytest

from cxrfactory.errors import CxrError, ImageError
from cxrfactory.models.baselines.multi_atlas import MultiAtlas, mutual_information

SIDE = 128


def chest(shift=0.0, scale=1.0, seed=0):
    """A drawn chest with ribs, and eight points of its lungs' outlines."""
    angle = np.linspace(0, 2 * np.pi, 4, endpoint=False)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    points = np.concatenate([ring * (18, 36) * scale + (x + shift, 64) for x in (42, 86)])
    image = np.full((SIDE, SIDE), 170, np.uint8)
    for x in (42, 86):
        centre = (round(x + shift), 64)
        cv2.ellipse(image, centre, (round(18 * scale), round(36 * scale)), 0, 0, 360, 50, -1)
        for row in range(36, 100, 16):
            cv2.line(image, (centre[0] - 14, row), (centre[0] + 14, row + 4), 100, 2)
    noise = np.random.default_rng(seed).normal(0, 4, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8), points


def atlases(count=4, **options):
    pairs = [chest(shift, 1.0, seed) for seed, shift in enumerate(np.linspace(-6, 6, count))]
    return MultiAtlas(np.stack([image for image, _ in pairs]), np.stack([points for _, points in pairs]), **options)


def test_mutual_information_exact():
    halves = np.repeat([0, 31], 50).astype(np.uint8)
    assert mutual_information(halves, halves) == pytest.approx(np.log(2))
    assert mutual_information(halves, np.tile([3, 7], 50).astype(np.uint8)) == pytest.approx(0)
    assert mutual_information(halves, (31 - halves).astype(np.uint8)) == pytest.approx(np.log(2))


def test_the_image_itself_is_most_similar():
    model = atlases(neighbours=2)
    image, _ = chest(2.0, 1.0, 2)  # the third atlas
    assert model.similar(image)[0] == 2
    assert len(model.similar(image)) == 2


def test_landmarks_follow_the_image():
    model = atlases(neighbours=3)
    image, points = chest(3.0, 1.08, 9)
    found = model.predict(image)
    before = np.hypot(*(model.landmarks.mean(axis=0) - points).T).mean()
    after = np.hypot(*(found.landmarks - points).T).mean()
    assert after < 1.5
    assert after < 0.5 * before
    np.testing.assert_array_equal(found.landmarks, model.predict(image).landmarks)
    assert len(found.atlases) == 3


def test_fewer_atlases_than_neighbours():
    assert atlases(2, neighbours=5).neighbours == 2


def test_errors_are_one_line():
    image, points = chest()
    with pytest.raises(CxrError, match="neighbours is 0"):
        MultiAtlas(image[None], points[None], neighbours=0)
    with pytest.raises(CxrError, match="expected \\(n, rows, columns\\)"):
        MultiAtlas(image[None], points)
    model = MultiAtlas(image[None], points[None])
    with pytest.raises(CxrError, match="the atlases are"):
        model.predict(image[:64, :64])
    with pytest.raises(ImageError, match="one grey value"):
        model.predict(np.full_like(image, 9))
