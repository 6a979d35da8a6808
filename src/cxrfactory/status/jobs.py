"""Which files each job of a product writes: the map of results with a config put in, without Snakemake."""

from dataclasses import dataclass
from pathlib import Path

from cxrfactory.config import Config
from cxrfactory.errors import CxrError
from cxrfactory.ingest.datasets import complete
from cxrfactory.stages import Step, fill
from cxrfactory.tables.keys import shard_names
from cxrfactory.workflow.results import PRODUCTS, Results, stage

SHARED = "(all)"  # stands for the release of what is made once for all of them


@dataclass(frozen=True)
class Job:
    """One run of a rule.

    Parameters
    ----------
    outputs
        Its files; rows are counted in the first, the last holds the accounts of a packed release.
    rejected
        That of ``outputs`` which holds rejections; None where the rule has none.
    log, benchmark
        Where its log and its times stand.
    """

    outputs: tuple[Path, ...]
    rejected: Path | None
    log: Path
    benchmark: Path


@dataclass(frozen=True)
class StageJobs:
    """A rule's jobs for one release, or for all releases together."""

    rule: str
    release: str
    jobs: tuple[Job, ...]


def products() -> list[str]:
    """Names of the products whose status is known."""
    return list(PRODUCTS)


def stages_of(config: Config, product: str) -> list[StageJobs]:
    """Stages of a product in the order of the data flow.

    Raises
    ------
    CxrError
        If the product is unknown, or a dataset's layout.
    """
    if product not in PRODUCTS:
        raise CxrError(f"target '{product}' is unknown; expected one of {', '.join(PRODUCTS)}")
    config = complete(config)
    results = Results(config.results, config.cohort.folder)
    return [_jobs(config, results, step) for step in PRODUCTS[product].steps(config)]


def _jobs(config: Config, results: Results, step: Step) -> StageJobs:
    """Jobs of a step: one, or one a shard of its release."""
    per, release = stage(step.stage).per, step.release
    filled: dict[str, str] = {} if release is None else {per[0]: release}
    if "shard" not in per:
        return StageJobs(step.stage, release or SHARED, (_job(results, step.stage, filled),))
    releases = config.datasets if per[0] == "dataset" else config.scans
    names = shard_names(releases[release].shards)
    jobs = tuple(_job(results, step.stage, {**filled, "shard": name}) for name in names)
    return StageJobs(step.stage, release, jobs)


def _job(results: Results, name: str, wildcards: dict[str, str]) -> Job:
    outputs = {output: Path(fill(path, wildcards)) for output, path in results.out(name).items()}
    counted = stage(name).rows or next(iter(outputs))
    rest = [path for output, path in outputs.items() if output not in (counted, "rejected")]
    rejected = outputs.get("rejected")
    return Job(
        (outputs[counted], *rest, *([] if rejected is None else [rejected])),
        rejected,
        Path(fill(results.log(name), wildcards)),
        Path(fill(results.benchmark(name), wildcards)),
    )
