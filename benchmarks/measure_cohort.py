"""Measure virtual patients whose spines and hearts are known, on their true masks and on those of a network.

    python -m cxrfactory stage fetch-ct --output CT
    python benchmarks/measure_cohort.py --ct CT --patients 60 [--weights pretrained-anatomy] [--landmarks]

Every patient has a bent spine (``cohort/spines.py``). The truth is the curve through the centres of the vertebrae of
the source, moved in three dimensions by the patient's deformation, without any mask of the patient. The films are those
of ``stage cohort-films``. Patients from number 1001 on are measured, which no training set of the documentation holds.
It takes some 5 seconds a patient.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer

FIRST, SIZE = 1001, 512
SPINE = ("scd", "cobb_curve", "kyphosis")


def main(
    ct: Annotated[Path, typer.Option(help="Folder of stage fetch-ct.")],
    patients: Annotated[int, typer.Option(help="Number of patients.")] = 60,
    weights: Annotated[str | None, typer.Option(help="Weights of a network of structures.")] = None,
    landmarks: Annotated[
        bool, typer.Option(help="Measure also with the package's weights of lungs and heart.")
    ] = False,
    table: Annotated[Path | None, typer.Option(help="CSV of all values to write.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the cohort.")] = 0,
) -> None:
    """Print r, bias and limits of agreement of each measurement."""
    import cxrfactory as cxr
    from cxrfactory.cohort.film_source import load_film_source
    from cxrfactory.logs import progress
    from cxrfactory.models.anatomy.network import AnatomyNetwork

    source = load_film_source(ct)
    network = None if weights is None else AnatomyNetwork(weights)
    segmenter = cxr.Segmenter.pretrained("lungs-heart", quality=False) if landmarks else None
    numbers = range(FIRST, FIRST + patients)
    rows = [measure(source, number, seed, network, segmenter) for number in progress(numbers, "patients", patients)]
    found = pd.DataFrame(rows)
    if table is not None:
        found.to_csv(table, index=False)
    for kind in ("mask", "network", "landmarks"):
        for name in (*SPINE, "ctr_columns", "ctr_rows"):
            if f"{name}_{kind}" in found and f"{name}_true" in found:
                report(f"{name}, {kind}", found[f"{name}_{kind}"], found[f"{name}_true"])


def report(name: str, found: pd.Series, true: pd.Series) -> None:
    """Print how a measurement agrees with the truth."""
    from cxrfactory.metrics.bland_altman import value_agreement

    both = found.notna() & true.notna()
    each = value_agreement(true[both].to_numpy(), found[both].to_numpy())
    print(
        f"{name:24s} n {both.sum():3d} of {len(found)}  r {each['r']:.3f}  bias {each['bias']:+.3f}  "
        f"limits {each['limit_low']:+.3f} to {each['limit_high']:+.3f}  truth {true.min():.2f} to {true.max():.2f}"
    )


def measure(source, number: int, seed: int, network, segmenter) -> dict[str, float]:
    """Return the true and the measured values of one patient."""
    from cxrfactory.anatomy.structure_groups import class_of_structure
    from cxrfactory.cohort.films import FilmKnobs, expose_film, project_with_structures
    from cxrfactory.cohort.patient import draw_person
    from cxrfactory.cohort.pictures import to_8bit
    from cxrfactory.cohort.spines import spine_of, with_scoliosis
    from cxrfactory.projection.deform import STANDING_RANGES

    person = with_scoliosis(source, draw_person(number, seed, STANDING_RANGES), 1.0, seed)
    projected = project_with_structures(source, person)
    known = {name: name if (own := class_of_structure(name)) is None else own.name for name in source.names}
    names = list(known.values())
    row: dict[str, float] = {"patient": number}
    size = None
    for view in ("PA", "LL"):
        film = expose_film(source, projected, person, view, SIZE, seed, FilmKnobs(), size)
        size = film.pixel_mm
        true = dict(zip(names, film.masks, strict=True))
        centres = {known[name]: at for name, at in spine_of(source, person, view).items()}
        row |= values(true, view, "mask")
        row |= truth(centres, true, view)
        if network is not None:
            row |= values(network(to_8bit(film.grey), SIZE, view), view, "network")
        if segmenter is not None and view == "PA":
            found = segmenter.segment(to_8bit(film.grey), image_id=f"patient-{number}")
            row |= measured({name.replace("_", " "): mask for name, mask in found.masks.items()}, view, "landmarks")
    row["ctr_columns_true"], row["ctr_rows_true"] = row.pop("ctr_columns_mask"), row.pop("ctr_rows_mask")
    return row


def values(masks: dict[str, np.ndarray], view: str, kind: str) -> dict[str, float]:
    """Measure the masks of structures in one view."""
    from cxrfactory.anatomy.film_regions import film_regions

    masks = {name: np.asarray(mask, bool) for name, mask in masks.items() if np.any(mask)}
    if view == "PA":
        drawn = film_regions(masks)
        masks |= {"right lung": drawn["right_lung"], "left lung": drawn["left_lung"], "heart": drawn["heart"]}
    return measured(masks, view, kind)


def measured(masks: dict[str, np.ndarray], view: str, kind: str) -> dict[str, float]:
    """Measure masks that are named as on a film."""
    from cxrfactory.geometry.frontal import measure_frontal
    from cxrfactory.geometry.lateral import measure_lateral
    from cxrfactory.geometry.runs import Runs

    runs = {name: Runs.from_mask(mask) for name, mask in masks.items() if mask.any()}
    found = (measure_frontal if view == "PA" else measure_lateral)(runs)
    return {f"{each.name}_{kind}": each.value for each in found}


def truth(centres: dict[str, np.ndarray], masks: dict[str, np.ndarray], view: str) -> dict[str, float]:
    """Return the angles of the true curve, through the vertebrae that the film shows whole."""
    from cxrfactory.geometry.lateral import kyphosis
    from cxrfactory.geometry.measurement import Measurement
    from cxrfactory.geometry.runs import Runs
    from cxrfactory.geometry.scoliosis import curve_angles
    from cxrfactory.geometry.spine import LEVELS, Spine, find_spine
    from cxrfactory.geometry.structures import MissingStructureError, Structures

    shown = Structures({name: Runs.from_mask(masks[name] > 0) for name in centres if masks[name].any()})
    across = 0 if view == "PA" else 1  # both views show the patient's right, or front, on the left
    try:
        levels = [level for level in find_spine(shown).levels if LEVELS[level] in centres]
        points = np.array([[-centres[LEVELS[level]][across], -centres[LEVELS[level]][2]] for level in levels])
        spine = Spine(tuple(levels), points)
        made: tuple[Measurement, ...]
        made = curve_angles(spine) if view == "PA" else (kyphosis(spine, float(points[:, 0].min() - 1000)),)
    except MissingStructureError:
        return {}
    return {f"{each.name}_true": each.value for each in made}


if __name__ == "__main__":
    typer.run(main)
