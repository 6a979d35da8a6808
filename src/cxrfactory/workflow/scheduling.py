"""Keep Snakemake's scheduler idle while jobs run."""

from typing import Any

# Default limit of submissions in Snakemake (9.27): 100 a second.
_DEFAULT_JOBS, _DEFAULT_SECONDS = 100, 1


def drop_default_rate_limit(scheduler: Any) -> None:
    """Remove Snakemake's default limit of jobs a second; a limit set by a user or profile is kept.

    With a limit, each scheduling pass arms a timer for the next one, and every finished job starts another such chain,
    which lasts as long as jobs are ready. With 1,000 jobs there are hundreds of passes a second. This workflow never
    reaches 100 starts a second, because its jobs take seconds to minutes.

    Parameters
    ----------
    scheduler
        Snakemake's ``workflow.scheduler``, as available in ``onstart``.
    """
    limit = getattr(scheduler, "job_rate_limiter", None)
    if limit is not None and (limit.max_jobs, limit.timespan) == (_DEFAULT_JOBS, _DEFAULT_SECONDS):
        scheduler.job_rate_limiter = None
