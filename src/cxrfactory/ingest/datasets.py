"""Datasets of a config: their layouts on disk, their numbers of shards and the names of their published files.

The name of a dataset in the config is free; its layout is one of :data:`cxrfactory.ingest.registry.LAYOUTS`. Importing
this module is fast.
"""

from collections import Counter
from collections.abc import Mapping

from cxrfactory.config import Config, DatasetConfig
from cxrfactory.errors import CxrError
from cxrfactory.ingest import registry
from cxrfactory.ingest.reports import registry as reports


def complete(config: Config) -> Config:
    """Return the config with the layout and the number of shards of every dataset filled in.

    Raises
    ------
    CxrError
        If a layout of a dataset or of its reports is unknown, or if two datasets would write files of the same name.
    """
    datasets = {name: _completed(name, dataset) for name, dataset in config.datasets.items()}
    release_names({name: str(dataset.layout) for name, dataset in datasets.items()})
    return config.model_copy(update={"datasets": datasets})


def release_names(layouts: Mapping[str, str]) -> dict[str, str]:
    """Return the names of the published files of datasets.

    If a dataset is the only one of its layout, its files have the layout's published name, as in CheXmask. If several
    datasets share a layout, the files of each have its own name from the config.

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
        dataset: dataset if datasets_of[layout] > 1 else registry.layout(layout).published_name
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
    shards = dataset.shards or facts.shards
    return dataset.model_copy(update={"layout": facts.name, "shards": shards})


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
