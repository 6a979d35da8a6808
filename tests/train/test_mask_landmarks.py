import numpy as np
import pytest
import torch

from cxrfactory.anatomy.contour_features import FEATURES, SAMPLES, outer_contour
from cxrfactory.anatomy.mask_landmarks import ContourModel, models_from_arrays
from cxrfactory.anatomy.raster import fill_contour
from cxrfactory.config import MaskLandmarksConfig
from cxrfactory.errors import CxrError
from cxrfactory.train.mask_landmarks import (
    Case,
    ContourNet,
    contour_loss,
    disturbed,
    evaluate_mask_landmarks,
    examples_of,
    filled_in,
    fit_organ,
    held_out,
    read_cases,
    train_mask_landmarks,
    true_places,
)


def ellipse(count, centre, radii, clockwise, start=-np.pi / 2):
    turn = np.linspace(0, 2 * np.pi, count, endpoint=False) * (1 if clockwise else -1) + start
    return np.stack([centre[0] + radii[0] * np.cos(turn), centre[1] + radii[1] * np.sin(turn)], axis=1)


def case(number=0, heart=True):
    rng = np.random.default_rng(number)
    x, y = rng.uniform(-30, 30, 2)
    landmarks = {
        "right_lung": ellipse(44, (320 + x, 480 + y), (130, 330), False),
        "left_lung": ellipse(50, (720 + x, 480 + y), (120, 320), True),
        "heart": ellipse(26, (560 + x, 640 + y), (140, 110), True, np.pi),
    }
    if not heart:
        del landmarks["heart"]
    return Case(f"c{number}", "Drawn", False, landmarks)


def write_set(root, count=12):
    for folder in ("RL", "LL", "H"):
        (root / folder).mkdir()
    lines = ["File,Dataset,Condition"]
    for number in range(count):
        drawn = case(number, heart=number % 3 != 0)
        lines.append(f"p{number}.png,Drawn,normal")
        for organ, folder in (("right_lung", "RL"), ("left_lung", "LL"), ("heart", "H")):
            if organ in drawn.landmarks:
                np.save(root / folder / f"p{number}.npy", drawn.landmarks[organ])
    lines.append("none.png,Drawn,normal")
    (root / "clinical.csv").write_text("\n".join(lines) + "\n")


def test_places_of_the_landmarks_lead_back_to_them():
    drawn = case()
    for organ, points in drawn.landmarks.items():
        contour = outer_contour(organ, fill_contour(points, 1024, 1024))
        places = true_places(contour, points)
        assert (np.diff(places) > 0).all()
        assert places[-1] - places[0] < SAMPLES
        assert np.hypot(*(contour.locate(places) - points).T).max() < 1.5


def test_undisturbed_features_and_places_belong_together():
    examples = examples_of([case(number) for number in range(3)])["left_lung"]
    seen, places = disturbed("left_lung", examples, np.array([0, 2, 1]), np.random.default_rng(0))
    assert seen.shape == (3, SAMPLES, FEATURES)
    # Node 0 is the topmost point of the ellipse: the warp keeps it near the top.
    for row in range(3):
        height = np.interp(places[row, 0] % SAMPLES, np.arange(SAMPLES), seen[row, :, 1])
        assert height < seen[row, :, 1].min() + 0.1
    assert (np.diff(places, axis=1) > 0).all()


@pytest.mark.parametrize(("organ", "side"), [("right_lung", 1), ("left_lung", -1)])
def test_a_filled_lung_reaches_the_midline_at_the_heart_alone(organ, side):
    examples = examples_of([case()])[organ]
    points, places = examples.points[0], examples.places[0]
    moved = filled_in(organ, points, places, 1.0)
    np.testing.assert_array_equal(moved[:, 1], points[:, 1])
    shift = side * (moved[:, 0] - points[:, 0])
    assert shift.min() >= 0
    assert (side * moved[:, 0]).max() == pytest.approx((side * points[:, 0]).max())
    lateral = round(places[10]) % SAMPLES
    angle = round(places[29 if organ == "right_lung" else 27]) % SAMPLES
    assert shift[lateral] == 0
    assert shift[angle] > 20
    np.testing.assert_array_equal(filled_in(organ, points, places, 0.0), points)


def test_numpy_model_is_the_torch_network():
    torch.manual_seed(0)
    network = ContourNet(26)
    fields = {name: value.astype(np.float64) for name, value in network.arrays().items()}
    for name, value in network.named_parameters():
        value.data = value.data.half().float()
        assert name
    seen = np.random.default_rng(0).normal(size=(SAMPLES, FEATURES))
    model = ContourModel(**fields, fractions=np.arange(26) / 26)
    with torch.inference_mode():
        expected = network(torch.from_numpy(seen).float().T[None])[0].T.numpy()
    np.testing.assert_allclose(model.logits(seen), expected, atol=1e-4)


def test_loss_is_lowest_at_the_true_place():
    places = torch.tensor([[10.0, 250.0]])
    away = torch.arange(SAMPLES) - places[..., None]
    away = away - SAMPLES * torch.round(away / SAMPLES)
    right = contour_loss(-0.5 * (away / 1.5) ** 2, places)
    wrong = contour_loss(-0.5 * (away / 1.5) ** 2, places + 4)
    assert right[1] == pytest.approx(0, abs=1e-6)
    assert wrong[1] == pytest.approx(16, rel=1e-3)
    assert right[0] < wrong[0]


def test_the_seed_decides_the_weights():
    examples = examples_of([case(number) for number in range(6)])["heart"]
    first, again = (fit_organ("heart", examples, 6, batch_size=4) for _ in range(2))
    for name, value in first.items():
        np.testing.assert_array_equal(value, again[name])
    other = fit_organ("heart", examples, 6, seed=1, batch_size=4)
    assert not np.array_equal(first["heart.last"], other["heart.last"])


def test_patients_are_held_out_together():
    for number in range(50):
        assert held_out(f"{number}_a", "Padchest", "") == held_out(f"{number}_b", "Padchest", "")
        assert held_out(f"M{number}", "Montgomery", "normal") == held_out("M999", "Montgomery", f"same pt as M{number}")
    share = np.mean([held_out(f"J{number}", "JSRT", "") for number in range(2000)])
    assert share == pytest.approx(0.2, abs=0.03)


def test_set_to_weights_file(tmp_path):
    write_set(tmp_path)
    cases = read_cases(tmp_path)
    assert len(cases) == 12
    assert 0 < sum(each.held_out for each in cases) < 12
    train_mask_landmarks(tmp_path, tmp_path / "models.npz", MaskLandmarksConfig(steps=2))
    with np.load(tmp_path / "models.npz") as arrays:
        assert set(models_from_arrays(dict(arrays), "models.npz")) == {"right_lung", "left_lung", "heart"}
    first = (tmp_path / "models.npz").read_bytes()
    train_mask_landmarks(tmp_path, tmp_path / "models.npz", MaskLandmarksConfig(steps=2))
    assert (tmp_path / "models.npz").read_bytes() == first


def test_evaluation_counts_organs(tmp_path):
    write_set(tmp_path)
    rows = evaluate_mask_landmarks(tmp_path, only_held_out=False)
    assert len(rows) == 12 * 2 + 8
    assert all(0 <= row["dice"] <= 1 and row["mse"] >= 0 for row in rows)


def test_errors_are_one_line(tmp_path):
    with pytest.raises(CxrError, match=r"clinical\.csv: no such file"):
        read_cases(tmp_path)
    write_set(tmp_path)
    np.save(tmp_path / "RL" / "p3.npy", np.zeros((43, 2)))
    with pytest.raises(CxrError, match="expected \\(44, 2\\)"):
        read_cases(tmp_path)
