"""Compare graded measurements, and the answers of other systems, with a reference such as the grades of reports."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from cxrfactory.config.agreement import MEASURED, AgreementTestConfig
from cxrfactory.errors import CxrError
from cxrfactory.evaluate.agreement.graded import Graded, Scale, read_graded
from cxrfactory.evaluate.agreement.markdown import markdown
from cxrfactory.evaluate.agreement.pairing import Links, Pairs, pair, read_links, shared
from cxrfactory.evaluate.agreement.plots import plot_confusion, plot_roc, plot_violin
from cxrfactory.evaluate.agreement.statistics import (
    COLUMNS,
    OWN,
    SHARED,
    agreement_rows,
    confusion_rows,
    difference_rows,
    roc_rows,
)
from cxrfactory.logs import get_logger, progress
from cxrfactory.tables.atomic import write_text

log = get_logger(__name__)

_ITEMS = ["finding", "measurement", "system"]
_COLUMNS = {
    "agreement": COLUMNS,
    "confusion": [*_ITEMS, "reference", "answer", "pairs"],
    "roc": [*_ITEMS, "threshold", "sensitivity", "false_positive_rate"],
    "differences": [*_ITEMS, "minus", "pairs", "patients", "measure", "difference", "low", "high"],
    "cases": [*_ITEMS, "case", "reference_key", "reference", "answer", "value"],
    "left_out": [*_ITEMS, "reason", "rows"],
}


def compare_grades(
    measured: str | Path,
    reference: Sequence[str | Path],
    output: str | Path,
    settings: AgreementTestConfig,
    links: Sequence[str | Path] = (),
    answers: Mapping[str, str | Path] | None = None,
) -> dict[str, pd.DataFrame]:
    """Compare grades, and write tables and figures.

    Parameters
    ----------
    measured
        Table of graded measurements (CSV or Parquet).
    reference
        Tables of reference grades, such as those of reports.
    output
        Folder for ``agreement.csv`` and ``agreement.md`` (all measures with intervals), ``confusion.csv`` and
        ``confusion.png``, ``roc.csv`` and ``roc.png``, ``violin.png`` (violins of the value by reference grade),
        ``cases.csv`` (the compared pairs), ``left_out.csv`` and, with answers, ``differences.csv``.
    settings
        Names of columns and grades, and the bootstrap.
    links
        Tables with both keys and the patient, such as manifests.
    answers
        Tables of other systems by name.

    Returns
    -------
    The tables by the names of their files.

    Raises
    ------
    CxrError
        If a table is malformed, or a finding has no case in common with the reference.
    """
    compared = pairs_of(measured, reference, settings, links, answers or {})
    made = _tables(compared, settings)
    output = Path(output)
    for name, table in made.items():
        if name != "differences" or answers:
            write_text(output / f"{name}.csv", table.to_csv(index=False, float_format="%.6f", lineterminator="\n"))
    write_text(output / "agreement.md", markdown(made["agreement"]))
    each = [pairs for systems in compared for pairs in systems]
    plot_confusion(each, settings.grades, output / "confusion.png")
    plot_violin(each, settings.grades, output / "violin.png")
    plot_roc(each, output / "roc.png")
    for pairs in each:
        log.info("%s, %s: %d pairs compared; %s", pairs.finding, pairs.system, len(pairs.rows), _sentence(pairs))
    log.info("wrote %s", output)
    return made


def pairs_of(
    measured: str | Path,
    reference: Sequence[str | Path],
    settings: AgreementTestConfig,
    links: Sequence[str | Path],
    answers: Mapping[str, str | Path],
) -> list[list[Pairs]]:
    """Return for each pair MEASUREMENT=FINDING the pairs of the measured table and of every other system.

    Raises
    ------
    CxrError
        Under the conditions of :func:`compare_grades`.
    """
    items = [tuple(part.strip() for part in each.split("=", 1)) for each in settings.findings]
    findings = list(dict.fromkeys(finding for _, finding in items))
    scale = Scale(
        tuple(grade.strip() for grade in settings.grades), settings.grade_of_word(), tuple(settings.unspecified)
    )
    common = {"scale": scale, "patient": settings.patient, "repeated": settings.repeated}
    own = read_graded(
        *(measured, [settings.measured_key], settings.measured_item, settings.measured_grade),
        **common, value=settings.measured_value, need_value=True, items=[name for name, _ in items],
    )  # fmt: skip
    truth = _joined(
        [
            read_graded(path, [settings.reference_key], settings.reference_item, settings.reference_grade,
                        **common, items=findings, polarities=settings.polarities)
            for path in reference
        ]
    )  # fmt: skip
    known = read_links(links, settings.measured_key, settings.reference_key, settings.patient) if links else None
    others = {
        name: read_graded(
            *(path, [settings.reference_key, settings.measured_key], settings.reference_item, settings.measured_grade),
            **common, value=settings.measured_value, items=findings,
        )
        for name, path in answers.items()
    }  # fmt: skip
    found = _compared([pair(MEASURED, own, truth, each, known, True) for each in items], own, truth, known)
    systems = {each.measurement: [each] for each in found}
    for name, graded in others.items():
        by_image = graded.keyed_by == tuple(settings.measured_key) != tuple(settings.reference_key)
        pairs = []
        for each in found:
            made = pair(name, graded, truth, (each.finding, each.finding), known, by_image)
            pairs.append(replace(made, measurement=each.measurement))
        for each in _compared(pairs, graded, truth, known):
            systems[each.measurement].append(each)
    return list(systems.values())


def _compared(pairs: list[Pairs], graded: Graded, reference: Graded, links: Links | None) -> list[Pairs]:
    """Return the comparisons with cases, with a warning for the others; having none is an error."""
    faults = [_fault(each, graded, reference, links) for each in pairs if not len(each.rows)]
    if len(faults) == len(pairs):
        raise CxrError(faults[0])
    for fault in faults:
        log.warning("%s; the finding is left out", fault)
    return [each for each in pairs if len(each.rows)]


def _joined(tables: list[Graded]) -> Graded:
    if len(tables) == 1:
        return tables[0]
    rows = pd.concat([each.rows for each in tables])
    name = ", ".join(each.path for each in tables)
    if (twice := rows.duplicated(["key", "item"])).any():
        key = rows["key"][twice].iloc[0]
        raise CxrError(f"{name}: key '{key}' occurs in two of these tables; expected each report in one")
    return Graded(name, rows, tables[0].keyed_by, sum((each.left_out for each in tables), Counter()))


def _fault(pairs: Pairs, graded: Graded, reference: Graded, links: Links | None) -> str:
    """Describe a comparison without a common case, with an example of each side's keys."""
    sides = []
    item = pairs.measurement if pairs.system == MEASURED else pairs.finding
    for table, name in ((graded, item), (reference, pairs.finding)):
        keys = table.rows.loc[table.rows["item"] == name, "key"]
        example = f"such as '{keys.iloc[0]}'" if len(keys) else "none with a grade"
        sides.append(f"{table.path} has {len(keys)} keys of '{name}' ({', '.join(table.keyed_by)}: {example})")
    through = f" through {links.name}" if links else "; if their keys differ by design, give --links, a table of both"
    return f"no common keys: {sides[0]}, {sides[1]}; expected at least one in both{through}"


def _tables(compared: list[list[Pairs]], settings: AgreementTestConfig) -> dict[str, pd.DataFrame]:
    grades, draws = len(settings.grades), (settings.resamples, settings.seed)
    rows: dict[str, list] = {name: [] for name in _COLUMNS}
    for systems in progress(compared, "agreement"):
        for pairs in systems:
            rows["agreement"] += agreement_rows(pairs, grades, *draws, cases=OWN)
            rows["confusion"] += confusion_rows(pairs, settings.grades)
            rows["roc"] += roc_rows(pairs)
            rows["cases"] += _case_rows(pairs, settings.grades)
            keys = {"finding": pairs.finding, "measurement": pairs.measurement, "system": pairs.system}
            rows["left_out"] += [keys | {"reason": reason, "rows": n} for reason, n in sorted(pairs.left_out.items())]
        if len(systems) > 1:
            common = shared(systems)
            for pairs in common:
                rows["agreement"] += agreement_rows(pairs, grades, *draws, cases=SHARED)
            rows["differences"] += difference_rows(common, grades, *draws)
    return {name: pd.DataFrame(each, columns=_COLUMNS[name]) for name, each in rows.items()}


def _case_rows(pairs: Pairs, grades: Sequence[str]) -> list[dict]:
    keys = {"finding": pairs.finding, "measurement": pairs.measurement, "system": pairs.system}
    return [
        keys
        | {"case": row.case, "reference_key": row.reference_key, "reference": _name(row.reference, grades)}
        | {"answer": _name(row.answer, grades), "value": row.value}
        for row in pairs.rows.itertuples()
    ]


def _name(grade: int, grades: Sequence[str]) -> str:
    return grades[grade] if grade >= 0 else "unspecified"


def _sentence(pairs: Pairs) -> str:
    parts = [f"{n} {reason}" for reason, n in sorted(pairs.left_out.items())]
    return f"rows left out: {', '.join(parts)}" if parts else "no row left out"
