"""Convert a release of chest CT to its manifest: its studies and the paths of their CT and labels."""

import os
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from cxrfactory.config import ScanConfig
from cxrfactory.errors import CxrError
from cxrfactory.imaging.volume.files import volume_suffix
from cxrfactory.ingest.verdicts import REASON, studies_judged_bad
from cxrfactory.logs import get_logger
from cxrfactory.tables.parquet import write_table
from cxrfactory.tables.paths import is_plain_name
from cxrfactory.tables.schemas import SCANS

_PLACE = "{study}"
_TABLES = (".csv", ".tsv", ".json", ".ctbl", ".txt", ".xlsx", ".parquet")
_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")

log = get_logger(__name__)


def ingest_scans(settings: ScanConfig, output: str | Path, release: str) -> tuple[int, int]:
    """Write the manifest of a CT release.

    The manifest has one row per study of which the CT or the labels were found. Studies with both are included; the
    others are excluded with a reason. What matches neither pattern is counted in the log by its kind.

    Parameters
    ----------
    settings
        Location of the release. ``root`` is its folder, which is only read. ``ct`` and ``labels`` are patterns of paths
        relative to it: ``{study}`` matches the study's id (the same text wherever it occurs), and ``*`` matches any
        text within the name of one folder or file. The first group of the regular expression ``patient`` extracts the
        patient's id from the study's id. Without this expression, every study counts as a patient of its own.
        ``exclude`` is a table of verdicts: a study of which a view was judged bad is excluded.
    output
        Parquet file to write, schema ``SCANS``, sorted by ``study_id``.
    release
        Name of the release in the config.

    Returns
    -------
    Numbers of studies included and excluded.

    Raises
    ------
    CxrError
        If the root is not a folder, if no path matches ``ct``, if two paths match the same study, if an id cannot be a
        file name, if ``patient`` does not match an id, or
        if the table of verdicts is missing or names a study that the release does not have.
    """
    root, ct, labels = Path(settings.root), settings.ct, settings.labels
    if not root.is_dir():
        raise CxrError(f"{root}: no such folder; expected the root of a CT release")
    volumes, masks = _matches(root, ct, "ct"), _matches(root, labels, "labels")
    if not volumes:
        raise CxrError(f"{root}: nothing matches ct pattern '{ct}'; see scans in the config")
    pick = _patient_pattern(settings.patient)
    beside = _beside(root, {*volumes.values(), *masks.values()}, (ct, labels))
    dangling = {"CT": _studies_of(beside.dangling, ct), "labels": _studies_of(beside.dangling, labels)}
    studies = sorted(volumes.keys() | masks.keys() | dangling["CT"] | dangling["labels"])
    bad = studies_judged_bad(settings.exclude, release, studies)
    rows = []
    for study in studies:
        missing = [
            f"its {what} is a link to nothing" if study in dangling[what] else f"no {what} in the release"
            for what, found in (("CT", volumes), ("labels", masks))
            if study not in found
        ]
        reason = missing[0] if missing else REASON if study in bad else None
        rows.append(
            {
                "study_id": study,
                "patient_id": _patient(study, pick),
                "release": release,
                "ct": volumes.get(study),
                "labels": masks.get(study),
                "included": reason is None,
                "exclusion_reason": reason,
            }
        )
    write_table(pd.DataFrame(rows, columns=SCANS.names), output, SCANS)
    included = sum(row["included"] for row in rows)
    log.info("%s: %d studies, %d included, %d excluded", root, len(rows), included, len(rows) - included)
    _tell(root, beside, {"CT": volumes, "labels": masks})
    return included, len(rows) - included


@dataclass
class _Beside:
    """What stands in the folders of a release and is no CT and no labels, by kind."""

    kinds: Counter[str] = field(default_factory=Counter)
    dangling: list[str] = field(default_factory=list)  # links to nothing, relative to the root


def _beside(root: Path, matched: set[str], patterns: tuple[str, ...]) -> _Beside:
    """List the folders where the patterns look; other folders count as one entry each."""
    opened = {parent.as_posix() for path in matched for parent in Path(path).parents} | {"."}
    for pattern in patterns:
        above = Path(pattern.replace(_PLACE, "*")).parent
        if above != Path("."):
            places = [path.relative_to(root) for path in root.glob(above.as_posix()) if path.is_dir()]
            visible = [place for place in places if not any(part.startswith(".") for part in place.parts)]
            opened |= {each.as_posix() for place in visible for each in (place, *place.parents)}
    found = _Beside()
    for folder in sorted(opened):
        with os.scandir(root / folder) as entries:
            for entry in entries:
                relative = entry.name if folder == "." else f"{folder}/{entry.name}"
                if relative in matched or relative in opened:
                    continue
                kind = _kind(entry)
                found.kinds[kind] += 1
                if kind == "links to nothing":
                    found.dangling.append(relative)
    return found


def _kind(entry: os.DirEntry[str]) -> str:
    if entry.is_symlink() and not os.path.exists(entry.path):
        return "links to nothing"
    if entry.name.startswith("."):
        return "hidden"
    if entry.is_dir():
        return "folders"
    if entry.is_file() and entry.stat().st_size == 0:
        return "empty files"
    if volume_suffix(Path(entry.name)) is not None:
        return "volumes that match neither pattern"
    suffix = Path(entry.name).suffix.lower()
    return "tables and texts" if suffix in _TABLES else "archives" if suffix in _ARCHIVES else "other files"


def _studies_of(paths: list[str], pattern: str) -> set[str]:
    expression = _expression(pattern)
    found = {match["study"] for path in paths if (match := expression.fullmatch(path))}
    return {study for study in found if is_plain_name(study)}


def _tell(root: Path, beside: _Beside, found: dict[str, dict[str, str]]) -> None:
    if beside.kinds:
        counted = ", ".join(f"{count} {kind}" for kind, count in sorted(beside.kinds.items()))
        log.info("%s: beside CT and labels: %s", root, counted)
    for what, paths in found.items():
        empty = sum((root / path).is_file() and not (root / path).stat().st_size for path in paths.values())
        if empty:
            log.warning("%s: %d of %d files of %s are empty; fetch them again", root, empty, len(paths), what)


def _expression(pattern: str) -> re.Pattern[str]:
    first, *others = [re.escape(piece).replace(r"\*", "[^/]*") for piece in pattern.split(_PLACE)]
    return re.compile(first + "(?P<study>[^/]+)" + "(?P=study)".join(others))


def _matches(root: Path, pattern: str, name: str) -> dict[str, str]:
    parts = Path(pattern).parts
    if Path(pattern).is_absolute() or ".." in parts:
        raise CxrError(f"{name} pattern '{pattern}': expected a path relative to the release's root, without '..'")
    if _PLACE not in pattern:
        raise CxrError(f"{name} pattern '{pattern}': expected {_PLACE} where the study's id stands")
    expression = _expression(pattern)
    found: dict[str, str] = {}
    for path in sorted(root.glob(pattern.replace(_PLACE, "*"))):
        relative = path.relative_to(root).as_posix()
        match = expression.fullmatch(relative)
        # Without a match, {study} occurs several times in the pattern, and the path has different ids there.
        if match is None or match["study"].startswith(".") or not path.exists():
            continue
        study = match["study"]
        if not is_plain_name(study):
            raise CxrError(f"{path}: study id '{study}'; expected letters, digits, '.', '_' and '-'")
        if study in found:
            raise CxrError(f"{root}: study '{study}' has two {name} paths, {found[study]} and {relative}; expected one")
        found[study] = relative
    return found


def _patient_pattern(patient: str | None) -> re.Pattern[str] | None:
    if patient is None:
        return None
    try:
        pattern = re.compile(patient)
    except re.error as error:
        raise CxrError(f"patient '{patient}': not a regular expression ({error})") from error
    if pattern.groups < 1:
        raise CxrError(f"patient '{patient}': expected a group in brackets around the patient's id")
    return pattern


def _patient(study: str, pattern: re.Pattern[str] | None) -> str:
    if pattern is None:
        return study
    match = pattern.match(study)
    if match is None or not match[1]:
        raise CxrError(f"patient '{pattern.pattern}' does not fit study id '{study}'; see scans in the config")
    return match[1]
