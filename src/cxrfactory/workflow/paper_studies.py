"""Facts for the rules of the papers' studies: the steps of each study, their folders, commands and inputs."""

import shlex
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from cxrfactory.config import Config
from cxrfactory.errors import CxrError
from cxrfactory.studies.catalogue import all_studies, study_of
from cxrfactory.studies.requirement import VIRTUAL, holdings_of
from cxrfactory.studies.study import SUMMARY, Context, Step
from cxrfactory.workflow.results import Results


@dataclass(frozen=True)
class PaperStudies:
    """The studies of the papers."""

    config: Config
    results: Results

    step_pattern = r"[a-z0-9][a-z0-9-]*"

    @property
    def names(self) -> list[str]:
        """Names of all studies."""
        return list(all_studies())

    @property
    def pattern(self) -> str:
        """Pattern of the names of studies."""
        return "|".join(self.names)

    @property
    def tables(self) -> list[str]:
        """Paths of the labelled tables."""
        return list(self.config.studies.tables) or [self.results.out("preprocess_labelled").images]

    @property
    def threads(self) -> int:
        """Number of threads of a training."""
        return self.config.studies.threads

    def step(self, wildcards: Any) -> Step:
        """Return the step of a job; a job without a step is that of the summary.

        Raises
        ------
        CxrError
            If the study has no such step.
        """
        name = getattr(wildcards, "step", SUMMARY)
        found = {step.name: step for step in study_of(wildcards.study).steps(self._context)}
        if name not in found:
            raise CxrError(f"study '{wildcards.study}' has no step '{name}'; expected one of {', '.join(found)}")
        return found[name]

    def inputs(self, wildcards: Any) -> list[str]:
        """Return the tables and the folders of the earlier steps that a step reads."""
        return [*self.tables, *(self._folder(wildcards.study, name) for name in self.step(wildcards).needs)]

    def work(self, wildcards: Any) -> str:
        """Return the working folder of a step; it stays when Snakemake removes a failed job's output folder."""
        folder, name = self._folder(wildcards.study, self.step(wildcards).name).rsplit("/", 1)
        return f"{folder}/.{name}"

    def commands(self, wildcards: Any) -> str:
        """Return the commands of a step as a line of the shell; they write into the working folder."""
        step = self.step(wildcards)
        places = {name: self._folder(wildcards.study, name) for name in step.needs} | {"out": self.work(wildcards)}
        lines = [
            ["python", "-m", "cxrfactory", *(word.format_map(places) for word in words)] for words in step.commands
        ]
        return " && ".join(shlex.join(words) for words in lines)

    def gpus(self, wildcards: Any) -> int:
        """Return 1 if a step trains on a GPU, else 0."""
        return int(self.step(wildcards).trains and self.config.studies.device == "cuda")

    def folders(self, wildcards: Any) -> list[str]:
        """Folders of the findings of all studies that the tables allow.

        Where a table of the config does not exist, all studies: Snakemake then names the missing file.
        """
        holdings = VIRTUAL
        if tables := [Path(each) for each in self.config.studies.tables]:
            if not all(each.is_file() for each in tables):
                return [self._folder(name, SUMMARY) for name in self.names]
            holdings = holdings_of(tables)
        return [
            self._folder(name, SUMMARY) for name, study in all_studies().items() if not study.requires.unmet(holdings)
        ]

    def _folder(self, study: str, step: str) -> str:
        stage = "study" if step == SUMMARY else "study_step"
        return self.results.out(stage).folder.format(study=study, step=step)

    @cached_property
    def _context(self) -> Context:
        return Context(tuple(self.tables), self.config.studies)
