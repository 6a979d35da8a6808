"""Turn virtual patients about their long axis, and measure the flag ``rotated`` and the angle of the carina.

    python -m cxrfactory stage fetch-ct --output CT
    PYTHONPATH=. python benchmarks/measure_rotation.py --ct CT --patients 6 [--table T.csv]

Each patient is turned by the angles of ``--turns`` and nothing else changes. The truth of the flag is that angle. The
angle of the carina belongs to the patient, so it should change little. Masks are the true ones of ``cohort-films``,
512 px a side. Patient 0 is the source itself; the others are drawn as in ``benchmarks/measure_cohort.py``, with
straight spines unless ``--bent`` is given. It takes 3 to 5 seconds a film.
"""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer

FIRST, SIZE, LIMIT = 1001, 512, 0.33
STRAIGHT = {"scoliosis_mm": 0.0, "tilt_deg": 0.0}
NAMES = ("clavicle_symmetry", "carina_angle")


def main(
    ct: Annotated[Path, typer.Option(help="Folder of stage fetch-ct.")],
    patients: Annotated[int, typer.Option(help="Number of patients.")] = 6,
    turns: Annotated[str, typer.Option(help="Angles in degrees, separated by commas.")] = "-10,-5,0,5,10",
    bent: Annotated[bool, typer.Option("--bent", help="Keep the bends of the spines.")] = False,
    table: Annotated[Path | None, typer.Option(help="CSV of all values; it grows with each film.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the cohort.")] = 0,
) -> None:
    """Print what the angle of turning explains of each measurement."""
    from cxrfactory.cohort.film_source import load_film_source
    from cxrfactory.cohort.patient import Person, draw_person
    from cxrfactory.logs import progress
    from cxrfactory.projection.deform import STANDING_RANGES, identity_shape

    source, rows = load_film_source(ct), []
    people = [Person(0, "M", 50, identity_shape())]
    people += [draw_person(number, seed, STANDING_RANGES) for number in range(FIRST, FIRST + patients - 1)]
    angles = [float(each) for each in turns.split(",")]
    for person, angle in progress([(person, angle) for person in people for angle in angles], "films"):
        shape = replace(person.shape, turn_deg=angle, **({} if bent else STRAIGHT))
        rows.append({"patient": person.number, "turn": angle} | measured(source, replace(person, shape=shape), seed))
        if table is not None:
            pd.DataFrame(rows).to_csv(table, index=False)
    report(pd.DataFrame(rows))


def measured(source, person, seed: int) -> dict[str, float]:
    """Measure the frontal film of one patient on its true masks."""
    from benchmarks.measure_cohort import values
    from cxrfactory.anatomy.structure_groups import class_of_structure
    from cxrfactory.cohort.films import FilmKnobs, expose_film, project_with_structures

    projected = project_with_structures(source, person, ("PA",))
    film = expose_film(source, projected, person, "PA", SIZE, seed, FilmKnobs())
    names = [name if (own := class_of_structure(name)) is None else own.name for name in source.names]
    found = values(dict(zip(names, film.masks, strict=True)), "PA", "mask")
    return {name: found[f"{name}_mask"] for name in NAMES}


def report(found: pd.DataFrame) -> None:
    """Print correlation, slope and scatter of each measurement, and the flag at each angle."""
    print(found.round(3).to_string(index=False))
    symmetry = found.dropna(subset=["clavicle_symmetry"])
    slope, start = np.polyfit(symmetry["turn"], symmetry["clavicle_symmetry"], 1)
    rest = symmetry["clavicle_symmetry"] - slope * symmetry["turn"] - start
    r = np.corrcoef(symmetry["turn"], symmetry["clavicle_symmetry"])[0, 1]
    print(
        f"symmetry: r {r:.3f}, {slope:.4f} a degree, {start:+.3f} at 0, standard deviation of the rest {rest.std():.3f}"
    )
    own = [np.polyfit(each["turn"], each["clavicle_symmetry"], 1)[0] for _, each in symmetry.groupby("patient")]
    print(f"symmetry a degree, by patient: {', '.join(f'{each:.4f}' for each in own)}")
    raised = symmetry.assign(raised=symmetry["clavicle_symmetry"].abs() > LIMIT).groupby("turn")["raised"]
    print("rotated:", ", ".join(f"{turn:g} degrees {rows.sum()} of {len(rows)}" for turn, rows in raised))
    carina = found.dropna(subset=["carina_angle"]).groupby("patient")["carina_angle"]
    spread = np.sqrt((carina.std() ** 2).mean())
    print(
        f"carina: n {carina.count().sum()}, within a patient {spread:.1f}, of patients' means {carina.mean().std():.1f}"
    )


if __name__ == "__main__":
    typer.run(main)
