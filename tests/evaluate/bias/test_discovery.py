import numpy as np
import pandas as pd
import pytest

from cxrfactory.config.studies import BiasDiscoveryConfig
from cxrfactory.errors import CxrError
from cxrfactory.evaluate.bias.discovery import biased_cohorts, discover_bias, read_scores, summarise_gaps
from cxrfactory.tables.parquet import write_table
from cxrfactory.tables.schemas import MANIFEST


def masks(rca, images=20, kinds=("shift", "swap")):
    """Good masks of Dice 0.95 and spoiled ones of 0.2 to 0.8; ``rca`` makes the score from the true Dice."""
    rows = []
    for number in range(images):
        rows.append({"image_id": f"i{number:02d}", "kind": "none", "severity": 0.0, "true_dice": 0.95})
        for kind in kinds:
            for severity in (0.25, 0.5, 0.75, 1.0):
                dice = 1.0 - 0.8 * severity
                rows.append({"image_id": f"i{number:02d}", "kind": kind, "severity": severity, "true_dice": dice})
    table = pd.DataFrame(rows)
    return table.assign(dice_rca_mean=rca(table["true_dice"]), dice_rca_max=0.99)


def write(table, path):
    table.to_csv(path, index=False, float_format="%.6f")
    return path


def test_a_perfect_score_predicts_every_gap(tmp_path):
    path = write(masks(lambda dice: dice), tmp_path / "rca_check.csv")
    summary = discover_bias(path, tmp_path / "out", BiasDiscoveryConfig(cohorts=40, resamples=100)).set_index("part")
    whole = summary.loc["all"]
    assert whole["gaps"] == 40
    assert whole[["r", "slope", "same_sign", "found"]].tolist() == pytest.approx([1, 1, 1, 1])
    assert whole[["mae", "largest_error", "false_alarms"]].tolist() == pytest.approx([0, 0, 0])
    assert set(summary.index[1:4]) == {"mixed", "shift", "swap"}
    assert summary.loc[["mixed", "shift", "swap"], "gaps"].sum() == 40
    assert summary.loc[summary.index.str.startswith("true gap"), "gaps"].sum() == 40
    gaps = pd.read_csv(tmp_path / "out" / "gaps.csv")
    assert (gaps["true_gap"] == gaps["rca_gap"]).all()
    assert (gaps["images"] == 10).all()
    assert (tmp_path / "out" / "gaps.png").read_bytes()[:4] == b"\x89PNG"


def test_a_flat_score_halves_the_gaps_and_noise_finds_none(tmp_path):
    half = discover_bias(
        write(masks(lambda dice: 0.4 + dice / 2), tmp_path / "a.csv"), tmp_path / "a", BiasDiscoveryConfig(cohorts=30)
    )
    assert half.loc[0, "slope"] == pytest.approx(0.5, abs=1e-4)
    assert half.loc[0, "r"] == pytest.approx(1, abs=1e-4)
    rng = np.random.default_rng(0)
    noise = masks(lambda dice: rng.uniform(0.5, 0.6, len(dice)))
    found = discover_bias(
        write(noise, tmp_path / "b.csv"), tmp_path / "b", BiasDiscoveryConfig(cohorts=60, resamples=300)
    )
    assert abs(found.loc[0, "r"]) < 0.4
    assert found.loc[0, "rca_seen"] < 0.25
    assert found.loc[0, "mae"] > 0.03


def test_cohorts_are_drawn_as_said():
    table = masks(lambda dice: dice, images=40)
    pairs = list(biased_cohorts(table, 60, seed=1))
    good, spoiled = 0.95, {0.8, 0.6, 0.4, 0.2}
    for pair in pairs:
        assert pair.members.sum() == 20
        assert set(np.round(pair.true_dice, 6)) <= {good, *spoiled}
    shares = np.array(
        [[np.mean(pair.true_dice[side] < 0.9) for side in (pair.members, ~pair.members)] for pair in pairs]
    )
    differences = np.abs(np.diff(shares, axis=1)).ravel()
    # every fifth has one chance for both groups
    assert differences[::5].mean() < 0.2 < np.delete(differences, np.s_[::5]).mean()
    assert shares.min() < 0.1
    assert shares.max() > 0.9
    again = list(biased_cohorts(table.sample(frac=1, random_state=3), 5, seed=1))
    for first, second in zip(pairs, again, strict=False):
        np.testing.assert_array_equal(first.true_dice, second.true_dice)
        np.testing.assert_array_equal(first.members, second.members)
    other = next(biased_cohorts(table, 1, seed=2))
    assert not np.array_equal(other.members, pairs[0].members)


def test_groups_of_a_manifest_against_the_truth(tmp_path):
    rows = [{"image_id": f"i{n}", "patient_id": f"p{n}", "sex": "FM"[n % 2], "included": True} for n in range(24)]
    write_table(pd.DataFrame(rows).reindex(columns=MANIFEST.names), tmp_path / "m.parquet", MANIFEST)
    dice = np.array([0.95 if n % 2 else 0.90 for n in range(24)]) + np.arange(24) / 1e4
    scores = pd.DataFrame({"image_id": [f"i{n}" for n in range(24)], "dice_true": dice, "dice_rca_mean": dice - 0.1})
    path = write(scores, tmp_path / "images.csv")
    summary = discover_bias(path, tmp_path / "out", BiasDiscoveryConfig(), [tmp_path / "m.parquet"])
    gaps = pd.read_csv(tmp_path / "out" / "gaps.csv")
    assert gaps[["series", "name", "images", "rest_images"]].to_numpy().tolist() == [["sex", "F", 12, 12]]
    assert gaps.loc[0, "true_gap"] == pytest.approx(-0.0501)
    assert gaps.loc[0, "rca_gap"] == pytest.approx(-0.0501)
    assert summary.loc[0, ["found", "true_seen"]].tolist() == [1, 1]
    assert np.isnan(summary.loc[0, "r"])
    with pytest.raises(CxrError, match="expected one row an image"):
        discover_bias(
            write(pd.concat([scores, scores]), path), tmp_path / "out", BiasDiscoveryConfig(), [tmp_path / "m.parquet"]
        )
    with pytest.raises(CxrError, match="no two groups of 10 patients"):
        discover_bias(write(scores.head(9), path), tmp_path / "out", BiasDiscoveryConfig(), [tmp_path / "m.parquet"])


def test_figures_of_known_gaps():
    gaps = pd.DataFrame(
        [
            ("a", "1", 5, 5, 0.04, 0.01, 0.07, 0.02, 0.01, 0.03),  # seen by both
            ("a", "2", 5, 5, -0.04, -0.07, -0.01, 0.02, 0.01, 0.03),  # seen by both, but in the wrong direction
            ("b", "3", 5, 5, 0.005, -0.01, 0.02, 0.02, 0.01, 0.03),  # seen by RCA alone
            ("b", "4", 5, 5, 0.2, 0.1, 0.3, 0.01, -0.01, 0.03),  # missed
        ],
        columns=[
            *("series", "name", "images", "rest_images", "true_gap", "true_low", "true_high"),
            *("rca_gap", "rca_low", "rca_high"),
        ],
    )
    table = summarise_gaps(gaps).set_index("part")
    assert list(table.index) == ["all", "a", "b", "true gap 0 to 0.01", "true gap 0.02 to 0.05", "true gap 0.1 or more"]
    whole = table.loc["all"]
    assert whole["mae"] == pytest.approx((0.02 + 0.06 + 0.015 + 0.19) / 4)
    assert whole[["same_sign", "true_seen", "rca_seen", "false_alarms"]].tolist() == [0.75, 0.75, 0.75, 1.0]
    assert whole["found"] == pytest.approx(1 / 3)
    assert whole["largest_error"] == pytest.approx(0.19)


def test_refused(tmp_path):
    with pytest.raises(CxrError, match="not readable as CSV"):
        read_scores(tmp_path / "none.csv")
    with pytest.raises(CxrError, match=r"columns \['true_dice'\] are missing"):
        read_scores(write(masks(lambda dice: dice).drop(columns="true_dice"), tmp_path / "a.csv"))
    with pytest.raises(CxrError, match=r"row 1: dice_rca_mean is 1.45; expected \[0, 1\]"):
        read_scores(write(masks(lambda dice: dice + 0.5), tmp_path / "b.csv"))
    with pytest.raises(CxrError, match="without a column 'kind'"):
        next(biased_cohorts(masks(lambda dice: dice).drop(columns="kind"), 1, 0))
    with pytest.raises(CxrError, match="3 images with a good mask"):
        next(biased_cohorts(masks(lambda dice: dice, images=3), 1, 0))
