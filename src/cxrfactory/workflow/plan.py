"""The run that a config describes, for the Snakefile. Light to import."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cxrfactory.config import Config, parse_config
from cxrfactory.ingest.datasets import complete
from cxrfactory.workflow.credits import Credits
from cxrfactory.workflow.models import Comparison, Registration, Segmenter
from cxrfactory.workflow.names import check_names
from cxrfactory.workflow.releases import Labelled, Releases, Scans
from cxrfactory.workflow.results import PRODUCTS, Results


@dataclass(frozen=True)
class Plan:
    """The run that a config describes: its subjects, each an object of its own.

    What a product alone needs stands in its room: ``plan.product("cxlseg")``.
    """

    config: Config

    @classmethod
    def of(cls, values: dict[str, Any]) -> "Plan":
        """Check the config, its releases and its paths too.

        Raises
        ------
        CxrError
            One line that names the key.
        """
        plan = cls(complete(parse_config(values, "config")))
        check_names(plan.config)
        return plan

    @cached_property
    def results(self) -> Results:
        """Where all files lie."""
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
        """Models side by side."""
        return Comparison(self.config, self.results)

    @cached_property
    def credits(self) -> Credits:
        """Whom the products credit."""
        return Credits(self.config)

    def product(self, name: str) -> Any:
        """What the rules of a product ask, as its room says."""
        return PRODUCTS[name].plan(self)

    def gpus(self, section: str) -> int:
        """GPUs that a job asks for whose device a section of the config names: one for ``cuda``, none for ``auto``."""
        return int(getattr(self.config, section).device.startswith("cuda"))
