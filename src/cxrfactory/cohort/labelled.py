"""Write the labelled part of the cohort, in the layout of the public chest-radiograph landmark dataset.

The folder contains ``clinical.csv``, ``images/<id>.png``, and ``<id>.npy`` in each of ``RL/``, ``LL/`` and ``H/`` with
landmarks (x, y) in pixels of the image.
"""

from pathlib import Path

import numpy as np

from cxrfactory.cohort.patient import Person, project_person, take_radiograph
from cxrfactory.cohort.pictures import encode_png, landmarks, to_8bit
from cxrfactory.cohort.source import SourceChest
from cxrfactory.tables.atomic import atomic_path, write_bytes
from cxrfactory.tables.keys import seed_of

COLUMNS = ["File", "Dataset", "Lung Annotations", "Heart Annotations", "Sex", "Age", "Condition", "Patient"]
FOLDERS = {"RL": slice(0, 44), "LL": slice(44, 94), "H": slice(94, 120)}

_PADDED_SHARE = 0.55  # share of oblong films, which are padded with black to squares as in the public datasets


def write_labelled(root: Path, source: SourceChest, person: Person, size: int, seed: int) -> dict:
    """Write one labelled patient and return the row of ``clinical.csv``."""
    rng = np.random.default_rng(seed_of(f"patient {person.number}", "film", seed))
    height = width = size
    if rng.random() < _PADDED_SHARE:
        short = round(size * rng.uniform(0.76, 0.97))
        height, width = (size, short) if rng.random() < 0.75 else (short, size)
    taken = take_radiograph(project_person(source, person, "PA"), person, "PA", height, width, seed, "labelled")
    top, left = (size - height) // 2, (size - width) // 2
    image = np.zeros((size, size), np.uint8)
    image[top : top + height, left : left + width] = to_8bit(taken.grey)
    nodes = landmarks(taken.truth) + np.array([left, top])
    name = f"virtual-{person.number:04d}"
    write_bytes(root / "images" / f"{name}.png", encode_png(image), durable=False)
    for folder, nodes_of in FOLDERS.items():
        with atomic_path(root / folder / f"{name}.npy", durable=False) as temporary:
            np.save(temporary, nodes[nodes_of])
    return {
        "File": f"{name}.png",
        "Dataset": "Virtual",
        "Lung Annotations": True,
        "Heart Annotations": True,
        "Sex": person.sex,
        "Age": person.age,
        "Condition": "virtual",
        "Patient": f"V{person.number:04d}",
    }
