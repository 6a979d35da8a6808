"""Train the small network of the orientation check, or that of the sides, and write its weights with their card.

    python benchmarks/train_orientation.py --labelled JSRT.parquet --labelled V7.parquet --labelled VIRTUAL.parquet \
        --films SHENZHEN --output src/cxrfactory/pretrained/orientation.safetensors
    python benchmarks/train_orientation.py --sides --steps 6000 ... --output src/cxrfactory/pretrained/sides.safetensors

The tables are those that ``train`` takes; their images of the split ``train`` are used. A folder of films adds the
upright frontal films whose names a hash puts into training. The four orientations of every image compete, so one
image teaches what is upright and what is turned. With ``--sides``, an image competes with its mirror image. Images are
moved, rotated by up to 15 degrees, scaled, squashed, mirrored (for the orientation), inverted, recoloured and covered
in part. Training runs on one thread with fixed seeds.
"""

import json
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer

from cxrfactory.models.orientation import DRAWN_SIZE as DRAWN

HELD_OUT = 0.5  # share of the films of a folder that are not used


def main(
    output: Annotated[Path, typer.Option(help="Weights to write (.safetensors).")],
    labelled: Annotated[list[Path], typer.Option(help="Preprocessed labelled images; repeat.")],
    films: Annotated[list[Path], typer.Option(help="Folder of upright frontal films; repeat.")],
    sides: Annotated[bool, typer.Option("--sides", help="Train the network of the sides.")] = False,
    facts: Annotated[Path | None, typer.Option(help="JSON with further entries of the card.")] = None,
    steps: Annotated[int, typer.Option(help="Number of steps.")] = 3000,
    batch: Annotated[int, typer.Option(help="Images in a step.")] = 32,
    rate: Annotated[float, typer.Option(help="Largest learning rate.")] = 2e-3,
) -> None:
    import torch
    from torch.nn import functional

    from cxrfactory.models.orientation import ORIENTATION, SIDES, OrientationNet, SideNet
    from cxrfactory.tables.weights import write_weights

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    images, counts = _images(labelled, films)
    network = SideNet() if sides else OrientationNet()
    optimiser = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps)
    averaged = torch.optim.swa_utils.AveragedModel(
        network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.998)
    )
    first = torch.zeros(batch, dtype=torch.long)  # the image as it is, of all versions
    total = 0.0
    for step in range(1, steps + 1):
        chosen = rng.integers(len(images), size=batch)
        varied = np.stack([vary(images[each], network.input_size, rng, mirror=not sides) for each in chosen])
        logits = network(torch.from_numpy(varied)[:, None])
        loss = functional.cross_entropy(logits, first, label_smoothing=0.01)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        averaged.update_parameters(network)
        total += loss.item()
        if step % 200 == 0:
            print(step, round(total / 200, 4), flush=True)
            total = 0.0
    tensors = {name: value.numpy() for name, value in averaged.module.state_dict().items()}
    card = {
        "segmenter": SIDES if sides else ORIENTATION,
        "settings": network.settings(),
        "normalisation": "8-bit grey / 255; ranks within the image, polarity as it is",
        "data": {"images": counts},
        "metrics": {"last_loss": round(loss.item(), 4)},
        "training": {"steps": steps, "batch_size": batch, "learning_rate": rate, "seed": 0, "threads": 1},
    }
    write_weights(output, tensors, card | (json.loads(facts.read_text()) if facts else {}))


def _images(labelled: list[Path], films: list[Path]) -> tuple[list[np.ndarray], dict[str, int]]:
    from cxrfactory.errors import ImageError
    from cxrfactory.imaging.drawing.png import decode_png
    from cxrfactory.imaging.radiograph.prepare import Preparation, prepare
    from cxrfactory.imaging.radiograph.reading import read_radiograph
    from cxrfactory.rca.score import resized
    from cxrfactory.tables.keys import put_aside
    from cxrfactory.tables.parquet import read_table

    images, counts = [], {}
    for path in labelled:
        table = read_table(path, columns=["png", "source", "split"])
        table = table[table["split"] == "train"]
        images += [resized(decode_png(png), DRAWN) for png in table["png"]]
        counts[str(table["source"].iloc[0])] = len(table)
    for folder in films:
        taken = [each for each in sorted(folder.rglob("*")) if each.is_file()]
        taken = [each for each in taken if not put_aside(each.stem, ORIENTATION_SPLIT, HELD_OUT)]
        before = len(images)
        for each in taken:
            try:
                images.append(resized(prepare(read_radiograph(each), Preparation())[0], DRAWN))
            except ImageError as error:
                print(f"left out {each.name}: {error}")
        counts[folder.parent.name] = len(images) - before
    return images, counts


ORIENTATION_SPLIT = "orientation"


def vary(image: np.ndarray, side: int, rng: np.random.Generator, mirror: bool = True) -> np.ndarray:
    """Return an image at the network's side, changed at random, as float32 in [0, 1]."""
    angle = np.radians(rng.uniform(-15, 15))
    scale = np.exp(rng.uniform(-0.3, 0.3))
    squash = np.exp(rng.uniform(-0.3, 0.3) / 2)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = (
        turn @ np.diag([scale * squash * (rng.choice([-1, 1]) if mirror else 1), scale / squash]) * (2 * side / DRAWN)
    )
    shift = side + rng.uniform(-0.15, 0.15, 2) * 2 * side - matrix @ [DRAWN / 2, DRAWN / 2]
    border = cv2.BORDER_REPLICATE if rng.random() < 0.3 else cv2.BORDER_CONSTANT
    twice = cv2.warpAffine(
        image, np.column_stack([matrix, shift]), (2 * side, 2 * side), flags=cv2.INTER_AREA, borderMode=border
    )
    values = cv2.resize(twice.astype(np.float32), (side, side), interpolation=cv2.INTER_AREA) / 255
    values = values ** np.exp(rng.uniform(-0.5, 0.5))
    if rng.random() < 0.3:
        values = np.clip((values - rng.uniform(0, 0.4)) / rng.uniform(0.3, 0.8), 0, 1)
    if rng.random() < 0.3:
        values += rng.normal(0, rng.uniform(0, 0.06), values.shape)
    for _ in range(rng.integers(0, 3)):
        top, left = rng.integers(0, side, 2)
        high, wide = rng.integers(2, side // 3, 2)
        values[top : top + high, left : left + wide] = rng.choice([0, 1, rng.random()])
    if rng.random() < 0.25:
        values = 1 - values
    return np.ascontiguousarray(values.clip(0, 1), dtype=np.float32)


if __name__ == "__main__":
    typer.run(main)
