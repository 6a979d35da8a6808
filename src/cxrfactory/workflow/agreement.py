"""Facts for the rule of results/agreement: the tables to compare, by default the workflow's own."""

from collections.abc import Iterable
from dataclasses import dataclass

from cxrfactory.config import AgreementTestConfig, Config
from cxrfactory.errors import CxrError
from cxrfactory.workflow.results import STAGES, Results

RULE = "agreement"
MEASURE, SEVERITY = "measure", "severity"  # the stages that make the tables which are compared by default
MEASUREMENTS = "measurements.parquet"  # the table in the folder of the first


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
        """The table of measured grades, or the folder of the workflow's own; none where there is neither."""
        given = self.config.agreement.measured
        if given is not None:
            return [given]
        return [self.results.out(MEASURE).folder] if MEASURE in STAGES else []

    @property
    def reference(self) -> list[str]:
        """Paths of the tables of reference grades."""
        if self.config.agreement.reference or SEVERITY not in STAGES:
            return list(self.config.agreement.reference)
        return self._of_releases(self.results.out(SEVERITY).table)

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
        inside = "" if settings.measured is not None else f"/{MEASUREMENTS}"
        found = [f"--measured={path}{inside}" for path in self.measured]
        found += [f"--reference={path}" for path in self.reference]
        found += [f"--links={path}" for path in self.links]
        found += [f"--answers={name}={path}" for name, path in settings.answers.items()]
        if settings.measured is None and not settings.reference:
            # Ids of two releases may be equal; the workflow's tables of reports and manifests are named by the release.
            found += ["--measured-key=dataset,image_id", "--reference-key=dataset,study_id"]
            return found + settings.options(*(name for name in self._settings() if not name.endswith("_key")))
        return found + settings.options(*self._settings())

    def _settings(self) -> list[str]:
        """Return the names of the keys that are options of the command."""
        return list(AgreementTestConfig.model_fields)

    def _of_releases(self, path: str) -> list[str]:
        names = [name for name, dataset in self.config.datasets.items() if dataset.reports is not None]
        return [path.format(dataset=name) for name in names] if "{dataset}" in path else [path]
