"""Keep Snakemake's scheduler idle while jobs run."""

from typing import Any

# What Snakemake (9.27) limits submissions to where nobody asks for a limit: 100 a second.
_DEFAULT_JOBS, _DEFAULT_SECONDS = 100, 1


def drop_default_rate_limit(scheduler: Any) -> None:
    """Take Snakemake's default limit of jobs a second away; one that a user or profile sets stays.

    With a limit, every look for ready jobs sets a timer for another look, and every job that ends starts one such chain
    more, which lasts as long as jobs are ready: with 1,000 jobs, hundreds of looks a second. A limit of 100 starts a
    second is never met here, where a job takes seconds to minutes.

    Parameters
    ----------
    scheduler
        Snakemake's ``workflow.scheduler``, in ``onstart``.
    """
    limit = getattr(scheduler, "job_rate_limiter", None)
    if limit is not None and (limit.max_jobs, limit.timespan) == (_DEFAULT_JOBS, _DEFAULT_SECONDS):
        scheduler.job_rate_limiter = None
