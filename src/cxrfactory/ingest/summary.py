"""Count the rows of manifests: all, included, and excluded by reason, with the counts of the CheXmask paper."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from cxrfactory.errors import CxrError
from cxrfactory.ingest import registry
from cxrfactory.ingest.datasets import release_names
from cxrfactory.tables import schemas
from cxrfactory.tables.atomic import write_text
from cxrfactory.tables.joins import Join
from cxrfactory.tables.key_values import parse_yaml
from cxrfactory.tables.parquet import read_table

COLUMNS = ("release", "item", "images", "expected", "difference")


@dataclass(frozen=True)
class Selection:
    """Numbers of included and excluded images of a release.

    Attributes
    ----------
    name
        Name of the release.
    rows, included
        Numbers of listed and of included images.
    reasons
        Number of excluded images by reason, with the most frequent reason first.
    expected
        Counts to compare with, under ``rows`` and ``included``; empty if none are known.
    joins
        How tables that add information matched the rows.
    """

    name: str
    rows: int
    included: int
    reasons: dict[str, int]
    expected: dict[str, int]
    joins: tuple[Join, ...] = ()

    @property
    def excluded(self) -> int:
        """Number of excluded images."""
        return self.rows - self.included


def count(manifest: pd.DataFrame, name: str, expected: dict[str, int] | None = None) -> Selection:
    """Count the rows of a manifest.

    Only the part of a reason before its colon counts, so that ``file is missing: a.jpg`` and ``file is missing: b.jpg``
    are the same reason.

    Raises
    ------
    CxrError
        If the included and the excluded rows do not add up to all rows.
    """
    reasons = manifest["exclusion_reason"].dropna().str.split(": ", n=1).str[0].value_counts()
    by_reason = dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0])))
    included = int(manifest["included"].sum())
    if included + sum(by_reason.values()) != len(manifest):
        raise CxrError(
            f"{name}: {included} included + {sum(by_reason.values())} with a reason is not {len(manifest)} "
            "rows; run ingest again"
        )
    return Selection(name, len(manifest), included, {key: int(n) for key, n in by_reason.items()}, expected or {})


def read_expected(path: str | Path) -> dict[str, dict[str, int]]:
    """Read expected counts by dataset from a YAML file ``releases: {NAME: {rows: N, included: N}}``.

    Raises
    ------
    CxrError
        If the file is missing or does not have this form.
    """
    path = Path(path)
    try:
        releases = parse_yaml(path.read_text(encoding="utf-8"), path)["releases"]
        return {name: {key: int(counts[key]) for key in ("rows", "included")} for name, counts in releases.items()}
    except (OSError, CxrError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise CxrError(
            f"{path}: no table of expected counts ({type(error).__name__}: {error}); expected "
            "'releases: {name: {rows: N, included: N}}'"
        ) from error


def read_selections(manifests: Sequence[tuple[str, Path]], expected: dict[str, dict[str, int]]) -> list[Selection]:
    """Count manifest files, which are given as (release name, path), and return the results in this order."""
    return [count(read_table(path, schemas.MANIFEST), name, expected.get(name)) for name, path in manifests]


def display_names(layouts: Mapping[str, str]) -> dict[str, str]:
    """Return displayed names of datasets, the same as :func:`cxrfactory.ingest.datasets.release_names` for their files.

    Parameters
    ----------
    layouts
        Name of the layout of each dataset. A dataset with an unknown layout keeps its own name.
    """
    known = release_names({name: layout for name, layout in layouts.items() if layout in registry.LAYOUTS})
    return {name: known.get(name, name) for name in layouts}


def paper_counts(layouts: Mapping[str, str]) -> dict[str, dict[str, int]]:
    """Return the paper's counts of the datasets that have the name of their layout; these are the published releases.

    Parameters
    ----------
    layouts
        Name of the layout of each dataset.
    """
    own = (name for name, layout in layouts.items() if name == layout and name in registry.LAYOUTS)
    return {name: dict(registry.LAYOUTS[name].paper_counts) for name in own}


def table(selections: Sequence[Selection]) -> pd.DataFrame:
    """Return selections as a table with the columns release, item, images, expected and difference.

    Items are ``rows``, ``included``, ``excluded``, ``excluded: <reason>`` and ``matched: <what a table adds>``.
    ``expected`` and ``difference`` (images minus expected) are null if no expected count is known.
    """
    lines: list[tuple[object, ...]] = []
    for selection in selections:
        for item, images in (("rows", selection.rows), ("included", selection.included)):
            known = selection.expected.get(item)
            lines.append((selection.name, item, images, known, None if known is None else images - known))
        lines.append((selection.name, "excluded", selection.excluded, None, None))
        lines += [(selection.name, f"excluded: {reason}", n, None, None) for reason, n in selection.reasons.items()]
        lines += [(selection.name, f"matched: {join.what}", join.matched, None, None) for join in selection.joins]
    frame = pd.DataFrame(lines, columns=COLUMNS)
    return frame.astype({"images": "int64", "expected": "Int64", "difference": "Int64"})


def write_summary(selections: Sequence[Selection], path: str | Path) -> None:
    """Write the result of :func:`table` as CSV."""
    write_text(path, table(selections).to_csv(index=False, lineterminator="\n"))
