"""Rates at which RCA flags pictures that are not frontal chest radiographs, by kind of picture.

    python benchmarks/rca_foreign.py --labelled TABLE --split val --weights W --reference REF --output DIR \
        [--pictures lateral=FOLDER] [--pictures photo=FOLDER] [--calibration C]

Every picture is processed as an image of the workflow: the network predicts landmarks, and RCA scores their masks. The
threshold is the score that 99 % of the unchanged images' masks with a true Dice of 0.9 or more reach. A picture is
flagged if its score is below the threshold or RCA rejects it. With a calibration, the lower end of the interval is
treated in the same way.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer

SIDE = 512
GOOD = 0.9
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif")
Picture = np.ndarray


def phone(image: Picture) -> Picture:
    """Imitate a photograph of a film on a light box: perspective, a reflection and a grey surrounding."""
    n = SIDE
    corners = np.float32([[60, 90], [440, 50], [470, 430], [40, 460]])
    whole = np.float32([[0, 0], [n, 0], [n, n], [0, n]])
    seen = cv2.warpPerspective(image, cv2.getPerspectiveTransform(whole, corners), (n, n), borderValue=140)
    rows, columns = np.mgrid[:n, :n]
    return np.clip(seen + 120 * np.exp(-((columns - 330) ** 2 + (rows - 180) ** 2) / 8000), 0, 255).astype(np.uint8)


def part(top: int, left: int) -> Callable[[Picture], Picture]:
    """Return a function that enlarges a quarter of the picture."""
    half = SIDE // 2
    return lambda image: cv2.resize(image[top : top + half, left : left + half], (SIDE, SIDE))


CHANGES: dict[str, Callable[[Picture], Picture]] = {
    "rotated 90": lambda image: np.rot90(image).copy(),
    "rotated 180": lambda image: image[::-1, ::-1].copy(),
    "rotated 270": lambda image: np.rot90(image, 3).copy(),
    "inverted": lambda image: 255 - image,
    "cropped, upper quarter": part(0, 0),
    "cropped, middle": part(SIDE // 4, SIDE // 4),
    "mirrored": lambda image: image[:, ::-1].copy(),
    "phone photo": phone,
}


def made_up(count: int) -> Iterator[tuple[str, Picture]]:
    """Yield synthetic pictures without anatomy, by name."""
    rng = np.random.default_rng(0)
    for number in range(count):
        yield "noise", rng.integers(0, 256, (SIDE, SIDE)).astype(np.uint8)
        smooth = cv2.GaussianBlur(rng.normal(size=(SIDE, SIDE)), (0, 0), SIDE / 25)
        yield "smooth noise", cv2.normalize(smooth, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
        yield "blank", np.full((SIDE, SIDE), 255 * number // max(count - 1, 1), np.uint8)
    ramp = np.linspace(0, 255, SIDE).astype(np.uint8)
    yield "gradient", np.tile(ramp, (SIDE, 1))
    yield "gradient", np.tile(ramp[:, None], (1, SIDE))


def pictures_of(folder: Path) -> Iterator[Picture]:
    """Yield the pictures of a folder, in grey and padded to a square."""
    for path in sorted(folder.iterdir()):
        image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) if path.suffix.lower() in SUFFIXES else None
        if image is not None:
            side = max(image.shape)
            square = np.zeros((side, side), np.uint8)
            top, left = (side - image.shape[0]) // 2, (side - image.shape[1]) // 2
            square[top : top + image.shape[0], left : left + image.shape[1]] = image
            yield cv2.resize(square, (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def main(
    labelled: Annotated[Path, typer.Option(help="Preprocessed labelled images.")],
    weights: Annotated[str, typer.Option(help="Landmark model.")],
    reference: Annotated[Path, typer.Option(help="Reference set of that model.")],
    output: Annotated[Path, typer.Option(help="Folder for foreign.csv and foreign.json.")],
    split: Annotated[str, typer.Option(help="Split of the labelled images.")] = "val",
    pictures: Annotated[list[str] | None, typer.Option(help="KIND=FOLDER of further pictures; repeat.")] = None,
    calibration: Annotated[Path | None, typer.Option(help="Of rca-calibrate.")] = None,
    network: Annotated[str, typer.Option(help="Registration network.")] = "pretrained-registration",
    method: Annotated[str, typer.Option(help="deep or classical.")] = "deep",
    made: Annotated[int, typer.Option(help="Pictures of each made-up kind.")] = 20,
) -> None:
    import pandas as pd

    from cxrfactory.anatomy.graph import graph_of_nodes
    from cxrfactory.config.rca import AlignerConfig
    from cxrfactory.errors import ImageError
    from cxrfactory.imaging.drawing.png import decode_png
    from cxrfactory.metrics.conformal import Conformal
    from cxrfactory.models.segmenter import Segmenter
    from cxrfactory.rca.agreement import threshold_keeping
    from cxrfactory.rca.aligners import build_aligner
    from cxrfactory.rca.check import true_dice
    from cxrfactory.rca.labels import label_codes
    from cxrfactory.rca.reference import read_reference
    from cxrfactory.rca.score import resized, score_aligned, select_references
    from cxrfactory.tables.calibration import read_calibration
    from cxrfactory.tables.parquet import read_table
    from cxrfactory.tables.weights import read_weights

    known, aligner = read_reference(reference), build_aligner(AlignerConfig(method=method, network=network))
    predictor = Segmenter(*read_weights(weights), samples=2)
    interval = None
    if calibration is not None:
        fitted = read_calibration(calibration)
        interval = (Conformal.from_dict(fitted.models["both"]), fitted.features)

    def scored(kind: str, name: str, image: Picture, truth: np.ndarray | None = None) -> dict[str, object]:
        found = predictor.predict(image[None], [name], known.size)[0]
        chosen = select_references(found.latent, known.latents, known.ids, 5, exclude=name)
        atlas = [known.references[position] for position in chosen]
        row: dict[str, object] = {"kind": kind, "image_id": name}
        try:
            aligned = aligner.align(resized(image, known.size), atlas)
        except ImageError as error:
            return row | {"rejected": str(error)}
        codes = label_codes(found.landmarks, predictor.graph, known.size, known.size)
        score = score_aligned(codes, known.has_heart, aligned, atlas).as_row()
        score.pop("references")
        if truth is not None:
            row["true_dice"] = true_dice(codes, truth, known.has_heart)["true_dice"]
        if interval is not None:
            features = np.array([[score[f"dice_rca_{each}"] for each in interval[1]]])
            row["dice_low"] = float(interval[0].interval(features)[0][1])
        return row | score

    table = read_table(labelled, columns=["image_id", "png", "landmarks", "size", "split"])
    rows = []
    for each in table[table["split"] == split].sort_values("image_id").to_dict("records"):
        points = np.asarray(each["landmarks"], np.float64).reshape(-1, 2)
        image = resized(decode_png(each["png"]), SIDE)
        truth = label_codes(points, graph_of_nodes(len(points)), each["size"], known.size)
        rows.append(scored("as it is", each["image_id"], image, truth))
        rows += [scored(kind, each["image_id"], change(image)) for kind, change in CHANGES.items()]
    rows += [scored(kind, f"{kind} {number}", image) for number, (kind, image) in enumerate(made_up(made))]
    for option in pictures or []:
        kind, folder = option.split("=", 1)
        rows += [scored(kind, f"{kind} {number}", image) for number, image in enumerate(pictures_of(Path(folder)))]
    frame = pd.DataFrame(rows)
    good = frame[(frame["kind"] == "as it is") & (frame["true_dice"] >= GOOD)]
    summary = {}
    for column in ("dice_rca_mean", "dice_low"):
        if column in frame:
            limit = threshold_keeping(good[column].to_numpy())
            flagged = ~(frame[column] >= limit)  # a rejected picture has no score (NaN), and is therefore flagged
            rates = flagged.groupby(frame["kind"]).mean()
            summary[column] = {"threshold": limit, "good_masks": len(good), "flagged": rates.to_dict()}
    summary["pictures"] = frame["kind"].value_counts().to_dict()
    output.mkdir(parents=True, exist_ok=True)
    frame.to_csv(output / "foreign.csv", index=False, float_format="%.5f")
    (output / "foreign.json").write_text(json.dumps(summary, indent=2) + "\n")
    print(json.dumps(summary, indent=2))


if __name__ == "__main__":
    typer.run(main)
