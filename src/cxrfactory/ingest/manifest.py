"""Ingest stage: convert the tables of a release to its manifest, in which every excluded row has a reason."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pandas as pd
import pandera.pandas as pandera

from cxrfactory.config import DatasetConfig
from cxrfactory.errors import CxrError
from cxrfactory.imaging.vocabulary.words import Vocabulary
from cxrfactory.ingest import registry
from cxrfactory.ingest.endings import with_found_ending
from cxrfactory.ingest.files import check_files as check_image_files
from cxrfactory.ingest.files import file_fault
from cxrfactory.ingest.layout import ReleaseLayout
from cxrfactory.ingest.places import folder_of_images_above, image_folder, spread, table_folder
from cxrfactory.ingest.rows import VIEWS, guard, printable
from cxrfactory.ingest.summary import count, write_summary
from cxrfactory.ingest.tabular import find_tables
from cxrfactory.ingest.verdicts import exclude_by_verdict
from cxrfactory.logs import get_logger
from cxrfactory.tables import schemas
from cxrfactory.tables.joins import Join
from cxrfactory.tables.parquet import write_table
from cxrfactory.tables.people import OLDEST_YEARS

log = get_logger(__name__)

LOGGED_REASONS = 10  # the most frequent ones; the counts (--summary) have all
ROWS_PER_GROUP = 4_000  # it affects the bytes of the manifests
LOOKED_AT = 100  # image files that a run without check_files looks for
_TEXT = ("path", "patient_id", "study_id", "view", "sex", "findings", "exclusion_reason")

MANIFEST_CHECKS = pandera.DataFrameSchema(
    {
        "image_id": pandera.Column(object, pandera.Check(lambda ids: ids.str.len() > 0), unique=True),
        "path": pandera.Column(object, nullable=True),
        "patient_id": pandera.Column(object, nullable=True),
        "study_id": pandera.Column(object, nullable=True),
        "view": pandera.Column(object, pandera.Check.isin(VIEWS), nullable=True),
        "sex": pandera.Column(object, pandera.Check.isin(("F", "M", "O")), nullable=True),
        "age": pandera.Column(float, pandera.Check.in_range(0, OLDEST_YEARS), nullable=True),
        "findings": pandera.Column(object, nullable=True),
        "included": pandera.Column(bool),
        "exclusion_reason": pandera.Column(object, nullable=True),
    },
    checks=[
        pandera.Check(
            lambda rows: rows["included"] == rows["exclusion_reason"].isna(),
            error="a row is included exactly where it has no exclusion reason",
        ),
        pandera.Check(lambda rows: ~rows["included"] | rows["path"].notna(), error="an included row has a path"),
    ],
    strict=True,
)


def read_manifest(
    layout: str,
    root: str | Path,
    view_from_procedure: bool = False,
    check_files: bool = False,
    name: str | None = None,
    words: Vocabulary | None = None,
) -> pd.DataFrame:
    """Read the tables of a release as a manifest.

    Parameters
    ----------
    layout
        Layout of the release on disk, one of :data:`cxrfactory.ingest.registry.LAYOUTS`.
    root
        Folder of the release; without ``check_files`` it may contain only the tables.
    view_from_procedure
        Derive a missing view from the view code and the text of the procedure, in layouts that have them.
    check_files
        Exclude images whose file is missing or empty.
    name
        Name of the dataset in messages; the default is the layout's name.
    words
        View words of the tables; by default those of the package.

    Returns
    -------
    DataFrame
        Columns of :data:`cxrfactory.tables.schemas.MANIFEST`, with one row per image of the release, sorted by id.

    Raises
    ------
    CxrError
        If a table or column is missing or unreadable, or if an id occurs twice.
    """
    settings = DatasetConfig(root=str(root), view_from_procedure=view_from_procedure, check_files=check_files)
    return _read(settings, layout, name or layout, words)[0]


def _read(settings: DatasetConfig, layout: str, name: str, words: Vocabulary | None) -> tuple[pd.DataFrame, list[Join]]:
    """Return the manifest, and how the tables that add information matched it."""
    root, view_from_procedure = Path(settings.root), settings.view_from_procedure
    facts, module = registry.layout(layout), registry.module(layout)
    if view_from_procedure and not facts.has_procedure_text:
        raise CxrError(f"{name}: this release has no procedure text; leave --view-from-procedure out")
    tables = find_tables(facts, root)
    for slot in facts.slots:
        if slot.role in tables:
            log.info("%s: reading %s", name, tables[slot.role].path)
        elif slot.lists_images:
            log.warning("%s: no %s table under %s: its images are not listed", name, slot.role, root)
        else:
            log.info("%s: no %s table under %s: findings stay unknown", name, slot.role, root)
    rows = module.rows(tables, view_from_procedure, words)
    joins: list[Join] = rows.attrs.pop("joins", [])
    for join in joins:
        join.log(log, name)
    rows = guard(rows, facts.id_is_file_name)
    _refuse_duplicates(rows, root)
    rows = _located(rows, facts, module, root, name)
    if settings.check_files:
        rows = check_image_files(rows, root)
    else:
        _warn_of_missing(rows, root, name)
    rows = exclude_by_verdict(rows, settings.exclude, name, layout)
    manifest = finish(rows)
    log_accounts(manifest, name, f" ({facts.view_rule})", LOGGED_REASONS)
    return manifest, joins


def log_accounts(manifest: pd.DataFrame, name: str, rule: str = "", most: int | None = None) -> None:
    """Log how many images are included and excluded, the reasons of exclusion, and a warning if none is included.

    Parameters
    ----------
    manifest
        The manifest.
    name
        Name of the dataset.
    rule
        Text behind the numbers.
    most
        Number of reasons to log, the most frequent ones; None for all.
    """
    included = int(manifest["included"].sum())
    log.info("%s: %d images, %d included, %d excluded%s", name, len(manifest), included, len(manifest) - included, rule)
    for reason, images in list(count(manifest, name).reasons.items())[:most]:
        log.info("%s: excluded %d: %s", name, images, reason)
    if not included:
        log.warning("%s: no image is included; see the exclusion reasons in the manifest", name)


def _located(rows: pd.DataFrame, facts: ReleaseLayout, module: ModuleType, root: Path, name: str) -> pd.DataFrame:
    """Return the rows with paths relative to the root, of images in the tables' folder or below it."""
    with_path = rows["path"].notna()
    base = table_folder(facts, root) or root
    if base != root:
        log.info("%s: the tables are in %s", name, base)
    if not with_path.any():
        return rows
    locate = getattr(module, "locate", lambda folder, paths: paths)
    folder, paths = image_folder(locate, root, base, rows.loc[with_path, "path"])
    above = folder_of_images_above(locate, root, folder, rows.loc[with_path, "path"])
    if above is not None:
        log.warning(
            "%s: the images are below %s but not below the root %s; expected the root %s", name, above, root, above
        )
    if folder not in (base, root):
        log.info("%s: the images are in %s", name, folder)
    if folder != root:
        paths = folder.relative_to(root).as_posix() + "/" + paths
    rows = rows.copy()
    rows.loc[with_path, "path"] = with_found_ending(paths, root, name)
    return rows


def _warn_of_missing(rows: pd.DataFrame, root: Path, name: str) -> None:
    """Warn if image files are missing, by a look at a few of the included rows."""
    paths = rows.loc[rows["exclusion_reason"].isna() & rows["path"].notna(), "path"]
    tried = spread(paths, LOOKED_AT)
    faults = {path: fault for path in tried if (fault := file_fault(root / path))}
    if not faults:
        return
    path, fault = next(iter(faults.items()))
    log.warning(
        "%s: %d of %d image files that were looked at are no usable files (%s); later stages reject such images; "
        "--check-files (check_files) excludes and counts all of them here%s",
        name,
        len(faults),
        len(tried),
        f"{fault}: {root / path}",
        "" if len(faults) < len(tried) else "; is the root the folder above the images?",
    )


def ingest_release(
    settings: DatasetConfig,
    name: str,
    output: str | Path,
    summary: str | Path | None = None,
    view_words: Sequence[str] = (),
) -> pd.DataFrame:
    """Write the manifest of a dataset, and optionally its counts.

    Parameters
    ----------
    settings
        Location of the dataset, its layout (the default is the dataset's name), and the checks of its files.
    name
        Name of the dataset in the config.
    output
        Parquet file to write, schema ``MANIFEST``.
    summary
        CSV file to write with the counts by reason of exclusion.
    view_words
        Words of views to add, each ``WORD=VIEW``.

    Returns
    -------
    DataFrame
        The manifest.

    Raises
    ------
    CxrError
        Under the conditions of :func:`read_manifest`.
    """
    words = Vocabulary(tuple(view_words)) if view_words else None
    rows, joins = _read(settings, settings.layout or name, name, words)
    write_manifest(rows, output)
    if summary is not None:
        write_summary([replace(count(rows, name), joins=tuple(joins))], summary)
    return rows


def write_manifest(manifest: pd.DataFrame, path: str | Path) -> None:
    """Write a manifest as Parquet, in row groups small enough that one image's row is read in half a millisecond."""
    write_table(manifest, path, schemas.MANIFEST, rows_per_group=ROWS_PER_GROUP)
    log.info("wrote %s", path)


def validate(manifest: pd.DataFrame) -> pd.DataFrame:
    """Check the invariants of a manifest: known values, unique ids, and a reason exactly for each excluded row.

    Raises
    ------
    CxrError
        If a check fails. The message names the first failed check and the number of cells that fail.
    """
    try:
        return MANIFEST_CHECKS.validate(manifest, lazy=True)
    except pandera.errors.SchemaErrors as error:
        failures = error.failure_cases
        first = failures.iloc[0]
        raise CxrError(
            f"manifest: column '{first['column']}' fails '{first['check']}' in {len(failures)} cells"
        ) from error


def _refuse_duplicates(rows: pd.DataFrame, root: Path) -> None:
    twice = rows["image_id"].duplicated()
    if not twice.any():
        return
    second = rows[twice].iloc[0]
    first = rows[rows["image_id"] == second["image_id"]].iloc[0]
    raise CxrError(
        f"{root / second['table']}: row {second['row']}: image id '{printable(second['image_id'], 200)}' "
        f"stands already in row {first['row']} of {first['table']} ({int(twice.sum())} repeated in all); "
        "each image may be listed once"
    )


def finish(rows: pd.DataFrame) -> pd.DataFrame:
    """Return draft rows as a manifest: included where there is no reason, sorted by id, with its invariants checked.

    Raises
    ------
    CxrError
        If a check fails; see :func:`validate`.
    """
    manifest = rows.assign(included=rows["exclusion_reason"].isna())[schemas.MANIFEST.names].copy()
    for name in _TEXT:
        column = manifest[name].astype(object)
        manifest[name] = column.where(column.notna(), None)
    manifest["image_id"] = manifest["image_id"].astype(object)
    manifest["age"] = manifest["age"].astype(float)
    manifest = manifest.sort_values("image_id", kind="stable", ignore_index=True)
    return validate(manifest)
