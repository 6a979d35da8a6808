import numpy as np
import pytest
import torch

from cxrfactory.errors import CxrError, ImageError
from cxrfactory.models.inputs import to_input
from cxrfactory.rca.deep import DeepAligner, open_registration, warp_codes
from cxrfactory.rca.labels import organ_dice
from cxrfactory.rca.score import score_aligned
from cxrfactory.registration import classical
from cxrfactory.tables.weights import sha256_of
from tests.rca.chests import SIZE, chest, codes_of, landmarks_of, reference
from tests.rca.networks import tiny_network, write_network

CODES = codes_of(landmarks_of())


@pytest.fixture(scope="module")
def still(tmp_path_factory):
    """Weights of an untrained network, which nearly is the identity."""
    return write_network(tmp_path_factory.mktemp("still") / "n.safetensors")


@pytest.fixture(scope="module")
def moving(tmp_path_factory):
    """Weights of a network with random answers, by which images are more or less typical."""
    network = tiny_network(moving=0.01)
    pictures = [chest((number - 6, 0), 1 + 0.02 * (number % 3))[0] for number in range(13)]
    images = torch.from_numpy(np.stack([to_input(each, network.input_size) for each in pictures])[:, None])
    with torch.inference_mode():
        summaries = network.summary(network.describe(images))
        network.learn_usual(summaries[::2], summaries[1::2])
    return write_network(tmp_path_factory.mktemp("moving") / "n.safetensors", network)


def random_grid(count=3, rows=20, columns=17, seed=0):
    return np.random.default_rng(seed).uniform(-1.3, 1.3, (count, rows, columns, 2)).astype(np.float32)


def random_codes(rows=20, columns=17, seed=1):
    # Blocks of three pixels, so that some points lie within a mask by all four neighbours.
    blocks = np.random.default_rng(seed).integers(0, 8, (rows // 3 + 1, columns // 3 + 1), np.uint8)
    return blocks.repeat(3, axis=0).repeat(3, axis=1)[:rows, :columns]


def places(grid, shape):
    """(column, row) in pixels of points given from -1 to 1."""
    for place in np.ndindex(grid.shape[:3]):
        x, y = grid[place].astype(np.float64)
        yield place, ((x + 1) * shape[1] - 1) / 2, ((y + 1) * shape[0] - 1) / 2


def test_nearest_labels_equal_a_loop_over_pixels():
    codes, grid = random_codes(), random_grid()
    expected = np.zeros(grid.shape[:3], np.uint8)
    for place, column, row in places(grid, codes.shape):
        column, row = round(column), round(row)
        if 0 <= column < codes.shape[1] and 0 <= row < codes.shape[0]:
            expected[place] = codes[row, column]
    found = warp_codes(torch.from_numpy(codes), torch.from_numpy(grid), linear=False)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, expected)
    assert set(np.unique(found)) == set(range(8))


def test_linear_labels_keep_each_organ_where_it_is_exactly_one():
    codes, grid = random_codes(), random_grid()
    expected = np.zeros(grid.shape[:3], np.uint8)
    for place, column, row in places(grid, codes.shape):
        left, top = int(np.floor(column)), int(np.floor(row))
        if 0 <= left < codes.shape[1] - 1 and 0 <= top < codes.shape[0] - 1:
            expected[place] = np.bitwise_and.reduce(codes[top : top + 2, left : left + 2], axis=None)
    found = warp_codes(torch.from_numpy(codes), torch.from_numpy(grid), linear=True)
    np.testing.assert_array_equal(found, expected)
    nearest = warp_codes(torch.from_numpy(codes), torch.from_numpy(grid), linear=False)
    assert not (found & ~nearest).any()
    assert 0 < np.count_nonzero(found) < np.count_nonzero(nearest)


@pytest.mark.parametrize("linear", [False, True])
def test_both_methods_warp_labels_alike(linear):
    import SimpleITK as sitk

    shift = np.array([3.25, -2.5])  # fixed (x, y) -> moving (x + 3.25, y - 2.5), pixels; eighths are exact
    if not linear:
        shift[1] = -2.25  # not a tie
    expected = classical.warp_codes(CODES, sitk.TranslationTransform(2, tuple(map(float, shift))), linear)
    centres = (2 * np.arange(SIZE) + 1) / SIZE - 1
    grid = np.stack(np.meshgrid(centres, centres), axis=-1) + 2 * shift / SIZE
    found = warp_codes(torch.from_numpy(CODES), torch.from_numpy(grid[None].astype(np.float32)), linear)
    np.testing.assert_array_equal(found[0], expected)


def test_linear_survives_rounding_in_an_identity():
    centres = ((2 * np.arange(SIZE) + 1) / SIZE - 1).astype(np.float32)
    grid = torch.from_numpy(np.stack(np.meshgrid(centres, centres), axis=-1)[None])
    inner = np.zeros((SIZE, SIZE), bool)
    inner[1:-1, 1:-1] = True
    found = warp_codes(torch.from_numpy(CODES), grid, linear=True)[0]
    lost = np.count_nonzero(found[inner] != CODES[inner])
    assert lost < 0.01 * np.count_nonzero(CODES)


def test_masks_of_the_image_score_high_and_shifted_or_exchanged_ones_low(still):
    references = [reference("a", shift=(1, 0)), reference("b", shift=(-1, 0))]
    aligned = DeepAligner(still).align(chest()[0], references)
    good = score_aligned(CODES, True, aligned, references)
    bad = score_aligned(codes_of(landmarks_of(shift=(14, 9))), True, aligned, references)
    exchanged = score_aligned((CODES & 4) | ((CODES & 1) << 1) | ((CODES & 2) >> 1), True, aligned, references)
    assert min(good.scores) > 0.9
    assert max(bad.scores) < 0.65
    assert max(exchanged.lungs) < 0.02
    assert good.typicality == 1  # nothing was learned about what is usual


def test_an_answer_depends_on_no_other_image_and_no_other_reference(moving):
    references = [reference("a", shift=(3, 0)), reference("b", scale=0.9), reference("c", shift=(0, 5))]
    images = [chest(shift=(2 * number, -number))[0] for number in range(3)]
    fresh, used = DeepAligner(moving), DeepAligner(moving)
    for image in images[1:]:
        used.align(image, references[::-1])
    one, other = fresh.align(images[0], references), used.align(images[0], references)
    assert one.typicality == other.typicality
    np.testing.assert_array_equal(one.warp(CODES), other.warp(CODES))
    assert organ_dice(one.warp(CODES)[0], CODES)[0] < 0.98  # it does move
    alone = DeepAligner(moving).align(images[0], references[1:2])
    changed = np.count_nonzero(alone.warp(CODES)[0] != one.warp(CODES)[1])
    assert changed <= 2  # sums over a batch of another length may round otherwise


def test_typicality_falls_for_what_is_no_chest(moving):
    aligner, references = DeepAligner(moving), [reference("a")]
    noise = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE), np.uint8)
    typical, atypical = (aligner.align(each, references) for each in (chest()[0], noise))
    assert typical.typicality > atypical.typicality
    assert 0 < atypical.typicality < 0.9
    score = score_aligned(CODES, True, atypical, references)
    np.testing.assert_allclose(
        score.lungs, np.array([organ_dice(each, CODES)[0] for each in atypical.warp(CODES)]) * atypical.typicality
    )


def test_references_are_described_once(still, monkeypatch):
    aligner, described = DeepAligner(still), []
    inner = aligner.net.describe
    monkeypatch.setattr(aligner.net, "describe", lambda images: described.append(len(images)) or inner(images))
    references = [reference("a"), reference("b", shift=(2, 0))]
    aligner.align(chest()[0], references)
    assert sum(described) == 3
    aligner.align(chest(shift=(1, 1))[0], references[::-1])
    assert sum(described) == 4


def test_masks_come_in_any_size_of_reference_and_input(still):
    references = [reference("a", size=160)]
    codes = codes_of(landmarks_of(size=160), 160)
    warped = DeepAligner(still).align(chest(size=160)[0], references).warp(codes)
    assert warped.shape == (1, 160, 160)
    assert min(organ_dice(warped[0], codes)) > 0.97


def test_one_grey_value_and_other_sizes_are_refused(still):
    aligner, one = DeepAligner(still), reference("a")
    with pytest.raises(ImageError, match=r"image has one grey value only \(7\)"):
        aligner.align(np.full((SIZE, SIZE), 7, np.uint8), [one])
    with pytest.raises(CxrError, match=r"image of shape \(64, 64\), reference 'a' of \(96, 96\)"):
        aligner.align(np.arange(64 * 64, dtype=np.uint8).reshape(64, 64), [one])


def test_the_network_is_named_by_its_bytes(still):
    assert DeepAligner(still).network == sha256_of(still)


def test_weights_of_another_network_are_refused(tmp_path):
    with pytest.raises(CxrError, match="pretrained: weights of 'hybrid-unet'; expected those of train-registration"):
        open_registration("pretrained")
    with pytest.raises(CxrError, match=r"none\.safetensors"):
        open_registration(tmp_path / "none.safetensors")


def test_an_opened_network_has_no_normalisation_left(still):
    net = open_registration(still)
    assert not net.training
    assert not [module for module in net.modules() if isinstance(module, torch.nn.BatchNorm2d)]
