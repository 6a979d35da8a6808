"""Train a network of all structures of projected CT within a time limit on one GPU, and measure speed and accuracy.

    PYTHONPATH=src python benchmarks/one_gpu_anatomy.py --labelled virtual-anatomy.parquet --output FOLDER \
        [--minutes 12] [--device cuda] [--segmenter unet] [--side 256] [--views PA] [--most-epochs 200]

The tables are those of ``label projections`` (or others with many drawn regions), with the splits train and val. The
script needs nothing beyond the base installation, and runs from a folder of the checkout. ``--device cpu`` tries it
without a GPU.

``FOLDER/one_gpu_anatomy.json`` holds after each phase what is known so far: the machine; images per second of two pilot
epochs, from which the number of epochs follows; images per second of the training and its peak of GPU memory; and the
Dice on the validation images, as a mean over all structures, by group and for each structure.
"""

import argparse
import json
import platform
import re
import time
from pathlib import Path

import numpy as np
import torch

# Words of a region's name -> its group in the table of results; the first that fits counts.
GROUPS = {
    "ribs": r"_rib_",
    "vertebrae": r"vertebrae",
    "lobes": r"_lobe$",
    "clavicles": r"clavicle",
    "heart": r"^heart$",
}
RECIPE = {
    **{"loss": "batch-dice-cross-entropy", "learning_rate": 3e-3, "weight_decay": 1e-4, "rotation_degrees": 8.0},
    **{"scale": 0.25, "shift": 0.1, "appearance": 0.3, "elastic": 0.02, "validate_every": 10_000, "average": 0.99},
}
PILOT_EPOCHS, RESERVE, SAFETY = 2, 0.12, 0.85  # shares of the limit for measuring, and of the rest for training


def main():
    options = arguments()
    options.output.mkdir(parents=True, exist_ok=True)
    started, limit, facts = time.monotonic(), 60 * options.minutes, {}

    def report(**found):
        facts.update(found, seconds=round(time.monotonic() - started, 1))
        temporary = options.output / "one_gpu_anatomy.json.part"
        temporary.write_text(json.dumps(facts, indent=2) + "\n")
        temporary.replace(options.output / "one_gpu_anatomy.json")

    report(machine=machine(options))
    pilot = learn(options, PILOT_EPOCHS, "pilot")
    report(pilot=pilot)
    epoch, beside = pilot["seconds_of_epochs"][-1], pilot["seconds"] - sum(pilot["seconds_of_epochs"])
    left = limit * (1 - RESERVE) - (time.monotonic() - started) - beside
    epochs = int(min(options.most_epochs, max(1, SAFETY * left / epoch)))
    print(f"pilot: {pilot['images_per_s']:.1f} images/s; {epochs} epochs fit", flush=True)
    training = learn(options, epochs, "weights")
    report(train=training)
    report(dice=accuracy(options.output / "weights.json"))
    print(json.dumps({"images_per_s": training["images_per_s"], **facts["dice"]["groups"]}), flush=True)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labelled", type=Path, action="append", required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=12)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--segmenter", default="unet")
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--views", nargs="*", default=[])
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--most-epochs", type=int, default=200)
    return parser.parse_args()


def machine(options):
    cuda = options.device == "cuda"
    name = torch.cuda.get_device_name() if cuda else platform.processor() or platform.machine()
    return {"device": name, "torch": torch.__version__, "python": platform.python_version()}


def learn(options, epochs, name):
    """Train so many epochs; return rates, seconds and memory."""
    import pandas as pd

    from cxrfactory.config import ModelConfig, TrainConfig
    from cxrfactory.train.segmenter.run import train_segmenter

    torch.set_num_threads(options.threads)
    model = ModelConfig(segmenter=options.segmenter, input_size=options.side, normalise="equalise", organs=["all"])
    settings = TrainConfig(epochs=epochs, batch_size=options.batch, threads=options.threads, **RECIPE)
    output, history = options.output / f"{name}.safetensors", options.output / f"{name}.csv"
    started, device = time.monotonic(), torch.device(options.device)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    train_segmenter(options.labelled, output, model, settings, device, history, resume=False, views=options.views)
    card, seconds = json.loads(output.with_suffix(".json").read_text()), pd.read_csv(history)["seconds"].tolist()
    rate = card["data"]["train"] * max(1, len(seconds) - 1) / sum(seconds[1:] or seconds)
    found = {"images": card["data"]["train"], "regions": len(card["settings"]["organs"]), "images_per_s": rate,
             "epochs": epochs, "seconds_of_epochs": seconds, "seconds": time.monotonic() - started}  # fmt: skip
    if device.type == "cuda":
        found["peak_gpu_mb"] = torch.cuda.max_memory_allocated() / 2**20
    return found


def accuracy(card):
    """Return the Dice of the validation images from the card: mean, by group, and for each structure."""
    found = {organ: values["dice"] for organ, values in json.loads(card.read_text())["metrics"]["val"].items()}
    groups = {"all": found}
    for group, words in GROUPS.items():
        groups[group] = {organ: value for organ, value in found.items() if re.search(words, organ)}
    means = {f"dice_{group}": float(np.mean(list(each.values()))) for group, each in groups.items() if each}
    return {"groups": means, "structures": found}


if __name__ == "__main__":
    main()
