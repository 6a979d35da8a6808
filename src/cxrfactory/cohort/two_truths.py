"""Virtual films with findings and two true masks of the lungs: the anatomy, and the part that still holds air.

People draw lungs on films with disease in two ways: as they would be in health, or as far as they are dark. Both are
known of a virtual patient, because a finding replaces a known length of air along every ray.
"""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float

from cxrfactory.anatomy.organs import LUNGS, ORGANS
from cxrfactory.cohort.findings import SIDES, lung_fields, replaced_share
from cxrfactory.cohort.patient import Person, Projection, Radiograph, draw_person, project_person, sampled_at
from cxrfactory.cohort.patient import take_radiograph as expose
from cxrfactory.cohort.pictures import landmarks, to_8bit
from cxrfactory.cohort.source import SourceChest, load_source
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import encode_png
from cxrfactory.imaging.geometry import Geometry
from cxrfactory.logs import get_logger, progress
from cxrfactory.projection.lesions import effusion, opacity
from cxrfactory.tables.atomic import write_text
from cxrfactory.tables.folders import replaced_folder
from cxrfactory.tables.keys import seed_of
from cxrfactory.tables.parquet import write_table
from cxrfactory.tables.schemas import LABELLED_IMAGES

HEALTHY, ANATOMY, AIR, HIDDEN = "healthy.parquet", "anatomy.parquet", "air.parquet", "hidden.csv"
SOURCE = "Virtual"
PROBABILITY = 0.6  # of an effusion and of a consolidation in an affected lung
BOTH_SIDES = 0.25  # probability that both lungs are affected
OPAQUE_SHARE = 1 / 3  # of the air along a ray; where more is replaced, the lung is not dark
SMOOTHING_MM = 3.0  # people draw smooth outlines
VALIDATION_EVERY = 6  # of the healthy patients
SMALLEST = 96  # side of a film in pixels

log = get_logger(__name__)


def write_two_truths(
    ct: str | Path, output: str | Path, healthy: int, findings: int, size: int = 512, seed: int = 0
) -> None:
    """Write films of healthy patients for training, and films with findings with both truths.

    Parameters
    ----------
    ct
        Folder that ``fetch-ct`` wrote.
    output
        Folder for ``healthy.parquet``, ``anatomy.parquet`` and ``air.parquet`` (schema ``LABELLED_IMAGES``), and
        ``hidden.csv``. The films of ``anatomy`` and ``air`` are the same, with split ``val``. The regions of
        ``anatomy`` are lungs and heart as they would be without the finding; those of ``air`` are the lungs without the
        pixels where more than a third of the air along the ray is replaced. ``hidden.csv`` has the areas of both lungs
        in pixels, and the share that the findings hide.
    healthy, findings
        Numbers of patients without and with findings; they are different patients.
    size
        Side of the films in pixels.
    seed
        Seed of the cohort.

    Raises
    ------
    CxrError
        If the CT is missing or unreadable, or a number is too small.
    """
    if healthy < VALIDATION_EVERY or findings < 1 or size < SMALLEST:
        raise CxrError(
            f"{healthy} healthy patients, {findings} with findings, films of {size} px; expected "
            f"{VALIDATION_EVERY}, 1 and {SMALLEST} or more"
        )
    source = load_source(ct)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums are then computed in the same order on every machine
    try:
        well = [_healthy(source, number, size, seed) for number in progress(range(1, healthy + 1), "healthy", healthy)]
        numbers = range(healthy + 1, healthy + findings + 1)
        found = [_ill(source, number, size, seed) for number in progress(numbers, "with findings", findings)]
    finally:
        torch.set_num_threads(threads)
    with replaced_folder(Path(output)) as building:
        write_table(pd.DataFrame(well), building / HEALTHY, LABELLED_IMAGES)
        write_table(pd.DataFrame([each[0] for each in found]), building / ANATOMY, LABELLED_IMAGES)
        write_table(pd.DataFrame([each[1] for each in found]), building / AIR, LABELLED_IMAGES)
        hidden = pd.DataFrame([each[2] for each in found])
        write_text(building / HIDDEN, hidden.to_csv(index=False, float_format="%.6f", lineterminator="\n"))
    log.info("%s: %d healthy films, %d with findings that hide %.0f %% of the lungs on average",
             output, len(well), len(found), 100 * hidden["hidden_share"].mean())  # fmt: skip


def aerated(lung: Bool[np.ndarray, "h w"], share: Float[np.ndarray, "h w"], pixel_mm: float) -> Bool[np.ndarray, "h w"]:
    """Return the part of a lung's mask that holds air.

    Parameters
    ----------
    lung
        Mask [row, column] of the lung as it would be in health.
    share
        Share of the air along each ray that a finding replaces, 0 to 1.
    pixel_mm
        Side of a pixel in mm.
    """
    smooth = cv2.GaussianBlur(share.astype(np.float32), (0, 0), SMOOTHING_MM / pixel_mm)
    return lung & (smooth <= OPAQUE_SHARE)


def _with_severe_findings(
    source: SourceChest, person: Person, projection: Projection, seed: int
) -> tuple[Projection, str]:
    """Add findings that hide much of one lung or of both, and return them in words."""
    rng = np.random.default_rng(seed_of(f"patient {person.number}", "severe findings", seed))
    first = int(rng.integers(2))
    affected = [first, 1 - first] if rng.random() < BOTH_SIDES else [first]
    fields = lung_fields(source, person, projection)
    lines, words = projection.lines.copy(), []
    for place in affected:
        wet, solid = rng.random(2) < PROBABILITY
        maps = []
        if wet or not solid:
            maps.append(effusion(fields[place], float(rng.uniform(0.3, 0.8)), rng))
            words.append(f"effusion, {SIDES[place][0]}")
        if solid:
            maps.append(opacity(fields[place], float(rng.uniform(25, 55)), float(rng.uniform(0.8, 1.0)), rng))
            words.append(f"consolidation, {SIDES[place][0]}")
        lines[0] += np.maximum.reduce(maps).astype(np.float32)  # the air is replaced only once
    return replace(projection, lines=lines), "; ".join(words)


def _healthy(source: SourceChest, number: int, size: int, seed: int) -> dict:
    person = draw_person(number, seed)
    taken = _taken(project_person(source, person, "PA"), person, size, seed)
    split = "val" if number % VALIDATION_EVERY == 0 else "train"
    return _row(person, taken, split, "normal")


def _ill(source: SourceChest, number: int, size: int, seed: int) -> tuple[dict, dict, dict]:
    person = draw_person(number, seed)
    before = project_person(source, person, "PA")
    after, condition = _with_severe_findings(source, person, before, seed)
    taken = _taken(after, person, size, seed)
    share = sampled_at(replaced_share(source, person, before, after), before.lines_pixel_mm, before.first_mm,
                       taken.to_mm, size, size, cv2.INTER_LINEAR)  # fmt: skip
    anatomy = _row(person, taken, "val", condition) | {
        "regions": _regions({name: taken.truth[name] for name in ORGANS})
    }
    held = {lung: aerated(taken.truth[lung], share, taken.pixel_mm) for lung in LUNGS}
    air = anatomy | {"labels": "M", "landmarks": np.zeros(0, np.float32), "regions": _regions(held)}
    whole, left = (int(sum(masks[lung].sum() for lung in LUNGS)) for masks in (taken.truth, held))
    hidden = {"image_id": anatomy["image_id"], "condition": condition, "anatomy_px": whole, "air_px": left}
    return anatomy, air, hidden | {"hidden_share": 1 - left / whole}


def _taken(projection: Projection, person: Person, size: int, seed: int) -> Radiograph:
    return expose(projection, person, "PA", size, size, seed, "two truths")


def _row(person: Person, taken: Radiograph, split: str, condition: str) -> dict:
    size = len(taken.grey)
    return {
        "image_id": f"two-truths-{person.number:04d}",
        "png": encode_png(to_8bit(taken.grey)),
        **Geometry.whole(size, size, size).as_row(),
        "patient_id": f"V{person.number:04d}",
        "source": SOURCE,
        "labels": "LH",
        "split": split,
        "landmarks": landmarks(taken.truth).astype(np.float32).ravel(),
        "regions": None,
        "sex": person.sex,
        "age": float(person.age),
        "condition": condition,
    }


def _regions(masks: dict[str, Bool[np.ndarray, "h w"]]) -> list[dict]:
    return [{"name": name, "png": encode_png(mask.astype(np.uint8) * 255)} for name, mask in sorted(masks.items())]
