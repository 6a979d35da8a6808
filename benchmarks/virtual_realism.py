"""Measure on real films what each property of the virtual films is worth: train with and without it, and compare.

    python benchmarks/virtual_realism.py CT FOLDER --real jsrt.parquet --real v7.parquet --patients 80

``CT`` is the folder of ``stage fetch-ct``. For all properties together, and with each of them left out, the script
exposes the same virtual patients, trains the same small U-Net on them (``FOLDER/NAME.safetensors``) and measures Dice
on every labelled table that ``--real`` names (stage ``preprocess-labelled``; contours or drawn masks). Labels of real
films are only measured against, never learned from. ``FOLDER/dice.csv`` has one row for each property left out, table
and region. A patient takes about 8 seconds of one core, and a training about 2 minutes.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from cxrfactory.anatomy.film_regions import film_regions
from cxrfactory.cohort.film_source import FilmSource, load_film_source
from cxrfactory.cohort.films import FilmKnobs, expose_film, project_with_structures
from cxrfactory.cohort.patient import Person, draw_person
from cxrfactory.cohort.pictures import to_8bit
from cxrfactory.config import ModelConfig, TrainConfig
from cxrfactory.evaluate.models.labelled import read_cases
from cxrfactory.imaging.drawing.png import encode_png
from cxrfactory.logs import progress
from cxrfactory.metrics.overlap import dice
from cxrfactory.models.segmenter import Segmenter
from cxrfactory.projection.deform import RANGES, STANDING_RANGES
from cxrfactory.projection.structures import to_classes
from cxrfactory.tables.parquet import write_table
from cxrfactory.tables.schemas import LABELLED_IMAGES
from cxrfactory.tables.weights import read_weights
from cxrfactory.train.segmenter.run import train_segmenter

SIDE = 256
REGIONS = ("right_lung", "left_lung", "heart", "right_clavicle", "left_clavicle", "right_whole_lung", "left_whole_lung")
LEFT_OUT = {
    "nothing": FilmKnobs(),
    "shoulders": FilmKnobs(shoulders=0.0),
    "clavicles": FilmKnobs(clavicles=False),
    "rooms": FilmKnobs(rooms=False),
    "breasts": FilmKnobs(breasts=0.0),
}


def row_of(name: str, number: int, grey: np.ndarray, regions: dict[str, np.ndarray]) -> dict:
    """Return one row of a labelled table; every tenth patient is for validation."""
    frame = {"original_height": SIDE, "original_width": SIDE, "crop_top": 0, "crop_left": 0}
    frame |= {"crop_height": SIDE, "crop_width": SIDE, "size": SIDE, "orientation": 1}
    drawn = [{"name": region, "png": encode_png(regions[region] * np.uint8(255))} for region in REGIONS]
    return {
        "image_id": f"{name}-{number:05d}", "png": encode_png(to_8bit(grey)), **frame, "regions": drawn,
        "patient_id": f"{number:05d}", "source": "Virtual", "labels": "M", "landmarks": [],
        "split": "val" if number % 10 == 0 else "train",
    }  # fmt: skip


def exposed(source: FilmSource, person: Person, name: str, knobs: dict[str, FilmKnobs]) -> dict[str, dict]:
    """Project a patient once, and return a row for every set of properties."""
    projected = project_with_structures(source, person, ["PA"])
    rows = {}
    for left_out, chosen in knobs.items():
        film = expose_film(source, projected, person, "PA", SIDE, 0, chosen)
        structures, masks = to_classes(source.names, source.values, {"PA": film.masks}, np.zeros(len(film.masks), bool))
        named = {each.name: mask for each, mask in zip(structures, masks["PA"], strict=True)}
        rows[left_out] = row_of(name, person.number, film.grey, film_regions(named, film.pixel_mm))
    return rows


def write_tables(ct: Path, folder: Path, patients: int) -> dict[str, Path]:
    """Expose every patient with each property left out, and write a labelled table for each property."""
    plain, contrast = load_film_source(ct), load_film_source(ct, contrast=True)
    rows: dict[str, list[dict]] = {}
    for number in progress(range(1, patients + 1), "patients"):
        standing, lying = (draw_person(number, 0, ranges) for ranges in (STANDING_RANGES, RANGES))
        found = exposed(plain, standing, "film", LEFT_OUT)
        found |= exposed(contrast, standing, "film", {"no-contrast": FilmKnobs()})
        found |= exposed(plain, lying, "film", {"standing": FilmKnobs()})
        for left_out, row in found.items():
            rows.setdefault(left_out, []).append(row)
    paths = {left_out: folder / f"{left_out}.parquet" for left_out in rows}
    for left_out, path in paths.items():
        write_table(pd.DataFrame(rows[left_out], columns=LABELLED_IMAGES.names), path, LABELLED_IMAGES)
    return paths


def measured(weights: Path, real: Path) -> dict[str, float]:
    """Return the mean Dice of each region over all images of a labelled table that show it."""
    segmenter = Segmenter(*read_weights(weights))
    scores: dict[str, list[float]] = {}
    for split in sorted(set(pd.read_parquet(real, columns=["split"])["split"])):
        for case in read_cases(real, split):
            found = segmenter(case.image(), case.size).masks
            for region, true in case.true_masks({region: region for region in REGIONS}).items():
                scores.setdefault(region, []).append(dice((found[region] > 0) & true.valid, true.mask & true.valid))
    return {region: float(np.mean(values)) for region, values in scores.items()}


def main(ct: Path, folder: Path, real: list[Path], patients: int, epochs: int) -> None:
    """Write tables, weights and ``dice.csv``."""
    torch.set_num_threads(1)
    folder.mkdir(parents=True, exist_ok=True)
    model = ModelConfig(segmenter="unet", input_size=128, normalise="equalise", organs=list(REGIONS))
    settings = TrainConfig(
        epochs=epochs, learning_rate=1e-3, weight_decay=1e-4, rotation_degrees=8, scale=0.2, shift=0.1, gamma_high=1.5,
        appearance=0.3, elastic=0.03, opacities=0.3, threads=1, validate_every=epochs,
    )  # fmt: skip
    rows = []
    for left_out, path in write_tables(ct, folder, patients).items():
        weights = folder / f"{left_out}.safetensors"
        train_segmenter(path, weights, model, settings, torch.device("cpu"), resume=False)
        for table in real:
            for region, score in measured(weights, table).items():
                rows.append({"left_out": left_out, "table": table.stem, "region": region, "dice": round(score, 4)})
    pd.DataFrame(rows).to_csv(folder / "dice.csv", index=False)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ct", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--real", type=Path, action="append", required=True)
    parser.add_argument("--patients", type=int, default=80)
    parser.add_argument("--epochs", type=int, default=24)
    given = parser.parse_args()
    main(given.ct, given.folder, given.real, given.patients, given.epochs)
