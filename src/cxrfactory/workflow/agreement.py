"""Facts for the rule of results/agreement: the tables to compare, by default the workflow's own."""

from collections.abc import Iterable
from dataclasses import dataclass

from cxrfactory.config import Config
from cxrfactory.errors import CxrError
from cxrfactory.workflow.results import STAGES, Results

RULE = "agreement"
MEASURE, SEVERITY = "measure", "severity"  # the stages that make the tables which are compared by default


@dataclass(frozen=True)
class Agreement:
    """The agreement of measured grades with reference grades and with other systems."""

    config: Config
    results: Results

    def check(self, arguments: Iterable[str]) -> None:
        """Check that there are tables to compare, if Snakemake's command line names the study as a target.

        Raises
        ------
        CxrError
            If the config names no measured or no reference table, and the workflow makes none.
        """
        targets = {RULE, f"{self.results.folder}/{RULE}"}
        if not any(each.rstrip("/").removeprefix("./") in targets for each in arguments):
            return
        for key, tables in (("measured", self.measured), ("reference", self.reference)):
            if not tables:
                raise CxrError(
                    f"{self.results.folder}/{RULE}: key 'agreement.{key}' names no table, and this config makes none "
                    "(a reference needs releases with reports); expected the path of a CSV or Parquet table "
                    "(docs/agreement.md)"
                )

    @property
    def measured(self) -> list[str]:
        """Path of the table of measured grades; none if the config names no table and the workflow makes none."""
        given = self.config.agreement.measured
        return [given] if given is not None else self._own(MEASURE)

    @property
    def reference(self) -> list[str]:
        """Paths of the tables of reference grades."""
        return list(self.config.agreement.reference) or self._own(SEVERITY)

    @property
    def links(self) -> list[str]:
        """Paths of the tables that link images with reports; the releases' manifests with the workflow's reports."""
        settings = self.config.agreement
        if settings.links or settings.reference:
            return list(settings.links)
        return self._of_releases(self.results.out("ingest").manifest)

    @property
    def answers(self) -> list[str]:
        """Paths of the tables of other systems."""
        return list(self.config.agreement.answers.values())

    def options(self) -> list[str]:
        """Return the options that name tables and settings."""
        settings = self.config.agreement
        found = [f"--measured={path}" for path in self.measured]
        found += [f"--reference={path}" for path in self.reference]
        found += [f"--links={path}" for path in self.links]
        found += [f"--answers={name}={path}" for name, path in settings.answers.items()]
        own = ("measured", "reference", "links", "answers")
        return found + settings.options(*(name for name in type(settings).model_fields if name not in own))

    def _own(self, stage: str) -> list[str]:
        """Return the tables of a stage of the workflow, which has one for each release or one for all."""
        outputs = STAGES[stage].outputs if stage in STAGES else {}
        tables = [self.results.out(stage)[name] for name in outputs if outputs[name].endswith(".parquet")][:1]
        return [path for table in tables for path in self._of_releases(table)]

    def _of_releases(self, path: str) -> list[str]:
        names = [name for name, dataset in self.config.datasets.items() if dataset.reports is not None]
        return [path.format(dataset=name) for name in names] if "{dataset}" in path else [path]
