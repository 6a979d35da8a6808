"""A folder as rca-check writes it, with scores that follow a known curve of the true Dice."""

import json

import numpy as np
import pandas as pd

from cxrfactory.tables.calibration import ScoreOrigin

ORIGIN = ScoreOrigin(method="classical", references=5, size=256, library="a" * 64)


def known_table(images=60, each=8, heart=True, seed=0):
    rng = np.random.default_rng(seed)
    rows = []
    for image in range(images):
        for number in range(each):
            kind, quality = ("shift", rng.uniform(0.2, 1)) if number else ("none", rng.uniform(0.85, 1))
            row = {"image_id": f"i{image:03d}", "kind": kind, "severity": 0.0}
            truths = {}
            for organ in ("lungs", "heart")[: 1 + heart]:
                truths[organ] = float(np.clip(quality + rng.normal(0, 0.05), 0, 1))
                mean = 0.9 * truths[organ] + rng.normal(0, 0.03)
                row |= {f"{organ}_true": truths[organ], f"{organ}_mean": mean, f"{organ}_max": mean + 0.03}
                row[f"{organ}_std"] = None if number else 0.01
            row["true_dice"] = float(np.mean(list(truths.values())))
            for name in ("mean", "max"):
                row[f"dice_rca_{name}"] = float(np.mean([row[f"{organ}_{name}"] for organ in truths]))
            rows.append(row | {"dice_std": None if number else 0.01})
    table = pd.DataFrame(rows)
    if not heart:
        table = table.assign(heart_true=None, heart_mean=None, heart_max=None, heart_std=None)
    return table


def write_known(folder, origin=ORIGIN, **how):
    folder.mkdir(parents=True, exist_ok=True)
    known_table(**how).to_csv(folder / "rca_check.csv", index=False, float_format="%.6f")
    (folder / "rca_check.json").write_text(json.dumps({"origin": origin.model_dump(mode="json")}))
    return folder
