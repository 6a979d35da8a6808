"""Ingest a dataset of the config: a release by its tables, or a folder of one's own by its files."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from cxrfactory.config import DatasetConfig
from cxrfactory.imaging.vocabulary.words import Vocabulary
from cxrfactory.ingest import registry
from cxrfactory.ingest.datasets import films_of, own_settings
from cxrfactory.ingest.files import check_files
from cxrfactory.ingest.manifest import finish, ingest_release, log_accounts, write_manifest
from cxrfactory.ingest.rows import guard
from cxrfactory.ingest.summary import count, write_summary
from cxrfactory.ingest.verdicts import exclude_by_verdict


def ingest_dataset(
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
        Location of the dataset, its layout (the default is the dataset's name), and what describes its files.
    name
        Name of the dataset in the config.
    output
        Parquet file to write, schema ``MANIFEST``.
    summary
        CSV file to write with the counts by reason of exclusion. For a folder of one's own, it also counts the entries
        that are no images.
    view_words
        Words of views to add, each ``WORD=VIEW``.

    Returns
    -------
    DataFrame
        The manifest.

    Raises
    ------
    CxrError
        If the dataset cannot be read, if keys of the config contradict each other, or if an id occurs twice.
    """
    layout = settings.layout or name
    if registry.layout(layout).published_name is not None:
        return ingest_release(settings, name, output, summary, view_words)
    words = Vocabulary(tuple(view_words)) if view_words else None
    manifest, aside = read_own(settings.model_copy(update={"layout": layout}), name, words)
    write_manifest(manifest, output)
    if summary is not None:
        write_summary([count(manifest, name)], summary, {name: aside})
    return manifest


def read_own(
    settings: DatasetConfig, name: str, words: Vocabulary | None = None
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Read a folder of one's own; return its manifest, and the number of its other entries by reason.

    With pseudonyms, the key, ``keys.csv`` and the links of the private folder are written.

    Raises
    ------
    CxrError
        Under the conditions of :func:`ingest_dataset`.
    """
    settings = own_settings(settings, name)
    facts = registry.layout(str(settings.layout))
    rows = registry.module(facts.name).read(settings, name, words)
    aside = rows.attrs["aside"]
    reasons = rows["exclusion_reason"]
    rows = guard(rows, facts.id_is_file_name)
    rows["exclusion_reason"] = reasons.where(reasons.notna(), rows["exclusion_reason"])  # a row without file has one
    if settings.check_files:
        rows = check_files(rows, Path(films_of(settings)[0]))
    rows = exclude_by_verdict(rows, settings.exclude, name, facts.name, quote=not settings.pseudonymise)
    manifest = finish(rows)
    log_accounts(manifest, name)
    return manifest, aside
