"""The figures that tell how well roots were found, with what is asked of them."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from cxrfactory.metrics.group_tests import FEWEST, rank_test
from cxrfactory.metrics.root_graphs import f1_of

COLUMNS = ["measure", "value", "unit", "asked", "met", "number"]
LENGTH_PERCENT = 1.0
EXACT_SHARE = 0.9
EMERGENCE_FRAMES = 2
GROUP_P = 0.01

_TESTS: dict[str, Callable[[float, float], bool]] = {
    "<=": lambda value, limit: value <= limit,
    "<": lambda value, limit: value < limit,
    ">=": lambda value, limit: value >= limit,
}


def measure(name: str, value: float | None, unit: str = "", asked: str = "", number: int | None = None) -> dict:
    """Return a row of the summary; ``asked`` is a sign and a limit, such as ``<= 1``, and ``number`` counts values."""
    value = np.nan if value is None else float(value)
    met = ""
    if asked:
        sign, limit = asked.split()
        met = "yes" if np.isfinite(value) and _TESTS[sign](value, float(limit)) else "no"
    return {"measure": name, "value": value, "unit": unit, "asked": asked, "met": met, "number": number}


def summary_table(
    times: pd.DataFrame, emergence: pd.DataFrame, plates: pd.DataFrame, extra: int, differ: bool
) -> pd.DataFrame:
    """Summarise all plates.

    Parameters
    ----------
    times, emergence, plates
        Rows of plants and times, of true laterals, and of plates.
    extra
        Number of found plants without a true one.
    differ
        Whether the two groups were made to differ; else no difference must be found.
    """
    last = times[times["frame"] == times.groupby("plate")["frame"].transform("max")]
    rows = [
        *_lengths(times, last),
        measure("plant-times with the exact number of laterals", _mean(times["laterals_exact"]), "share",
                f">= {EXACT_SHARE:g}", len(times)),
        *_emergence(emergence),
        measure("Dice of masks, mean over plates", _mean(plates["dice"]), "", "", int(plates["dice"].count())),
        measure("Dice of masks, lowest plate", plates["dice"].min(), "", "", int(plates["dice"].count())),
        *_matched("in the last picture", last),
        *_matched("in all pictures", times),
        measure("laterals matched in the last picture: length error, median absolute",
                _median(emergence["length_error_px"].abs()), "px", "", int(emergence["length_error_px"].count())),
        *_groups(last, differ),
        measure("true plants that were found", _ratio(plates["plants"].sum(), plates["true_plants"].sum()), "share", "",
                int(plates["true_plants"].sum())),
        measure("found plants without a true one", extra, "plants"),
        measure("seeds that never germinated, which count nowhere", plates["seeds_without_roots"].sum(), "plants"),
        measure("pictures that were read", _ratio(plates["pictures"].sum(), plates["true_pictures"].sum()), "share", "",
                int(plates["true_pictures"].sum())),
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS)


def _lengths(times: pd.DataFrame, last: pd.DataFrame) -> list[dict]:
    rows = []
    for name, trait in (("main root", "main"), ("all roots", "total")):
        for place, some in (("", times), (" in the last picture", last)):
            errors = some[f"{trait}_error_percent"].dropna()
            asked = f"<= {LENGTH_PERCENT:g}" if trait == "main" else ""
            rows.append(measure(f"length of {name}{place}: error, mean absolute", _mean(errors.abs()), "%", asked,
                                len(errors)))  # fmt: skip
            rows.append(measure(f"length of {name}{place}: error, mean", _mean(errors), "%", "", len(errors)))
    return rows


def _emergence(rows: pd.DataFrame) -> list[dict]:
    errors = rows["error_frames"].dropna().abs()
    near = int((errors <= EMERGENCE_FRAMES).sum())
    asked, count = f"<= {EMERGENCE_FRAMES}", len(errors)
    high = float(np.quantile(errors, 0.9)) if count else None
    return [
        measure("emergence of matched laterals: error, median absolute", _median(errors), "pictures", asked, count),
        measure("emergence of matched laterals: error, 90 % of laterals within", high, "pictures", asked, count),
        measure("emergence of matched laterals: error, mean", _mean(rows["error_frames"].dropna()), "pictures", "",
                count),
        measure("matched laterals with emergence within 2 pictures", _ratio(near, count), "share", "", count),
        measure("true laterals found with emergence within 2 pictures", _ratio(near, len(rows)), "share", "",
                len(rows)),
    ]  # fmt: skip


def _matched(place: str, rows: pd.DataFrame) -> list[dict]:
    matched, found, true = (int(rows[f"laterals_{name}"].sum()) for name in ("matched", "found", "drawn"))
    return [
        measure(f"laterals {place}: precision", _ratio(matched, found), "share", "", found),
        measure(f"laterals {place}: recall", _ratio(matched, true), "share", "", true),
        measure(f"laterals {place}: F1", f1_of(matched, found, true), "share", "", true),
    ]


def _groups(last: pd.DataFrame, differ: bool) -> list[dict]:
    """Test the difference of the main root's length in the last picture between the two groups, on both sides."""
    names = sorted(last["group"].dropna().unique())
    rows: list[dict] = []
    if len(names) != 2:
        return rows
    asked = f"< {GROUP_P:g}" if differ else f">= {GROUP_P:g}"
    for side, limit in (("found", asked), ("true", "")):
        values = [last.loc[last["group"] == name, f"{side}_main_length"].dropna().to_numpy(float) for name in names]
        enough = min(len(each) for each in values) >= FEWEST
        delta, p = rank_test(*values) if enough else (None, None)
        number = sum(len(each) for each in values)
        rows.append(measure(f"{names[0]} against {names[1]}, {side} length of main root: p of Mann and Whitney", p, "",
                            limit, number))  # fmt: skip
        rows.append(measure(f"{names[0]} against {names[1]}, {side} length of main root: Cliff's delta", delta, "", "",
                            number))  # fmt: skip
    return rows


def _mean(values: Any) -> float | None:
    return float(np.mean(np.asarray(values, float))) if np.size(values) else None


def _median(values: Sequence[float]) -> float | None:
    known = np.asarray(values, float)
    known = known[np.isfinite(known)]
    return float(np.median(known)) if known.size else None


def _ratio(part: float, whole: float) -> float | None:
    return float(part) / float(whole) if whole else None
