"""Datasets of a config: their layouts on disk, their numbers of shards and the names of their published files.

The name of a dataset in the config is free; its layout is one of :data:`cxrfactory.ingest.registry.LAYOUTS`. Importing
this module is fast.
"""

import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from cxrfactory.config import Config, DatasetConfig
from cxrfactory.config.datasets import ALL_FRONTAL
from cxrfactory.errors import CxrError
from cxrfactory.ingest import registry
from cxrfactory.ingest.reports import registry as reports
from cxrfactory.tables.pseudonyms import FILMS

PRIVATE = "private"  # folder of the private folders, beside the results
_HIDDEN = "hidden"  # stands in a config that is written out where a path of originals stood


def complete(config: Config) -> Config:
    """Return the config with the layout and the number of shards of every dataset filled in.

    Raises
    ------
    CxrError
        If a layout of a dataset or of its reports is unknown, or if two datasets would write files of the same name.
    """
    datasets = {name: _completed(name, dataset) for name, dataset in config.datasets.items()}
    release_names({name: str(dataset.layout) for name, dataset in datasets.items()})
    _keep_apart(config.results, datasets)
    return config.model_copy(update={"datasets": datasets})


def is_own(dataset: DatasetConfig) -> bool:
    """Return whether the dataset, of a completed config, is a folder of the user's own and no release."""
    return registry.layout(str(dataset.layout)).published_name is None


def own_settings(dataset: DatasetConfig, name: str) -> DatasetConfig:
    """Return the settings of a folder of one's own with its defaults, or refuse them; for one dataset alone.

    Raises
    ------
    CxrError
        If keys contradict each other, or if the private folder lies within the images.
    """
    completed = _completed(name, dataset)
    _keep_apart(None, {name: completed})
    return completed


def table_of(dataset: DatasetConfig) -> Path | None:
    """Return the path of the table of a folder of one's own: relative to its root, or else to the working folder."""
    if dataset.table is None:
        return None
    below = Path(dataset.root, dataset.table)  # an absolute path stays as it is
    return Path(dataset.table) if not below.is_file() and Path(dataset.table).is_file() else below


def films_of(dataset: DatasetConfig) -> tuple[str, bool]:
    """Return the folder in which later stages open a dataset's images, and whether they follow links out of it.

    With pseudonyms this is the folder of links, so that no stage after ingest knows a path.
    """
    if dataset.pseudonymise:
        return f"{str(dataset.private).rstrip('/')}/{FILMS}", True
    return dataset.root, dataset.follow_links


def without_originals(config: Config) -> Config:
    """Return a completed config as it may leave with a product: the places of pseudonymised images are not in it.

    Their ``root`` is the folder of links, from which products of the owner can still be opened.
    """
    datasets = {name: _without_originals(dataset) for name, dataset in config.datasets.items()}
    return config.model_copy(update={"datasets": datasets})


def _without_originals(dataset: DatasetConfig) -> DatasetConfig:
    if not dataset.pseudonymise:
        return dataset
    root, links = films_of(dataset)
    reports = dataset.reports and dataset.reports.model_copy(update={"source": _HIDDEN})
    hidden = {name: _HIDDEN for name in ("table", "exclude") if getattr(dataset, name) is not None}
    return dataset.model_copy(update={"root": root, "follow_links": links, "reports": reports, **hidden})


def release_names(layouts: Mapping[str, str]) -> dict[str, str]:
    """Return the names of the published files of datasets.

    If a dataset is the only one of its layout, its files have the layout's published name, as in CheXmask. If several
    datasets share a layout, or the layout is that of a folder of one's own, the files of each have its own name from
    the config.

    Parameters
    ----------
    layouts
        Name of the layout of each dataset.

    Returns
    -------
    dict of str to str
        Name of the files of each dataset, without the suffix.

    Raises
    ------
    CxrError
        If a layout is unknown, or if two datasets would have the same name. Names that differ only in case count as the
        same name, because some file systems do not distinguish them.
    """
    datasets_of = Counter(layouts.values())
    names = {
        dataset: (registry.layout(layout).published_name if datasets_of[layout] == 1 else None) or dataset
        for dataset, layout in layouts.items()
    }
    first: dict[str, str] = {}
    for dataset, name in names.items():
        other = first.setdefault(name.lower(), dataset)
        if other != dataset:
            raise CxrError(
                f"datasets: the files of '{other}' and of '{dataset}' would both be called '{name}'; "
                "expected names that differ, so call one dataset something else"
            )
    return names


def _completed(name: str, dataset: DatasetConfig) -> DatasetConfig:
    facts = registry.layout(_layout_name(name, dataset))
    if dataset.reports is not None and dataset.reports.layout not in reports.NAMES:
        raise CxrError(
            f"key 'datasets.{name}.reports.layout': expected one of {', '.join(reports.NAMES)}, "
            f"found '{dataset.reports.layout}'; see docs/reports.md"
        )
    if facts.published_name is None:
        _check_own(name, dataset)
    elif keys := dataset.folder_keys():
        raise CxrError(
            f"key 'datasets.{name}.{keys[0]}': only for a folder of your own, found layout '{facts.name}'; "
            "docs/ingest.md describes both"
        )
    private = dataset.private or (f"{PRIVATE}/{name}" if dataset.pseudonymise else None)
    shards = dataset.shards or facts.shards
    return dataset.model_copy(update={"layout": facts.name, "shards": shards, "private": private})


def _check_own(name: str, dataset: DatasetConfig) -> None:
    """Refuse keys of a folder of one's own that contradict each other, or that leave the views open."""
    key = f"datasets.{name}"
    if dataset.view_from_procedure:
        raise CxrError(f"key '{key}.view_from_procedure': only for releases whose tables have a text of the procedure")
    if dataset.table is None and dataset.columns is not None:
        raise CxrError(f"key '{key}.columns': names columns, but no table is given; expected {key}.table: FILE")
    if dataset.table is None and dataset.view is None:
        raise CxrError(
            f"{key}: nothing says which images are frontal; expected view: from-header (DICOM headers say it), "
            "view: all-frontal (every image is frontal), or a table with a column of views"
        )
    if dataset.view == ALL_FRONTAL:
        stated = "frontal" if dataset.frontal else "columns.view" if dataset.columns and dataset.columns.view else None
        if stated:
            raise CxrError(f"{key}: view: all-frontal and {stated} contradict each other; expected one of them")
    if dataset.reports is not None and dataset.table is None and dataset.study is None:
        raise CxrError(
            f"key '{key}.reports': no study is known for any image; expected study: image_id, from-header, folder-1 or "
            "a pattern, so that reports can be joined"
        )
    if dataset.pseudonymise and dataset.labels is not None:
        raise CxrError(
            f"key '{key}.labels': a table of labels holds the original ids, so it cannot go with pseudonymise; "
            "expected the findings in the table of the images (columns.findings)"
        )


def _keep_apart(results: str | None, datasets: Mapping[str, DatasetConfig]) -> None:
    """Refuse results or private folders that lie within the images, or private folders within what leaves."""
    taken: dict[str, str] = {}
    for name, dataset in datasets.items():
        if not is_own(dataset):
            continue
        key = f"datasets.{name}"
        if results is not None and _is_in(results, dataset.root):
            raise CxrError(f"key 'results': lies inside {key}.root, so that results would be listed as images")
        if not dataset.pseudonymise:
            continue
        private = str(dataset.private)
        if _is_in(dataset.root, private):
            raise CxrError(f"key '{key}.root': lies inside {key}.private; expected the folder of the originals")
        if results is not None and (_is_in(private, results) or _is_in(results, private)):
            raise CxrError(f"key '{key}.private': holds the results or lies in them; expected a folder beside them")
        for other, each in datasets.items():
            if _is_in(private, each.root):
                raise CxrError(f"key '{key}.private': lies inside datasets.{other}.root; expected a folder beside it")
        first = taken.setdefault(os.path.realpath(private), name)
        if first != name:
            raise CxrError(f"key '{key}.private': datasets.{first} has the same; expected a folder for each")


def _is_in(path: str, folder: str) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def _layout_name(name: str, dataset: DatasetConfig) -> str:
    if dataset.layout is None and name not in registry.LAYOUTS:
        raise CxrError(
            f"datasets: release '{name}' is unknown; {registry.expected_layouts(name)}; for a name of your own, say "
            f"how its files lie, for example datasets.{name}.layout: {next(iter(registry.LAYOUTS))}"
        )
    if dataset.layout is not None and dataset.layout not in registry.LAYOUTS:
        raise CxrError(
            f"key 'datasets.{name}.layout': layout '{dataset.layout}' is unknown; "
            f"{registry.expected_layouts(dataset.layout)}; see docs/ingest.md"
        )
    return dataset.layout or name
