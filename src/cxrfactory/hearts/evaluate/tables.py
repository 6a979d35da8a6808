"""Tables of a comparison of networks with the truth."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float

from cxrfactory.hearts.evaluate.scores import CUT, MASKS, NODES, WHOLE
from cxrfactory.metrics.agreement import holm, paired_wilcoxon
from cxrfactory.metrics.bland_altman import value_agreement

QUANTITIES = ("lv_edv_ml", "lv_esv_ml", "lv_ef_percent", "rv_edv_ml", "rv_esv_ml", "rv_ef_percent")
_LOW_IS_GOOD = {**dict.fromkeys(NODES, True), "dice": False, "hd_mm": True, "mcd_mm": True}


def summary_rows(scores: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Return mean and standard deviation over cases of every measure, by network and part.

    Parameters
    ----------
    scores
        One row for each network, case, frame and part.
    names
        Names of the networks, in the order of the rows.
    """
    rows = []
    for name in names:
        of_network = scores[scores["network"] == name]
        for part in dict.fromkeys(of_network["part"]):
            values = of_network[of_network["part"] == part]
            for measure in (*NODES, *MASKS):
                numbers = values[measure].dropna().to_numpy(float)
                if len(numbers):
                    spread = float(numbers.std(ddof=1)) if len(numbers) > 1 else np.nan
                    rows.append({"network": name, "part": part, "measure": measure, "meshes": len(numbers),
                                 "mean": float(numbers.mean()), "sd": spread})  # fmt: skip
    return pd.DataFrame(rows)


def pair_rows(scores: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Compare the first network with each other one by Wilcoxon's signed-rank test on the same patients.

    The frames of a patient are not independent, so each patient gives the mean of its frames. ``p_holm`` is corrected
    for the number of rows of the same pair of networks. ``better`` names the network with the better median of the
    differences, if ``p_holm`` is below 0.05.
    """
    wide = scores.groupby(["network", "part", "patient_id"], sort=True)[[*NODES, *MASKS]].mean()
    rows = []
    for other in names[1:]:
        tested = []
        for part in dict.fromkeys(scores["part"]):
            first, second = wide.loc[names[0], part], wide.loc[other, part]
            for measure in (*NODES, *(MASKS if part in CUT else ())):
                test = paired_wilcoxon(first[measure].to_numpy(float), second[measure].to_numpy(float))
                tested.append({"first": names[0], "second": other, "part": part, "measure": measure,
                               "patients": test.pairs, "median_difference": test.median_difference,
                               "p": test.p})  # fmt: skip
        for row, p in zip(tested, holm([row["p"] for row in tested]), strict=True):
            first_is_better = (row["median_difference"] < 0) == _LOW_IS_GOOD[row["measure"]]
            better = "" if not p < 0.05 else row["first"] if first_is_better else row["second"]
            rows.append(row | {"p_holm": float(p), "better": better})
    columns = ["first", "second", "part", "measure", "patients", "median_difference", "p", "p_holm", "better"]
    return pd.DataFrame(rows, columns=columns)


def volume_rows(pumps: Mapping[str, pd.DataFrame], names: Sequence[str]) -> pd.DataFrame:
    """Return the agreement of volumes and ejection fractions with the true ones (Bland and Altman), by network."""
    rows = []
    for name in names:
        for quantity in QUANTITIES:
            both = pd.concat([pumps["truth"][quantity], pumps[name][quantity]], axis=1, keys=["true", "found"]).dropna()
            found = value_agreement(both["true"].to_numpy(float), both["found"].to_numpy(float))
            rows.append({"network": name, "quantity": quantity, "cases": len(both)} | found)
    return pd.DataFrame(rows)


def jacobian_row(who: str, values: Float[np.ndarray, " tetrahedra"]) -> dict[str, object]:
    """Return the distribution of the scaled Jacobians of many tetrahedra, in the columns of the paper."""
    quantiles = np.percentile(values, [1, 5, 25, 50, 75]) if len(values) else [np.nan] * 5
    return {
        "meshes_of": who,
        "mean": float(values.mean()),
        "std": float(values.std()),
        "min": float(values.min()),
        "max": float(values.max()),
        **{f"percentile_{name}": float(value) for name, value in zip((1, 5, 25, 50, 75), quantiles, strict=True)},
        "flipped_percent": float(100 * (values <= 0).mean()),
    }


def network_rows(
    scores: pd.DataFrame, agreement: pd.DataFrame, jacobians: Sequence[Mapping[str, object]], names: Sequence[str]
) -> pd.DataFrame:
    """Return one row for each network with what is looked at first."""
    quality = {row["meshes_of"]: row["mean"] for row in jacobians}
    rows = []
    for name in names:
        of_network = scores[scores["network"] == name]
        whole = of_network[of_network["part"] == WHOLE]
        ef = agreement[(agreement["network"] == name) & (agreement["quantity"] == "lv_ef_percent")].iloc[0]
        dice = {f"dice_{part}": of_network.loc[of_network["part"] == part, "dice"].mean() for part in CUT}
        rows.append({
            "network": name, "patients": whole["patient_id"].nunique(), "meshes": len(whole),
            "mae_mm": whole["mae_mm"].mean(), "distance_mm": whole["distance_mm"].mean(),
            "rmse_mm": whole["rmse_mm"].mean(), **dice, "lv_ef_bias": ef["bias"], "lv_ef_mae": ef["mae"],
            "mean_jacobian": quality[name],
        })  # fmt: skip
    return pd.DataFrame(rows).round(3)
