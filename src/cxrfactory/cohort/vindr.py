"""Write virtual patients as a VinDr-CXR release of DICOM DX objects with all display encodings to be supported.

The patient fields contain the word ``SECRET``, so that a search finds any leak into an output.
"""

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd

from cxrfactory.cohort.dicom import DisplayPath, write_dx
from cxrfactory.cohort.patient import Person, Radiograph, project_person, take_radiograph
from cxrfactory.cohort.pictures import truth_row
from cxrfactory.cohort.source import SourceChest
from cxrfactory.tables.atomic import write_text
from cxrfactory.tables.keys import seed_of

RELEASE = "vindr-cxr"
READERS = ("R8", "R9", "R10")
FINDINGS = [
    "Aortic enlargement", "Atelectasis", "Calcification", "Cardiomegaly", "Clavicle fracture", "Consolidation", "Edema",
    "Emphysema", "Enlarged PA", "ILD", "Infiltration", "Lung Opacity", "Lung cavity", "Lung cyst",
    "Mediastinal shift", "Nodule/Mass", "Pleural effusion", "Pleural thickening", "Pneumothorax",
    "Pulmonary fibrosis", "Rib fracture", "Other lesion", "COPD", "Lung tumor", "Pneumonia", "Tuberculosis",
    "Other diseases", "No finding",
]  # fmt: skip

_VOI_KINDS = ("full", "narrow", "narrow", "sigmoid", "lut", "exact", "narrow")
_SYNTAXES = ("plain", "plain", "rle", "plain", "jpeg2000")
_TEST_EVERY = 4


def write_vindr(root: Path, source: SourceChest, person: Person, place: int, size: int, seed: int) -> dict:
    """Write one patient of the release.

    Parameters
    ----------
    root
        Folder of the release.
    source, person
        Source chest and virtual patient.
    place
        Index of the patient in the release, from 0. It determines the part, the photometric interpretation, the window
        and the transfer syntax.
    size
        Scale of the pictures; 1024 gives films of about 1200 x 1400 px.
    seed
        Seed of the cohort.

    Returns
    -------
    dict
        Name of the part (``part``: train or test), rows of the release's label table (``labels``) and rows of the truth
        table (``truth``).
    """
    rng = np.random.default_rng(seed_of(f"patient {person.number}", RELEASE, seed))
    image_id = hashlib.blake2b(f"{RELEASE} {seed} {person.number}".encode(), digest_size=16).hexdigest()
    height, width = (round(size * float(rng.uniform(*span))) for span in ((1.15, 1.42), (1.05, 1.30)))
    taken = take_radiograph(project_person(source, person, "PA"), person, "PA", height, width, seed, RELEASE)
    part = "test" if place % _TEST_EVERY == _TEST_EVERY - 1 else "train"
    path = DisplayPath(
        inverted=place % 2 == 0,
        voi=_VOI_KINDS[place % len(_VOI_KINDS)],
        syntax=_SYNTAXES[place % len(_SYNTAXES)],
    )
    write_dx(root / part / f"{image_id}.dicom", taken, person, path, f"{RELEASE} {seed} {person.number}")
    label = {name: 0 for name in FINDINGS}
    label["Cardiomegaly" if _cardiothoracic_ratio(taken) > 0.5 else "No finding"] = 1
    readers = READERS if part == "train" else (None,)
    labels = [{"image_id": image_id} | ({"rad_id": reader} if reader else {}) | label for reader in readers]
    return {"part": part, "labels": labels, "truth": [truth_row(image_id, RELEASE, f"V{person.number:04d}", taken)]}


def write_vindr_tables(root: Path, parts: dict[str, list[dict]]) -> None:
    """Write ``annotations/image_labels_{train,test}.csv``; the train table has one row per image and reader."""
    for part, rows in parts.items():
        columns = ["image_id", *(["rad_id"] if part == "train" else []), *FINDINGS]
        frame = pd.DataFrame(rows, columns=columns).sort_values(columns[: -len(FINDINGS)])
        write_text(root / "annotations" / f"image_labels_{part}.csv", frame.to_csv(index=False, lineterminator="\n"))


def _cardiothoracic_ratio(taken: Radiograph) -> float:
    heart = np.flatnonzero(taken.truth["heart"].any(axis=0))
    lungs = np.flatnonzero((taken.truth["right_lung"] | taken.truth["left_lung"]).any(axis=0))
    return float(np.ptp(heart) / np.ptp(lungs))
