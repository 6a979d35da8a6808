"""Stages of the workflow described as data: the name of the rule, its files and its purpose.

The map of all stages is :mod:`cxrfactory.workflow.results`. The stages of a product are declared in the product's own
package.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cxrfactory.config import Config

WILDCARD = re.compile(r"\{(\w+)\}")


def fill(path: str, wildcards: Mapping[str, str]) -> str:
    """Replace the wildcards of a path by their values; wildcards without a value are kept."""
    return WILDCARD.sub(lambda found: wildcards.get(found[1], found[0]), path)


@dataclass(frozen=True)
class Stage:
    """A rule of the workflow and the files that it makes.

    Parameters
    ----------
    name
        Name of the rule.
    purpose
        One sentence that describes the stage; ``snakemake --list`` and the table in ``docs/architecture.md`` show it.
    log
        Path of the log below ``logs/`` and of the benchmark below ``benchmarks/``, without a suffix. Its wildcards
        are those of the rule, which runs once for each combination of their values.
    outputs
        Paths below the results folder, by the output names of the rule; folders end with ``/``. A path that begins
        with ``{cohort}/`` lies in the folder of the virtual cohort. The output ``rejected`` is the table of the items
        that the stage rejected.
    rows
        Name of the output whose rows ``status`` counts; None for the first output.
    """

    name: str
    purpose: str
    log: str
    outputs: Mapping[str, str]
    rows: str | None = None

    @property
    def per(self) -> tuple[str, ...]:
        """Wildcards of the rule, such as ``dataset`` and ``shard``; empty for a rule that runs once."""
        return tuple(WILDCARD.findall(self.log))


@dataclass(frozen=True)
class Step:
    """A stage that a product needs, for one release, or once for all releases if ``release`` is None.

    Parameters
    ----------
    stage
        Name of the stage.
    release
        Name of the release, or of what else the runs have in common.
    runs
        Wildcards of each run, for a stage whose wildcards are not those of a release.
    """

    stage: str
    release: str | None = None
    runs: tuple[Mapping[str, str], ...] = ()


@dataclass(frozen=True)
class Product:
    """The entry of a product in the workflow.

    Parameters
    ----------
    name
        Name of the product, which is also the name of its results folder, of its last rule and of its rule file.
    stages
        The stages that belong to this product alone.
    steps
        Function from the config to all steps that the product needs, in the order of the data flow.
    plan
        Function from a :class:`cxrfactory.workflow.plan.Plan` to an object with the settings that the product's rules
        need.
    """

    name: str
    stages: tuple[Stage, ...]
    steps: Callable[["Config"], Iterable[Step]]
    plan: Callable[[Any], Any]
