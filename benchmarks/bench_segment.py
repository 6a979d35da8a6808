"""CPU time of each step from a film's file to its row, with the weights of the package, on one core.

    python benchmarks/bench_segment.py FOLDER [--count 16] [--rounds 3]

FOLDER holds radiographs that the command ``segment`` reads. Each step runs on all films before the next one; a figure
is the best of the rounds, in CPU time, so that other work on the machine counts little. The images per second are those
of one core; films are independent of each other, so two cores process twice as many.
"""

import time
from pathlib import Path
from typing import Annotated

import typer


def main(
    folder: Annotated[Path, typer.Argument(help="Folder of radiographs.")],
    count: Annotated[int, typer.Option(help="Number of films.")] = 16,
    rounds: Annotated[int, typer.Option(help="Number of rounds.")] = 3,
    precision: Annotated[str, typer.Option(help="Precision of the convolutions: fp32 or bf16.")] = "fp32",
) -> None:
    started = time.process_time()
    import cv2
    import torch

    from cxrfactory.imaging.drawing.png import decode_png, encode_png
    from cxrfactory.imaging.radiograph.prepare import Preparation, prepare
    from cxrfactory.imaging.radiograph.reading import read_radiograph
    from cxrfactory.infer import segment
    from cxrfactory.infer.upright import odds_of
    from cxrfactory.models.segmenter import Segmenter
    from cxrfactory.rca.judge import QualityJudge
    from cxrfactory.tables.weights import read_weights

    imported = time.process_time()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    tensors, card = read_weights("pretrained")
    segmenter = Segmenter(tensors, card, samples=20, precision=precision)
    judge, odds = QualityJudge(segmenter, card, "pretrained", 2), odds_of(True)
    opened = time.process_time()

    paths = sorted(path for path in folder.iterdir() if path.is_file())[:count]
    spent: dict[str, list[float]] = {}

    def step(name, work, *columns):
        begun = time.process_time()
        found = [work(*row) for row in zip(*columns, strict=True)]
        spent.setdefault(name, []).append((time.process_time() - begun) / len(paths))
        return found

    def row(path, geometry, prediction, quality):
        done = segment.Segmented(path.stem, geometry, prediction, quality)
        return segment._row(done, segmenter.graph, None), segment._deviations(done)

    for _ in range(rounds + 1):
        radiographs = step("read the file", read_radiograph, paths)
        prepared = step("prepare", lambda each: prepare(each, Preparation()), radiographs)
        images, geometries = zip(*prepared, strict=True)
        step("orientation", odds, images)
        predict = lambda image, path: segmenter.predict(image[None], [path.stem], len(image))[0]  # noqa: E731
        predictions = step("landmarks, samples, evidence", predict, images, paths)
        ids = [path.stem for path in paths]
        qualities = step("quality", judge, images, geometries, predictions, ids)
        step("row", row, paths, geometries, predictions, qualities)
        step("decode an image of a shard", decode_png, [encode_png(image) for image in images])
    best = {name: min(values[1:]) * 1000 for name, values in spent.items()}  # the first round warms up
    print(f"start: imports {imported - started:.2f} s, weights and references {opened - imported:.2f} s")
    for name, value in best.items():
        print(f"{name:30} {value:6.1f} ms")
    shard = best.pop("decode an image of a shard")
    film, infer = sum(best.values()), shard + best["landmarks, samples, evidence"]
    print(f"segment, one film {film:18.1f} ms   {1000 / film:5.1f} films/s and core")
    print(f"stage infer, one image {infer:13.1f} ms   {1000 / infer:5.1f} images/s and core")


if __name__ == "__main__":
    typer.run(main)
