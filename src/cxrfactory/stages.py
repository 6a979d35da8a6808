"""What a stage of the workflow is, as data: the name of its rule, its files, and what it is for.

The map of all stages is :mod:`cxrfactory.workflow.results`; the stages of a product stand in the product's own room.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cxrfactory.config import Config

WILDCARD = re.compile(r"\{(\w+)\}")


def fill(path: str, wildcards: Mapping[str, str]) -> str:
    """Put values in the place of a path's wildcards; braces that name none of them stay."""
    return WILDCARD.sub(lambda found: wildcards.get(found[1], found[0]), path)


@dataclass(frozen=True)
class Stage:
    """A rule of the workflow and the files that it makes.

    Parameters
    ----------
    name
        Name of the rule.
    purpose
        One sentence on what it is for; ``snakemake --list`` and the table in ``docs/architecture.md`` show it.
    log
        Path of its log below ``logs/`` and of its times below ``benchmarks/``, without an ending. Its wildcards are
        those of the rule: they say per what it runs.
    outputs
        Paths below the folder of results by the names that the rule uses; folders end with ``/``. A path that begins
        with ``{cohort}/`` lies in the folder of the virtual cohort. The output ``rejected`` holds the rows that the
        stage lost.
    rows
        The output whose rows ``status`` counts; the first where none is named.
    """

    name: str
    purpose: str
    log: str
    outputs: Mapping[str, str]
    rows: str | None = None

    @property
    def per(self) -> tuple[str, ...]:
        """Wildcards of the rule, such as ``dataset`` and ``shard``; empty for what runs once."""
        return tuple(WILDCARD.findall(self.log))


@dataclass(frozen=True)
class Step:
    """A stage on the way to a product, for one release, or once for all of them where none is named."""

    stage: str
    release: str | None = None


@dataclass(frozen=True)
class Product:
    """What a product adds to the workflow.

    Parameters
    ----------
    name
        Its name: the folder below the results, the last rule, and the file of its rules.
    stages
        The stages that are its own.
    steps
        From the config to all steps that lead to it, in the order of the data flow.
    plan
        From a :class:`cxrfactory.workflow.plan.Plan` to an object with what its rules ask of the config.
    """

    name: str
    stages: tuple[Stage, ...]
    steps: Callable[["Config"], Iterable[Step]]
    plan: Callable[[Any], Any]
