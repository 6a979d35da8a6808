"""Correlation of the RCA score with the true Dice over good and spoiled masks, and seconds a pair.

With the factory's own shards (truth of the virtual cohort):

    python benchmarks/rca_correlation.py --images SHARD --landmarks SHARD --truth TRUTH --reference REF --output DIR

With labelled radiographs, e.g. JSRT after ``ingest-labelled`` and ``preprocess-labelled``: images outside the
reference set are the cases, and their expert landmarks are prediction and truth at once.

    python benchmarks/rca_correlation.py --labelled TABLE [--weights W] --output DIR

Without weights, principal components of the shrunk images stand in for the network's latent code.
"""

import json
import time
from pathlib import Path
from typing import Annotated

import typer


def pixel_components(labelled: Path, fraction: float, side: int = 32, count: int = 64):
    """Principal components of the reference images, ``side`` x ``side``: an encoder without training."""
    import cv2
    import numpy as np

    from cxrfactory.imaging.png import decode_png
    from cxrfactory.rca.reference import is_reference
    from cxrfactory.tables.parquet import read_table

    def shrink(image: np.ndarray) -> np.ndarray:
        return cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA).astype(np.float64).ravel()

    table = read_table(labelled, columns=["image_id", "png"]).sort_values("image_id")
    rows = [
        shrink(decode_png(png))
        for image_id, png in zip(table["image_id"], table["png"], strict=True)
        if is_reference(image_id, fraction)
    ]
    mean = np.mean(rows, axis=0)
    axes = np.linalg.svd(np.stack(rows) - mean, full_matrices=False)[2][:count]
    return lambda image: (axes @ (shrink(image) - mean)).astype(np.float32)


def main(
    output: Annotated[Path, typer.Option(help="Folder for table, summary and picture.")],
    images: Annotated[list[Path] | None, typer.Option(help="Image shard; repeat.")] = None,
    landmarks: Annotated[list[Path] | None, typer.Option(help="Landmark shard; repeat.")] = None,
    truth: Annotated[Path | None, typer.Option(help="Truth of the cohort.")] = None,
    reference: Annotated[Path | None, typer.Option(help="Reference set.")] = None,
    labelled: Annotated[Path | None, typer.Option(help="Preprocessed labelled images, in place of the above.")] = None,
    weights: Annotated[Path | None, typer.Option(help="Weights that encode the labelled images.")] = None,
    count: Annotated[int, typer.Option(help="Images.", min=2)] = 16,
    references: Annotated[int, typer.Option(help="References an image.", min=1)] = 5,
    fraction: Annotated[float, typer.Option(help="Share of labelled images that are references.")] = 0.8,
) -> None:
    from cxrfactory.anatomy.graph import landmark_graph
    from cxrfactory.errors import CxrError
    from cxrfactory.logs import setup
    from cxrfactory.rca.check import cases_of_labelled, cases_of_truth, run_check
    from cxrfactory.rca.reference import build_reference, encoder_of, is_reference, read_reference
    from cxrfactory.tables.atomic import write_text
    from cxrfactory.tables.parquet import read_table

    setup()
    if labelled is not None:
        if weights is None:
            encode, graph = pixel_components(labelled, fraction), landmark_graph("lungs-heart")
        else:
            encode, graph = encoder_of(weights)
        reference = output / "reference.parquet"
        build_reference(labelled, reference, encode, graph, fraction)
        table = read_table(labelled, columns=["image_id", "labels"]).sort_values("image_id")
        if "heart" in graph.organs:
            table = table[table["labels"] != "L"]
        ids = [each for each in table["image_id"] if not is_reference(each, fraction)][:count]
        cases = cases_of_labelled(labelled, encode, ids)
    elif images and landmarks and truth and reference:
        cases = cases_of_truth(images, landmarks, truth, count, read_reference(reference).size)
    else:
        raise CxrError("give --labelled, or all of --images, --landmarks, --truth and --reference")
    wall, cpu = time.perf_counter(), time.process_time()
    found = run_check(cases, reference, output, references)
    pairs = len(cases) * references
    found["wall_s_a_pair"] = (time.perf_counter() - wall) / pairs
    found["cpu_s_a_pair"] = (time.process_time() - cpu) / pairs
    write_text(output / "rca_check.json", json.dumps(found, indent=2) + "\n")
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    typer.run(main)
