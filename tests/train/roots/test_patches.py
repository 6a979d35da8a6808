import numpy as np

from cxrfactory.models.roots.example_table import RootExample
from cxrfactory.train.roots.patches import PatchSource, _centre, both_kinds, draw_batch


def _source(polarity: int = 1) -> PatchSource:
    grey = np.random.default_rng(0).normal(100, 3, (160, 200))
    mask = np.zeros(grey.shape, np.uint8)
    mask[20:140, 98:103] = 1
    grey = np.clip(grey + polarity * 60.0 * mask, 0, 255).astype(np.uint8)
    return PatchSource.of(RootExample("a", "train", grey, mask))


def test_patches_depend_on_the_stream_alone() -> None:
    first, again, other = (draw_batch([_source()], 64, 3, np.random.default_rng(seed)) for seed in (5, 5, 6))
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, two)
    assert (first[0] != other[0]).any()


def test_masks_move_with_the_pictures_and_polarity_turns() -> None:
    pictures, masks = draw_batch([_source()], 64, 60, np.random.default_rng(1))
    assert pictures.shape == masks.shape == (60, 1, 64, 64)
    assert set(np.unique(masks)) == {0, 1}
    inner = [(p[m > 0].mean() - p[m == 0].mean()) for p, m in zip(pictures, masks, strict=True) if m.sum() > 200]
    assert len(inner) > 20
    assert (np.abs(inner) > 1).all()
    assert 0.2 < np.mean(np.array(inner) > 0) < 0.8
    assert np.abs(pictures).max() <= 6


def test_a_quarter_of_the_patches_are_centred_on_what_only_looks_like_root() -> None:
    grey = np.full((160, 200), 100, np.uint8)
    mask = np.zeros(grey.shape, np.uint8)
    mask[20:140, 98:103] = 1
    grey[mask > 0], grey[30:60, 20:24] = 160, 160  # a root, and a scratch of its brightness
    source = PatchSource.of(RootExample("a", "train", grey, mask))
    rows, columns = np.divmod(source.likenesses, 200)
    inside = (rows >= 30) & (rows < 60) & (columns >= 20) & (columns < 24)
    assert inside.sum() == 120
    assert inside.mean() > 0.9
    assert (np.abs(columns[~inside] - 100) > 6).all()
    rng = np.random.default_rng(0)
    centres = np.array([_centre(source, rng) for _ in range(800)])
    on_scratch = (centres[:, 0] >= 20) & (centres[:, 0] < 24) & (centres[:, 1] >= 30) & (centres[:, 1] < 60)
    assert 0.19 < on_scratch.mean() < 0.31


def test_half_of_the_patches_are_centred_on_root() -> None:
    _, masks = draw_batch([_source()], 32, 400, np.random.default_rng(2))
    on_root = masks[:, 0, 15:17, 15:17].max(axis=(1, 2)).mean()
    assert 0.42 < on_root < 0.6


def test_picture_without_roots_gives_patches_without_roots() -> None:
    empty = RootExample("a", "train", np.full((70, 80), 9, np.uint8), np.zeros((70, 80), np.uint8))
    _, masks = draw_batch([PatchSource.of(empty)], 32, 4, np.random.default_rng(0))
    assert not masks.any()


def test_patches_are_inverted_only_where_asked_and_roots_of_both_kinds_are_told() -> None:
    assert not both_kinds([_source(), _source()])
    assert not both_kinds([_source(-1)])
    assert both_kinds([_source(), _source(-1)])
    pictures, masks = draw_batch([_source()], 64, 40, np.random.default_rng(1), invert=False)
    assert all(p[m > 0].mean() > p[m == 0].mean() for p, m in zip(pictures, masks, strict=True) if m.sum() > 200)
