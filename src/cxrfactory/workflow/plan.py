"""The run that a config describes, for the Snakefile. The module is light to import."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from cxrfactory.config import Config, TrainConfig, parse_config, refuse_twice
from cxrfactory.ingest.datasets import complete, without_originals
from cxrfactory.workflow.agreement import Agreement
from cxrfactory.workflow.benchmark import Benchmark
from cxrfactory.workflow.credits import Credits
from cxrfactory.workflow.generalise import Generalise
from cxrfactory.workflow.measure import Measurements
from cxrfactory.workflow.models import Comparison, Registration, Segmenter
from cxrfactory.workflow.names import check_names
from cxrfactory.workflow.paper_studies import PaperStudies
from cxrfactory.workflow.releases import Labelled, Releases, Scans, check_roots
from cxrfactory.workflow.results import PRODUCTS, Results
from cxrfactory.workflow.zero_shot import ZeroShot


@dataclass(frozen=True)
class Plan:
    """The run that a config describes, with one object for each subject.

    Values that only one product needs are defined in the product's own folder: ``plan.product("cxlseg")``.
    """

    config: Config

    @classmethod
    def of(cls, values: dict[str, Any], files: Iterable[str | Path] = (), arguments: Iterable[str] = ()) -> "Plan":
        """Make a plan from config values, and check the config, its releases and its paths.

        Parameters
        ----------
        values
            Values of the config, as Snakemake read them.
        files
            Files that the values were read from; a file in which a key occurs twice is refused.
        arguments
            Words of Snakemake's command line, which may hold values too.

        Raises
        ------
        CxrError
            One line that names the key.
        """
        refuse_twice(files, arguments)
        config = parse_config(values, "config")
        check_names(config)
        config = complete(config)
        check_roots(config)
        return cls(config)

    def written_config(self) -> str:
        """Return the config of the run as JSON, as it may leave: without the places of pseudonymised images."""
        return without_originals(self.config).model_dump_json()

    @cached_property
    def results(self) -> Results:
        """Paths of all files."""
        return Results(self.config.results.rstrip("/"), self.config.cohort.folder.rstrip("/"))

    @cached_property
    def releases(self) -> Releases:
        """The hospital releases."""
        return Releases(self.config, self.results)

    @cached_property
    def scans(self) -> Scans:
        """The CT releases."""
        return Scans(self.config, self.results)

    @cached_property
    def labelled(self) -> Labelled:
        """The labelled set."""
        return Labelled(self.config)

    @cached_property
    def segmenter(self) -> Segmenter:
        """The segmenter in use."""
        return Segmenter(self.config, self.results)

    @cached_property
    def registration(self) -> Registration:
        """RCA's network and calibration."""
        return Registration(self.config, self.results)

    @cached_property
    def comparison(self) -> Comparison:
        """Models that are compared with each other."""
        return Comparison(self.config, self.results)

    @cached_property
    def generalise(self) -> Generalise:
        """The study that leaves each source out in turn."""
        return Generalise(self.config, self.results)

    @cached_property
    def benchmark(self) -> Benchmark:
        """The benchmark of many networks."""
        return Benchmark(self.config, self.results)

    @cached_property
    def zero_shot(self) -> ZeroShot:
        """The test of a network of structures on real films."""
        return ZeroShot(self.config, self.results)

    @cached_property
    def paper_studies(self) -> PaperStudies:
        """The studies of the papers."""
        return PaperStudies(self.config, self.results)

    @cached_property
    def agreement(self) -> Agreement:
        """The agreement of measured grades with those of reports."""
        return Agreement(self.config, self.results)

    @cached_property
    def measurements(self) -> Measurements:
        """The measurements of the products' masks."""
        return Measurements(self.config)

    @cached_property
    def credits(self) -> Credits:
        """Credits of the products."""
        return Credits(self.config)

    def product(self, name: str) -> Any:
        """Return the object with the config values for a product's rules, defined in the product's folder."""
        return PRODUCTS[name].plan(self)

    def gpus(self, section: str | TrainConfig) -> int:
        """Return the number of GPUs for a job: 1 if the section's device is ``cuda``, 0 for ``auto`` or ``cpu``."""
        settings = getattr(self.config, section) if isinstance(section, str) else section
        return int(settings.device.startswith("cuda"))
