import cv2
import numpy as np
import pytest
import SimpleITK as sitk

from cxrfactory.anatomy.raster import fill_contour
from cxrfactory.errors import CxrError, ImageError
from cxrfactory.metrics.overlap import dice
from cxrfactory.registration.classical import prepare, register, warp_codes

SIZE = 128


def chest(shift=(0.0, 0.0), scale=1.0, bend=0.0, overlap=False):
    """Two dark ellipses on a bright, textured ground; masks of both."""
    rows, columns = np.mgrid[:SIZE, :SIZE].astype(np.float64)
    x = (columns - SIZE / 2 - shift[0]) / scale
    y = (rows - SIZE / 2 - shift[1]) / scale + bend * np.sin((columns - SIZE / 2) / 12)
    image = 170 + 20 * np.sin(x / 9) * np.cos(y / 11)
    masks = []
    for centre in (-22, 22):
        mask = ((x - centre) / 17) ** 2 + (y / 38) ** 2 < 1
        image[mask] -= 90
        masks.append(mask)
    if overlap:
        masks.append((x / 20) ** 2 + ((y - 15) / 18) ** 2 < 1)
    return image.clip(0, 255).astype(np.uint8), np.stack(masks)


def as_codes(masks):
    return (masks << np.arange(len(masks), dtype=np.uint8).reshape(-1, 1, 1)).sum(axis=0, dtype=np.uint8)


def warp(masks, transform, linear=False):
    codes = warp_codes(as_codes(masks), transform, linear)
    return np.stack([codes >> bit & 1 for bit in range(len(masks))]).astype(bool)


def apply(moving, fixed):
    transform = register(prepare(fixed[0]), prepare(moving[0]))
    return transform, warp(moving[1], transform)


def test_shift_and_scale_are_found():
    moving, fixed = chest(), chest(shift=(6, -4), scale=1.1)
    transform, warped = apply(moving, fixed)
    # The fixed frame's centre of the chest goes to the moving frame's.
    np.testing.assert_allclose(transform.TransformPoint((SIZE / 2 + 6, SIZE / 2 - 4)), (SIZE / 2, SIZE / 2), atol=1.5)
    for organ in range(2):
        assert dice(moving[1][organ], fixed[1][organ]) < 0.85
        assert dice(warped[organ], fixed[1][organ]) > 0.95


def test_bending_needs_the_deformable_step():
    moving, fixed = chest(), chest(bend=4)
    transform, warped = apply(moving, fixed)
    affine = sitk.CompositeTransform(transform).GetNthTransform(0)
    rigid = warp(moving[1], affine)
    gains = [dice(warped[k], fixed[1][k]) - dice(rigid[k], fixed[1][k]) for k in range(2)]
    assert min(gains) > 0.01
    assert min(dice(warped[k], fixed[1][k]) for k in range(2)) > 0.94


def test_another_exposure_gives_nearly_the_same_masks():
    moving, fixed = chest(), chest(shift=(5, 3))
    darker = (moving[0].astype(float) * 0.6 + 10).astype(np.uint8), moving[1]
    warped, warped_darker = apply(moving, fixed)[1], apply(darker, fixed)[1]
    assert min(dice(a, b) for a, b in zip(warped, warped_darker, strict=True)) > 0.98


def test_transform_does_not_depend_on_the_number_of_threads():
    fixed, moving = chest(shift=(5, 3))[0], chest()[0]
    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    found = []
    try:
        for threads in (1, 4):
            sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)
            composite = sitk.CompositeTransform(register(prepare(fixed), prepare(moving)))
            found.append([composite.GetNthTransform(k).GetParameters() for k in range(2)])
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(before)
    assert found[0] == found[1]


@pytest.mark.parametrize("linear", [False, True])
def test_warping_by_whole_pixels_moves_each_overlapping_mask_alone(linear):
    masks = np.zeros((2, 64, 70), bool)
    masks[0, 10:30, 20:40] = True
    masks[1, 20:35, 30:69] = True
    transform = sitk.TranslationTransform(2, (3.0, -2.0))  # fixed (x, y) -> moving (x+3, y-2)
    expected = np.zeros_like(masks)
    expected[:, 2:, :-3] = masks[:, :-2, 3:]
    np.testing.assert_array_equal(warp(masks, transform, linear), expected)


@pytest.mark.parametrize("linear", [False, True])
def test_eight_masks_at_once_equal_one_by_one(linear):
    rng = np.random.default_rng(3)
    masks = rng.random((8, 64, 64)) < 0.9
    turn = sitk.Euler2DTransform((31.5, 31.5), 0.3)
    together = warp(masks, turn, linear)
    assert together.any(axis=(1, 2)).all()
    np.testing.assert_array_equal(together, np.stack([warp(mask[None], turn, linear)[0] for mask in masks]))


def test_linear_keeps_what_lies_within_the_mask_by_all_four_neighbours():
    rows, columns = np.mgrid[:64, :64]
    mask = (columns - 30) ** 2 + (rows - 33) ** 2 < 20**2
    for transform in (sitk.TranslationTransform(2, (0.5, 0.25)), sitk.Euler2DTransform((31.5, 31.5), 0.2)):
        expected = np.zeros_like(mask)
        for row, column in np.ndindex(*mask.shape):
            x, y = transform.TransformPoint((float(column), float(row)))
            left, top = int(np.floor(x)), int(np.floor(y))
            near = mask[max(top, 0) : top + 1 + (y > top), max(left, 0) : left + 1 + (x > left)]
            expected[row, column] = near.size > 0 and near.all()
        nearest, linear = (warp(mask[None], transform, how)[0] for how in (False, True))
        np.testing.assert_array_equal(linear, expected)
        assert not (linear & ~nearest).any()
        assert 0.9 * nearest.sum() < linear.sum() < 0.97 * nearest.sum()


def test_bad_input_is_refused():
    with pytest.raises(ImageError, match="one grey value"):
        prepare(np.full((128, 128), 7, np.uint8))
    with pytest.raises(CxrError, match="64 px"):
        prepare(np.zeros((32, 128), np.uint8))
    with pytest.raises(CxrError, match="uint8"):
        prepare(np.zeros((128, 128), np.float32))
    for bad in (np.zeros((2, 64, 64), np.uint8), np.zeros((64, 64), bool)):
        with pytest.raises(CxrError, match="map of shape"):
            warp_codes(bad, sitk.Transform(2, sitk.sitkIdentity))


def test_a_failing_registration_is_the_images_fault_and_its_reason_is_the_same_every_time():
    fixed = sitk.GetImageFromArray(np.random.default_rng(0).random((64, 64)).astype(np.float32))
    tiny = sitk.GetImageFromArray(np.ones((2, 2), np.float32))  # too small for the pyramid
    reasons = set()
    for _ in range(2):
        with pytest.raises(ImageError, match="registration failed") as caught:
            register(fixed, tiny)
        reasons.add(str(caught.value))
    assert len(reasons) == 1
    assert "0x" not in reasons.pop()


def test_a_transform_that_is_not_finite_is_refused():
    fixed = sitk.GetImageFromArray(np.random.default_rng(0).random((64, 64)).astype(np.float32))
    hollow = sitk.GetImageFromArray(np.full((64, 64), np.nan, np.float32))
    with pytest.raises(ImageError, match="degenerate"):
        register(fixed, hollow)


def test_expert_lungs_of_real_patients_come_to_lie_on_each_other(real_data):
    def read(name):
        image = cv2.imread(str(real_data / f"jsrt/images/{name}.png"), cv2.IMREAD_GRAYSCALE)
        points = [np.load(real_data / f"landmarks/{organ}/{name}.npy") for organ in ("RL", "LL")]
        lungs = sum(fill_contour((each.reshape(-1, 2) + 0.5) / 4 - 0.5, 256, 256) for each in points) > 0
        return cv2.resize(image, (256, 256), interpolation=cv2.INTER_AREA), lungs[None]

    fixed, moving = read("JPCLN002"), read("JPCLN003")
    warped = apply(moving, fixed)[1][0]
    assert dice(warped, fixed[1][0]) > 0.88
    assert dice(warped, fixed[1][0]) > dice(moving[1][0], fixed[1][0]) + 0.03
