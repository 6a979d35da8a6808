"""Growth of all plants: tables, tests between groups, and figures."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from cxrfactory.logs import get_logger
from cxrfactory.roots.growth.comparison import comparison_table, mode_table, modes_of, notes_on, score_table
from cxrfactory.roots.growth.curve_figures import draw_growth, draw_speeds
from cxrfactory.roots.growth.plants import Plant, PlantSet, read_plants
from cxrfactory.roots.growth.rhythm_figures import draw_energies, draw_spectrum
from cxrfactory.roots.growth.summary import energy_rows, flag_rows, hull_rows, plant_row, spectrum_rows, speed_rows
from cxrfactory.roots.growth.trait_figures import draw_hulls, draw_modes, draw_traits
from cxrfactory.tables.atomic import write_text
from cxrfactory.tables.folders import replaced_folder

log = get_logger(__name__)

_KEY = ["plate", "plant", "group"]
_FLAGS = ["plate", "plant", "frame", "hours", "number", "flags"]
_HULLS = [*_KEY, "day", "hull_area_mm2", "laterals_per_hull_mm"]
_ENERGIES = [*_KEY, "root", "middle_hours", "energy_24h", "energy_12h"]


def write_growth(traits: Sequence[str | Path], laterals: Sequence[str | Path], output: str | Path) -> None:
    """Summarise the growth of all plants and compare their groups.

    Parameters
    ----------
    traits, laterals
        Tables of all shards (``ROOT_TRAITS`` and ``ROOT_LATERALS``).
    output
        Folder to write; an existing one is replaced. Always: ``plants.csv`` (one row a plant), ``groups.csv`` (tests),
        ``hulls.csv`` (8 to 14 days), ``flags.csv`` (pictures to look at, worst first), ``notes.txt`` (what was left
        out, and why) and ``traits.png``. If plates have pictures of several times: ``speeds.csv`` (plant and picture),
        ``spectra.csv``, ``energies.csv`` (windows of 7 days), ``fpca.csv`` (scores of plants),
        ``fpca_components.csv``, and the figures ``growth.png``, ``speeds.png``, ``spectrum.png``, ``energies.png``,
        ``hulls.png`` and ``fpca.png``, each where it has something to show. Plants that show no root in any picture
        are in the tables of plants, and take no part in tests, modes of curves and means of groups in figures.

    Raises
    ------
    CxrError
        If a table is unreadable, there is no plant, or rows contradict each other.
    """
    plants = read_plants(traits, laterals)
    unit, timed = plants.unit, plants.over_time
    summary = pd.DataFrame([plant_row(plant, unit, timed) for plant in plants.plants])
    hulls = _table(plants, hull_rows, _HULLS)
    grown = plants.with_roots
    compared = pd.DataFrame([plant_row(plant, unit, timed) for plant in grown.plants], columns=summary.columns)
    modes = modes_of(grown) if timed else {}
    scores = score_table(grown, modes)
    tests = comparison_table(compared, hulls, scores)
    notes = notes_on(plants, tests, modes)
    with replaced_folder(output) as folder:
        _write(folder / "plants.csv", summary)
        _write(folder / "groups.csv", tests)
        _write(folder / "hulls.csv", hulls)
        _write(folder / "flags.csv", pd.DataFrame(flag_rows(plants), columns=_FLAGS))
        write_text(folder / "notes.txt", "".join(f"{note}\n" for note in notes))
        if grown.plants:
            draw_traits(grown, compared, tests, folder / "traits.png")
        if len(hulls):
            draw_hulls(plants, hulls, tests, folder / "hulls.png")
        if timed:
            _write_over_time(plants, grown, folder, modes, scores)
    for note in notes:
        log.info("%s", note)
    log.info("growth of %d plants on %d plates, %d groups", len(plants.plants), summary["plate"].nunique(),
             len(plants.groups))  # fmt: skip


def _write_over_time(plants: PlantSet, grown: PlantSet, folder: Path, modes: dict, scores: pd.DataFrame) -> None:
    unit = plants.unit
    energies = _table(plants, energy_rows, _ENERGIES)
    spectra = _table(
        plants,
        lambda plant: spectrum_rows(plant, unit),
        [*_KEY, "root", "frequency_per_h", f"amplitude_{unit}_per_h", "energy"],
    )
    _write(folder / "speeds.csv", pd.DataFrame([row for plant in plants.plants for row in speed_rows(plant, unit)]))
    _write(folder / "spectra.csv", spectra)
    _write(folder / "energies.csv", energies)
    _write(folder / "fpca.csv", scores)
    _write(folder / "fpca_components.csv", mode_table(modes))
    if grown.plants:
        draw_growth(grown, folder / "growth.png")
        draw_speeds(grown, folder / "speeds.png")
    if len(spectra):
        draw_spectrum(plants, spectra, folder / "spectrum.png")
    if energies["middle_hours"].nunique() > 1:
        draw_energies(plants, energies, folder / "energies.png")
    if modes:
        draw_modes(grown, modes, folder / "fpca.png")


def _table(plants: PlantSet, rows_of: Callable[[Plant], list[dict[str, Any]]], columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame([row for plant in plants.plants for row in rows_of(plant)], columns=columns)


def _write(path: Path, rows: pd.DataFrame) -> None:
    write_text(path, rows.to_csv(index=False, float_format="%.6g", lineterminator="\n"))
