"""Facts about hospital releases, the labelled set and CT releases for the rules."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxrfactory.config import Config, DatasetConfig, FolderSourcesConfig, ScanConfig
from cxrfactory.errors import CxrError
from cxrfactory.ingest.datasets import films_of, is_own, release_names, table_of
from cxrfactory.ingest.layout import ReleaseLayout
from cxrfactory.ingest.places import folder_above, table_folder
from cxrfactory.ingest.registry import layout
from cxrfactory.tables.keys import shard_names
from cxrfactory.workflow.results import Results


def check_roots(config: Config) -> None:
    """Refuse releases whose root exists and holds no table, where a table in another place tells what to do.

    A root that is made by the workflow, or that is not on this machine, is not looked at.

    Raises
    ------
    CxrError
        One line: several folders below the root hold a table, or the folder above holds it.
    """
    for name, dataset in config.datasets.items():
        root, facts = Path(dataset.root), layout(str(dataset.layout))
        made = Path(os.path.abspath(root)).is_relative_to(os.path.abspath(config.cohort.folder))
        if made or is_own(dataset) or not root.is_dir():
            continue
        key = f"config: key 'datasets.{name}.root'"
        try:
            found = table_folder(facts, root)
        except CxrError as error:
            raise CxrError(f"{key}: {error}") from error
        above = folder_above(facts, root) if found is None else None
        if above is not None:
            raise CxrError(
                f"{key}: no table of {facts.name} in {root}; there is one in {above}: expected root: {above}"
            )


@dataclass(frozen=True)
class Releases:
    """The hospital releases of a config."""

    config: Config
    results: Results

    @property
    def names(self) -> list[str]:
        """Names of the releases."""
        return list(self.config.datasets)

    @property
    def pattern(self) -> str:
        """Regular expression that matches their names."""
        return "|".join(map(re.escape, self.names))

    def settings(self, wildcards: Any) -> DatasetConfig:
        """Return the settings of the release in a rule's wildcards; its layout and shards are always set."""
        return self.config.datasets[wildcards.dataset]

    def layout(self, wildcards: Any) -> ReleaseLayout:
        """Return the facts of the layout of the release in a rule's wildcards."""
        return layout(str(self.settings(wildcards).layout))

    def release_name(self, wildcards: Any) -> str:
        """Return the name of the published files of the release in a rule's wildcards."""
        return release_names({name: str(each.layout) for name, each in self.config.datasets.items()})[wildcards.dataset]

    def selection_options(self) -> list[str]:
        """Return the options of ``selection``: the layout of every release, in their order."""
        return [f"--layout={dataset.layout}" for dataset in self.config.datasets.values()]

    def tables(self, wildcards: Any) -> list[str]:
        """Return the tables of a release: those in its root or in a folder below, or else those that its layout has.

        For a folder of one's own, these are the folder itself and its table, if the config names one.
        """
        settings = self.settings(wildcards)
        if is_own(settings):
            table = table_of(settings)
            return [settings.root.rstrip("/") or "/", *([] if table is None else [str(table)])]
        root, facts = Path(self.settings(wildcards).root), self.layout(wildcards)
        folder = (table_folder(facts, root) if root.is_dir() else None) or root
        slots = [slot for slot in facts.slots if slot.lists_images]
        found = [
            next((folder / name for name in slot.alternatives if (folder / name).is_file()), None) for slot in slots
        ]
        there = [str(path) for path in found if path is not None]
        return there or [str(root / name) for name in facts.table_candidates]

    def verdicts(self, wildcards: Any) -> list[str]:
        """Return the table of verdicts of a release, if the config names one."""
        given = self.settings(wildcards).exclude
        return [] if given is None else [given]

    def shards(self, dataset: str) -> list[str]:
        """Return the file stems of a release's shards."""
        return shard_names(int(self.config.datasets[dataset].shards or 1))

    def shard_files(self, stage: str, output: str) -> Callable[[Any], list[str]]:
        """Return a function from wildcards to the paths of one output of a stage, over all shards of the release."""
        path = self.results.out(stage)[output]

        def files(wildcards: Any) -> list[str]:
            name = wildcards.dataset
            return [path.format(dataset=name, shard=shard) for shard in self.shards(name)]

        return files

    def films(self, wildcards: Any) -> str:
        """Return the folder in which stages after ingest open the images of a release."""
        return films_of(self.settings(wildcards))[0]

    def film_links(self, wildcards: Any) -> list[str]:
        """Return the option that says whether links in that folder may lead out of it."""
        settings = self.settings(wildcards)
        return settings.model_copy(update={"follow_links": films_of(settings)[1]}).options("follow_links")

    def ingest_options(self, wildcards: Any) -> list[str]:
        """Return the options of ``ingest``: switches, added view words, and what describes a folder of one's own."""
        settings = self.settings(wildcards)
        flags = {"--check-files": settings.check_files, "--view-from-procedure": settings.view_from_procedure}
        options = [flag for flag, on in flags.items() if on]
        options += settings.options("exclude")
        options += self.config.preprocess.options("view_words") if self.config.preprocess.view_words else []
        if not is_own(settings):
            return options
        columns = {} if settings.columns is None else settings.columns.model_dump(exclude_none=True)
        options += [f"--column={key}={column}" for key, column in columns.items()]
        options += [f"--frontal={word}" for word in settings.frontal or ()]
        return options + settings.options("follow_links", *FolderSourcesConfig.model_fields)

    def report_options(self, wildcards: Any) -> list[str]:
        """Return the options of ``reports`` for a release: links, and the private folder where ids are pseudonyms."""
        settings = self.settings(wildcards)
        private = [f"--private={settings.private}"] if settings.pseudonymise else []
        return [*settings.options("follow_links"), *private]

    @property
    def reported(self) -> list[str]:
        """Names of the releases that have reports."""
        return [name for name, dataset in self.config.datasets.items() if dataset.reports is not None]

    def report_files(self, wildcards: Any) -> list[str]:
        """Return the inputs of reading a release's reports: the file that holds them, or else the release's tables.

        A folder of reports is not an input, because it is made together with the release's tables.
        """
        reports = self.settings(wildcards).reports
        if reports is not None and Path(reports.source).suffix and not Path(reports.source).is_dir():
            return [reports.source]
        return self.tables(wildcards)

    def label_tables(self, wildcards: Any) -> list[str]:
        """Return the possible paths of a release's CheXpert labels, by priority; its own tables may be missing."""
        dataset, facts = self.settings(wildcards), self.layout(wildcards)
        if dataset.labels is not None:
            return [dataset.labels]
        slots = [slot for slot in facts.slots if slot.role == "labels" and not slot.lists_images]
        root = Path(dataset.root)
        folder = (table_folder(facts, root) if root.is_dir() else None) or root
        return [str(folder / name) for slot in slots for name in slot.alternatives]

    def given_labels(self, wildcards: Any) -> list[str]:
        """Return the release's table of labels, if the config names one."""
        given = self.settings(wildcards).labels
        return [] if given is None else [given]


@dataclass(frozen=True)
class Labelled:
    """The labelled set of a config."""

    config: Config

    @property
    def clinical(self) -> str:
        """Path of the table that lists its images."""
        return f"{self.config.labelled.root}/clinical.csv"

    def options(self) -> list[str]:
        """Return the options of ``ingest-labelled``."""
        labelled = self.config.labelled
        images = [f"--images={source}={folder}" for source, folder in labelled.images.items()]
        return images + labelled.options("train_list", "val_list", "val_fraction")


@dataclass(frozen=True)
class Scans:
    """The CT releases of a config."""

    config: Config
    results: Results

    @property
    def names(self) -> list[str]:
        """Names of the CT releases."""
        return list(self.config.scans)

    @property
    def pattern(self) -> str:
        """Regular expression that matches their names."""
        return "|".join(map(re.escape, self.names))

    def settings(self, wildcards: Any) -> ScanConfig:
        """Return the settings of the CT release in a rule's wildcards."""
        return self.config.scans[wildcards.scans]

    def root(self, wildcards: Any) -> str:
        """Return the folder of a CT release."""
        return self.settings(wildcards).root.rstrip("/")

    def verdicts(self, wildcards: Any) -> list[str]:
        """Return the table of verdicts of a CT release, if the config names one."""
        given = self.settings(wildcards).exclude
        return [] if given is None else [given]

    def options(self, wildcards: Any) -> list[str]:
        """Return the options of ``project`` for a CT release."""
        from cxrfactory.config.project import ProjectionConfig
        from cxrfactory.config.scans import ScanFilesConfig

        own = self.settings(wildcards).options(*ScanFilesConfig.model_fields)
        return own + self.config.project.options(*ProjectionConfig.model_fields)

    def shards(self, scans: str) -> list[str]:
        """Return the file stems of a CT release's shards."""
        return shard_names(self.config.scans[scans].shards)

    def files(self, output: str) -> list[str]:
        """Return one output (images, masks, studies, rejected) of ``project`` over all shards of all CT releases."""
        path = self.results.out("project")[output]
        return [path.format(scans=name, shard=shard) for name in self.names for shard in self.shards(name)]
