import hashlib

import numpy as np
import pandas as pd
import pytest

from cxrfactory.classify.compare import compare
from cxrfactory.classify.train import PREDICTIONS
from cxrfactory.errors import CxrError
from cxrfactory.tables.parquet import write_table


def write(path, model, picture, repeat, skill, images=40, labels=("A", "B")):
    rows = []
    for split, number in (("validate", 20), ("test", images)):
        for index in range(number):
            for label in labels:
                rng = np.random.default_rng([index, len(label), ord(label), repeat, len(split)])
                truth = bool((index + ord(label)) % 2)
                value = 0.5 + (0.3 if truth else -0.3) * skill + 0.2 * rng.normal()
                rows.append((model, picture, repeat, split, f"i{index}", f"p{index // 2}", label, truth,
                             np.clip(value, 0, 1)))  # fmt: skip
    frame = pd.DataFrame(rows, columns=PREDICTIONS.names).astype({"repeat": "int32", "probability": "float32"})
    write_table(frame, path, PREDICTIONS)
    return path


def study(folder, skills):
    return [
        write(folder / f"{model}-{picture}-{repeat}.parquet", model, picture, repeat, skill)
        for model, both in skills.items()
        for picture, skill in zip(("original", "segmented"), both, strict=True)
        for repeat in range(2)
    ]


def test_the_better_picture_is_found_and_equal_ones_are_not_told_apart(tmp_path):
    tests = compare(study(tmp_path, {"good": (0.1, 1.0), "same": (0.5, 0.5)}), tmp_path / "out")
    row = tests.set_index(["model", "label", "measure"])
    better = row.loc["good", "mean", "accuracy"]
    assert better["difference"] > 0.2
    assert better["low"] > 0
    assert better["p_holm"] < 0.01
    equal = row.loc["same", "mean", "accuracy"]
    assert (equal["difference"], equal["p"], equal["p_holm"]) == (0, 1, 1)
    assert row.loc["good", "A", "accuracy"]["repeats"] == 2
    rates = pd.read_csv(tmp_path / "out/rates.csv")
    assert set(rates["measure"]) == {"accuracy", "sensitivity", "specificity", "roc_area"}
    of_labels = rates[(rates["model"] == "good") & (rates["picture"] == "segmented") & (rates["measure"] == "accuracy")]
    by_label = of_labels.set_index("label")["value"]
    assert by_label["mean"] == pytest.approx((by_label["A"] + by_label["B"]) / 2, abs=1e-5)
    assert (of_labels["low"] <= of_labels["value"]).all()


def test_by_hand(tmp_path):
    # One label, thresholds that validation fixes at the middle.
    def table(picture, values):
        rows = [("m", picture, 0, "validate", f"v{n}", f"v{n}", "A", bool(n % 2), 0.9 * (n % 2)) for n in range(4)]
        rows += [("m", picture, 0, "test", f"t{n}", f"t{n}", "A", truth, value)
                 for n, (truth, value) in enumerate(zip((True, True, False, False), values, strict=True))]  # fmt: skip
        path = tmp_path / f"{picture}.parquet"
        write_table(pd.DataFrame(rows, columns=PREDICTIONS.names).astype({"repeat": "int32"}), path, PREDICTIONS)
        return path

    tests = compare([table("original", (0.9, 0.1, 0.1, 0.9)), table("segmented", (0.9, 0.9, 0.1, 0.9))], tmp_path / "o")
    row = tests[tests["label"] == "A"].set_index("measure")
    assert row["original"].to_dict() == {"accuracy": 0.5, "sensitivity": 0.5, "specificity": 0.5}
    assert row["segmented"].to_dict() == {"accuracy": 0.75, "sensitivity": 1.0, "specificity": 0.5}
    thresholds = pd.read_csv(tmp_path / "o/thresholds.csv")
    assert thresholds["threshold"].tolist() == [0.45, 0.45]
    assert thresholds["chosen_on"].tolist() == ["validate"] * 2


def test_the_same_bytes_twice(tmp_path):
    files = study(tmp_path, {"good": (0.1, 1.0)})
    digests = []
    for name in ("a", "b"):
        compare(files, tmp_path / name)
        digests.append([hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted((tmp_path / name).iterdir())])
    assert len(digests[0]) == 4
    assert digests[0] == digests[1]


def test_other_images_are_refused(tmp_path):
    files = [
        write(tmp_path / "a.parquet", "m", "original", 0, 1.0),
        write(tmp_path / "b.parquet", "m", "segmented", 0, 1.0, images=38),
    ]
    with pytest.raises(CxrError, match="not judged on the same images"):
        compare(files, tmp_path / "out")
