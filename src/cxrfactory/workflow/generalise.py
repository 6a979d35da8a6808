"""Facts for the rules of results/generalise: the tables, the sources to leave out, and each model with its test.

A model is named ``all``, or ``without-NAME`` after the source that it is trained without. In file names, a source's
name keeps its letters and digits; a name that has other signs gets a hash, so that no two are equal.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Any

from cxrfactory.config import Config
from cxrfactory.errors import CxrError
from cxrfactory.models.registry import ModelKind, model_kind
from cxrfactory.tables.sources import sources_of
from cxrfactory.workflow.models import LABELLED, Segmenter
from cxrfactory.workflow.results import Results

ALL = "all"
LEAST_SOURCES = 2
RULE = "generalise"
_WITHOUT = "without-"


def label_of(source: str) -> str:
    """Return a source's name for file names: letters, digits, ``-`` and ``_``, with a hash if other signs were lost."""
    plain = re.sub(r"[^A-Za-z0-9_-]", "_", source)
    return plain if plain and plain == source else f"{plain[:40]}-{blake2b(source.encode(), digest_size=4).hexdigest()}"


@dataclass(frozen=True)
class Generalise:
    """The study that leaves each source out in turn."""

    config: Config
    results: Results

    pattern = rf"{ALL}|{_WITHOUT}[A-Za-z0-9_-]+"

    @property
    def own(self) -> bool:
        """Whether the study uses the workflow's own labelled set."""
        return not self.config.generalise.tables

    @property
    def tables(self) -> list[str]:
        """Paths of the labelled tables."""
        return [self.results.out("preprocess_labelled").images] if self.own else list(self.config.generalise.tables)

    @cached_property
    def sources(self) -> list[str]:
        """Names of the sources to leave out in turn.

        Raises
        ------
        CxrError
            If a given table cannot be read, a named source does not occur, or there are fewer than two sources.
        """
        known = sorted(self.config.labelled.images) if self.own else sources_of(self.tables)
        if len(known) < LEAST_SOURCES:
            raise CxrError(
                f"{self.results.folder}/{RULE}: {', '.join(self.tables)} has images of one source "
                f"({', '.join(known) or 'none'}); leaving a source out needs at least {LEAST_SOURCES}: give labelled "
                "tables of several sources with generalise.tables (docs/generalise.md)"
            )
        wanted = self.config.generalise.sources
        for name in () if wanted == ALL else wanted:
            if name not in known:
                raise CxrError(
                    f"config: key 'generalise.sources': found '{name}'; expected sources of the labelled tables: "
                    f"{', '.join(known)}"
                )
        return known if wanted == ALL else list(wanted)

    def check(self, arguments: Iterable[str]) -> None:
        """Check the sources if Snakemake's command line names the study as a target.

        Raises
        ------
        CxrError
            Under the conditions of :attr:`sources`.
        """
        targets = {RULE, f"{self.results.folder}/{RULE}"}
        if any(each.rstrip("/").removeprefix("./") in targets for each in arguments):
            _ = self.sources

    @property
    def models(self) -> list[str]:
        """Names of the models: with all sources, and without each."""
        return [ALL, *(f"{_WITHOUT}{label_of(source)}" for source in self.sources)]

    def left_out(self, wildcards: Any) -> list[str]:
        """Return the option ``--without-sources`` of a model's training."""
        return [f"--without-sources={source}" for source in self._held(wildcards.held)]

    def tested(self, wildcards: Any) -> list[str]:
        """Return the options that name the sources a model is tested on: the one left out, or else all of the study."""
        return [f"--source={source}" for source in self._held(wildcards.held) or self.sources]

    def weights(self, wildcards: Any) -> str:
        """Return the weights of a model; one with all sources of the workflow's own set is that of rule ``train``."""
        if wildcards.held == ALL and self.own:
            return self.results.out("train").weights
        return self.results.out("generalise_train").weights.format(held=wildcards.held)

    def card(self, wildcards: Any) -> str:
        """Return the card of those weights."""
        return self.weights(wildcards).removesuffix(".safetensors") + ".json"

    def tests(self, wildcards: Any) -> list[str]:
        """Return the folders of all tests."""
        return [self.results.out("generalise_test").folder.format(held=name) for name in self.models]

    def training(self, wildcards: Any) -> list[str]:
        """Return the options of ``train`` for a model."""
        return Segmenter(self.config, self.results).training() + self.left_out(wildcards)

    def scores(self, wildcards: Any) -> list[str]:
        """Return the folder of a model's RCA scores; none for a segmenter without a latent code, which chooses them."""
        if model_kind(self.config.model.segmenter) is not ModelKind.LANDMARK:
            return []
        return [self.results.out("generalise_scores").folder.format(held=wildcards.held)]

    def score_options(self, wildcards: Any) -> list[str]:
        """Return the options that name the files of those scores."""
        files = {"--scores": "rca.parquet"} | ({"--calibration": "calibration.json"} if self.calibrated else {})
        return [f"{option}={folder}/{name}" for folder in self.scores(wildcards) for option, name in files.items()]

    @property
    def calibrated(self) -> bool:
        """Whether intervals are made: a calibration belongs to one set of references, so each model gets its own."""
        return self.config.rca.calibration == LABELLED

    def sizes(self) -> list[str]:
        """Return the options with the sizes of pixels."""
        return [f"--pixel-mm={source}={side}" for source, side in self.config.generalise.pixel_mm.items()]

    def _held(self, name: str) -> list[str]:
        if name == ALL:
            return []
        found = [source for source in self.sources if f"{_WITHOUT}{label_of(source)}" == name]
        if not found:
            raise CxrError(f"model '{name}': no source of that name is left out; expected {', '.join(self.models)}")
        return found
