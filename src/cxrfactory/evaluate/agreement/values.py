"""Compare measured with true values, such as cardiothoracic ratios of a network with those of radiologists."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from cxrfactory.config.agreement import ValueAgreementConfig
from cxrfactory.errors import CxrError
from cxrfactory.evaluate.agreement.reading import numbers, patient_codes, read_columns
from cxrfactory.evaluate.agreement.value_plots import plot_differences, plot_scatter
from cxrfactory.logs import get_logger
from cxrfactory.metrics.bland_altman import MEASURES, value_agreement, value_intervals
from cxrfactory.tables.atomic import write_text
from cxrfactory.tables.rows import Row

log = get_logger(__name__)

ALL = "all"
_OTHER_UNIT = 20  # medians that differ by this factor are of other units
COLUMNS = [
    *("group", "part", "pairs", "patients"),
    *(name for measure in MEASURES for name in (measure, f"{measure}_from", f"{measure}_to")),
]


def compare_values(tables: Sequence[str | Path], output: str | Path, settings: ValueAgreementConfig) -> pd.DataFrame:
    """Compute correlation, error and limits of agreement of each group, and below and from the cut-point.

    Parameters
    ----------
    tables
        Tables with a true and a measured value (CSV or Parquet); rows with an empty one of the two are left out.
    output
        Folder for ``values.csv`` (the returned table), ``scatter.png`` and ``bland_altman.png``.
    settings
        Names of columns, the cut-point, the bootstrap.

    Returns
    -------
    One row for each group and part: ``all``, ``below CUT`` and ``from CUT`` (by the true value). ``r`` is Pearson's
    correlation, ``mae`` the mean absolute difference, ``bias`` the mean of measured minus true, ``sd`` its standard
    deviation, ``limit_low`` and ``limit_high`` the limits of agreement (bias -+ 1.96 sd). Columns ``_from`` and ``_to``
    are the ends of the 95 % bootstrap interval over patients.

    Raises
    ------
    CxrError
        If a column is missing, a value is no number, or no row has both values.
    """
    frame = read_values(tables, settings)
    rows: list[Row] = []
    for group, part in frame.groupby("group", sort=False):
        for name, members in _parts(part, settings.cut):
            rows.append({"group": str(group), "part": name} | _figures(members, settings))
    made, output = pd.DataFrame(rows, columns=COLUMNS), Path(output)
    write_text(output / "values.csv", made.to_csv(index=False, float_format="%.6f", lineterminator="\n"))
    plot_scatter(frame, made, settings.cut, settings.quantity, output / "scatter.png")
    plot_differences(frame, made, settings.quantity, output / "bland_altman.png")
    for row in made[made["part"] == ALL].itertuples():
        log.info("%s: %d pairs, r %.3f, mean absolute difference %.4f, bias %.4f, limits %.4f to %.4f", row.group,
                 row.pairs, row.r, row.mae, row.bias, row.limit_low, row.limit_high)  # fmt: skip
    log.info("wrote %s", output)
    return made


def read_values(tables: Sequence[str | Path], settings: ValueAgreementConfig) -> pd.DataFrame:
    """Read tables of values.

    Returns
    -------
    Columns ``group``, ``true``, ``measured`` and ``patient`` (index from 0 without gaps within all tables).

    Raises
    ------
    CxrError
        Under the conditions of :func:`compare_values`.
    """
    if not tables:
        raise CxrError("no table of values; give --table")
    wanted = [settings.true, settings.measured, *([settings.group] if settings.group else [])]
    frames = []
    for place, path in enumerate(map(Path, tables)):
        cells = read_columns(path, wanted, [settings.patient])
        frame = pd.DataFrame(
            {
                "group": cells[settings.group] if settings.group else path.stem,
                "true": numbers(path, cells[settings.true]),
                "measured": numbers(path, cells[settings.measured]),
                "patient": cells.get(settings.patient, ""),
                "row": f"{place} " + cells.index.astype(str),
            }
        )
        kept = frame["true"].notna() & frame["measured"].notna()
        if not kept.all():
            log.warning("%s: %d of %d rows lack one of the two values; left out", path, (~kept).sum(), len(kept))
        _warn_of_units(path, frame[kept], settings)
        frames.append(frame[kept])
    found = pd.concat(frames, ignore_index=True)
    if found.empty:
        raise CxrError(f"{', '.join(map(str, tables))}: no row has both '{settings.true}' and '{settings.measured}'")
    found["patient"] = patient_codes(found["patient"], found.pop("row"))
    return found


def _warn_of_units(path: Path, rows: pd.DataFrame, settings: ValueAgreementConfig) -> None:
    true, measured = rows["true"].abs().median(), rows["measured"].abs().median()
    if true > 0 and measured > 0 and not 1 / _OTHER_UNIT < measured / true < _OTHER_UNIT:
        log.warning(
            "%s: the median of '%s' is %.4g and that of '%s' %.4g; expected one unit (such as ratios, not percent)",
            path, settings.true, true, settings.measured, measured,
        )  # fmt: skip


def _parts(rows: pd.DataFrame, cut: float | None) -> list[tuple[str, pd.DataFrame]]:
    parts = [(ALL, rows)]
    if cut is not None:
        low = rows["true"] < cut
        parts += [(f"below {cut:g}", rows[low]), (f"from {cut:g}", rows[~low])]
    return parts


def _figures(rows: pd.DataFrame, settings: ValueAgreementConfig) -> Row:
    true, measured = rows["true"].to_numpy(), rows["measured"].to_numpy()
    patients = np.unique(rows["patient"].to_numpy(), return_inverse=True)[1]
    found: Row = {"pairs": len(rows), "patients": int(patients.max(initial=-1)) + 1}
    ends = value_intervals(true, measured, patients, settings.resamples, settings.seed)
    for name, value in value_agreement(true, measured).items():
        found |= {name: value, f"{name}_from": ends[name][0], f"{name}_to": ends[name][1]}
    return found
