"""List the files that each job of a product writes, from the map of results and a config, without Snakemake."""

from dataclasses import dataclass
from pathlib import Path

from cxrfactory.config import Config
from cxrfactory.errors import CxrError
from cxrfactory.ingest.datasets import complete
from cxrfactory.stages import Step, fill
from cxrfactory.tables.keys import shard_names
from cxrfactory.workflow.results import PRODUCTS, Results, stage

SHARED = "(all)"  # release name of the jobs that run once for all releases


@dataclass(frozen=True)
class Job:
    """One run of a rule.

    Parameters
    ----------
    outputs
        Files that the job writes. Rows are counted in the first; the last holds the accounts of a packed release.
    rejected
        The output that holds rejections; None if the rule has none.
    log, benchmark
        Paths of the job's log and of its table of times.
    """

    outputs: tuple[Path, ...]
    rejected: Path | None
    log: Path
    benchmark: Path


@dataclass(frozen=True)
class StageJobs:
    """Jobs of a rule for one release, or for all releases together."""

    rule: str
    release: str
    jobs: tuple[Job, ...]


def products() -> list[str]:
    """Return the names of the products whose status can be shown."""
    return list(PRODUCTS)


def stages_of(config: Config, product: str) -> list[StageJobs]:
    """Return the stages of a product in the order of the data flow.

    Raises
    ------
    CxrError
        If the product or a dataset's layout is unknown.
    """
    if product not in PRODUCTS:
        raise CxrError(f"target '{product}' is unknown; expected one of {', '.join(PRODUCTS)}")
    config = complete(config)
    results = Results(config.results, config.cohort.folder)
    return [_jobs(config, results, step) for step in PRODUCTS[product].steps(config)]


def _jobs(config: Config, results: Results, step: Step) -> StageJobs:
    """Return the jobs of a step: a single one, or one for each shard of its release."""
    per, release = stage(step.stage).per, step.release
    if step.runs:
        return StageJobs(
            step.stage, release or SHARED, tuple(_job(results, step.stage, dict(run)) for run in step.runs)
        )
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
