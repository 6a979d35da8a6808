"""Train the recipe of the packaged weights within a time limit on one GPU, and measure speed and accuracy.

    PYTHONPATH=src python benchmarks/one_gpu.py --labelled A.parquet --labelled B.parquet --output FOLDER \
        [--minutes 12] [--device cuda] [--most-epochs 24]

The tables are those of ``train`` (preprocessed, with the splits train and val). The script needs nothing beyond the
base installation, and runs from a folder of the checkout. ``--device cpu`` tries it without a GPU.

Each phase runs in a process of its own with its own time box, and its results are in ``FOLDER/one_gpu.json`` and
``FOLDER/one_gpu.md`` when it ends, also if it fails or its time is over:

machine     device, versions, memory
pilot       two epochs of a few images: the rate of training, from which the number of epochs follows
train       both runs of the recipe (docs/training.md) through ``train_segmenter``, as many epochs as fit
inference   images per second with 20 latent samples, in fp32 and bf16
agreement   landmarks of the device against the CPU in fp32, pixels at 1024
accuracy    Dice of lungs and heart and CTR on the validation images of each source, as ``study generalise-test``

The exit status is 0 only if all phases ran. Without weights of ``train``, the last three measure those of ``pilot``.
"""

import argparse
import json
import logging
import os
import platform
import resource
import subprocess
import sys
import time
from itertools import cycle, islice
from pathlib import Path

# Share of the time limit that each phase may use; training may use all that the phases before it leave.
SHARES = {"machine": 0.05, "pilot": 0.15, "train": 0.45, "inference": 0.1, "agreement": 0.08, "accuracy": 0.17}
KEPT_VAL = 4  # validation images of each table during training, which only needs some; `accuracy` takes them all
LEARN = "hybrid-unet", 256, "equalise"  # segmenter, input size, normalisation
FURTHER = ("right_whole_lung", "left_whole_lung", "heart_with_vessels")  # regions beside those of the graph
RECIPE = {
    **{"batch_size": 8, "weight_decay": 1e-4, "clip": 2.0, "dense_weight": 0.001, "rotation_degrees": 12.0},
    **{"scale": 0.25, "shift": 0.1, "gamma_high": 1.5, "appearance": 0.3, "elastic": 0.03, "anatomy": 0.4},
    **{"opacities": 0.3, "average": 0.995, "balance": "root", "validate_every": 10_000},
}
RUNS = ({"learning_rate": 2e-3, "kl_weight": 1e-7}, {"learning_rate": 5e-4, "kl_weight": 1e-5})
FIRST_SHARE = 20 / 24  # epochs of the first run in those of both
SAFETY = 0.85  # share of the time of training that its epochs are planned for
UNSHOWN = ("status", "error", "seconds", "seconds_allowed")
SIZE, SAMPLES, BATCHES = 1024, 20, (1, 8, 32)


def main():
    options = arguments()
    if options.phase:
        child(options)
        return
    folder = options.output
    folder.mkdir(parents=True, exist_ok=True)
    for name in SHARES:
        part(folder, name).unlink(missing_ok=True)
    limit, started = options.minutes * 60, time.monotonic()
    facts = {"minutes": options.minutes, "device": options.device, "phases": {}}
    for name in SHARES:
        later = sum(list(SHARES.values())[list(SHARES).index(name) + 1 :])
        left = limit - (time.monotonic() - started)
        box = max(1.0, left - later * limit if name == "train" else min(SHARES[name] * limit, left))
        without = "error" in facts["phases"].get("machine", {})  # without its device, no phase can run
        idle = {"status": "not started", "seconds": 0, "seconds_allowed": 0}
        facts["phases"][name] = idle if without else run_phase(name, box, options)
        facts["seconds"] = round(time.monotonic() - started, 1)
        write(folder / "one_gpu.json", json.dumps(facts, indent=2) + "\n")
        write(folder / "one_gpu.md", markdown(facts))
        print(name, facts["phases"][name]["status"], f"{facts['phases'][name]['seconds']} s", flush=True)
    print((folder / "one_gpu.md").read_text())
    for name, phase in facts["phases"].items():
        if "error" in phase:
            print(f"{name}: {phase['error']}", file=sys.stderr)
    sys.exit(0 if all(each["status"] == "done" for each in facts["phases"].values()) else 1)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--labelled", type=Path, action="append", required=True, help="labelled table; repeat")
    parser.add_argument("--output", type=Path, required=True, help="folder of the results")
    parser.add_argument("--minutes", type=float, default=12.0, help="time limit of all phases together")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--most-epochs", type=int, default=24, help="epochs of both runs together")
    parser.add_argument("--pilot-images", type=int, default=240, help="training images of the pilot")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of training")
    parser.add_argument("--phase", choices=SHARES, help=argparse.SUPPRESS)
    parser.add_argument("--until", type=float, help=argparse.SUPPRESS)
    return parser.parse_args()


def part(folder, name):
    return folder / f"phase-{name}.json"


def write(path, text):
    temporary = path.with_name(path.name + ".part")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def run_phase(name, box, options):
    """Run a phase in a child process; what it wrote counts, also if its time was over."""
    command = [
        sys.executable,
        str(Path(__file__).resolve()),
        *sys.argv[1:],
        "--phase",
        name,
        "--until",
        str(time.time() + box),
    ]
    started = time.monotonic()
    with (options.output / f"phase-{name}.log").open("w", encoding="utf-8") as log:
        try:
            code = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, timeout=box).returncode
            status = "done" if code == 0 else f"failed with status {code}, see phase-{name}.log"
        except subprocess.TimeoutExpired:
            status = "its time was over"
    found = json.loads(part(options.output, name).read_text()) if part(options.output, name).is_file() else {}
    return {"status": status, "seconds": round(time.monotonic() - started, 1), "seconds_allowed": round(box), **found}


def child(options):
    from cxrfactory.errors import CxrError
    from cxrfactory.logs import setup
    from cxrfactory.models.device import choose_device

    setup(logging.INFO)
    deadline = time.monotonic() + options.until - time.time()  # the start of the process counts
    found = {}

    def report(**values):
        found.update(values)
        write(part(options.output, options.phase), json.dumps(found | memory(options.device)))

    try:
        choose_device(options.device)
        PHASES[options.phase](options, deadline, report)
    except CxrError as error:
        report(error=str(error))
        sys.exit(f"error: {error}")


def memory(device):
    import torch

    peak = {"peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)}
    if device == "cuda" and torch.cuda.is_available():
        peak["peak_gpu_mb"] = round(torch.cuda.max_memory_allocated() / 2**20)
        peak["peak_gpu_reserved_mb"] = round(torch.cuda.max_memory_reserved() / 2**20)
    return peak


def machine(options, deadline, report):
    import torch

    import cxrfactory

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    facts = {"cxrfactory": cxrfactory.__version__, "torch": torch.__version__, "python": platform.python_version()}
    facts |= {"cores": cores, "processor": platform.machine()}
    if options.device == "cuda":
        properties = torch.cuda.get_device_properties(0)
        facts |= {"gpu": properties.name, "gpu_mb": properties.total_memory // 2**20, "cuda": torch.version.cuda}
    report(**facts)


def cut(options, count, folder):
    """Write tables with ``count`` training images in all (None for all) and few validation images each."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir(exist_ok=True)
    tables, regions, sources = [], set(), []
    for number, path in enumerate(options.labelled):
        table = pq.read_table(path)
        facts = table.select(["image_id", "split", "source", "labels"]).to_pandas().sort_values("image_id")
        drawn = table["regions"].to_pylist() if "regions" in table.column_names else [None] * len(table)
        names = [frozenset(each["name"] for each in own or []) for own in drawn]
        train, val = (facts.index[facts["split"] == split].to_numpy() for split in ("train", "val"))
        if count is not None:
            share = max(1, count // len(options.labelled))
            spread = train[np.unique(np.linspace(0, len(train) - 1, min(share, len(train))).astype(int))]
            train = np.union1d(spread, [next(row for row in train if name in names[row]) for name in
                                        sorted(set().union(*(names[row] for row in train)))]).astype(int)  # fmt: skip
        regions |= set().union(*(names[row] for row in train))
        if facts["labels"].loc[train].eq("W").any():
            regions |= {"right_whole_lung", "left_whole_lung"}
        sources += facts["source"].loc[train].tolist()
        tables.append(folder / f"table{number}.parquet")
        pq.write_table(table.take(pa.array(np.concatenate([train, val[:KEPT_VAL]]))), tables[-1], compression="NONE")
    return tables, [name for name in FURTHER if name in regions], sources


def settings_of(options, epochs, regions, run):
    from cxrfactory.config import ModelConfig, TrainConfig

    segmenter, side, normalise = LEARN
    model = ModelConfig(segmenter=segmenter, input_size=side, normalise=normalise, regions=regions)
    return model, TrainConfig(epochs=epochs, device=options.device, threads=options.threads, **RECIPE, **RUNS[run])


def learn(options, tables, regions, epochs, run, output, init=None):
    """Train one run; return the seconds of each epoch."""
    import pandas as pd
    import torch

    from cxrfactory.train.segmenter.run import train_segmenter

    torch.set_num_threads(options.threads)
    model, settings = settings_of(options, epochs, regions, run)
    history = output.with_suffix(".csv")
    device = torch.device(options.device)
    train_segmenter(tables, output, model, settings, device, history=history, resume=False, init=init)
    return pd.read_csv(history)["seconds"].tolist()


def drawn_in_epoch(sources):
    from cxrfactory.train.data.balance import balanced

    return len(balanced(sources, 0, 0, root=True))


def pilot(options, deadline, report):
    started = time.monotonic()
    tables, regions, sources = cut(options, options.pilot_images, options.output / "pilot")
    seconds = learn(options, tables, regions, 2, 0, options.output / "pilot.safetensors")
    drawn = drawn_in_epoch(sources)
    beside = time.monotonic() - started - sum(seconds)
    report(images=len(sources), drawn=drawn, images_per_s=drawn / seconds[-1], seconds_beside_epochs=beside)


def train(options, deadline, report):
    known = json.loads(part(options.output, "pilot").read_text())
    started = time.monotonic()
    tables, regions, sources = cut(options, None, options.output / "tables")
    drawn = drawn_in_epoch(sources)
    # Start and scoring cost what they did in the pilot; reading grows with the number of images.
    beside = known["seconds_beside_epochs"] + seconds_to_read(tables, len(sources) - known["images"])
    epoch = drawn / known["images_per_s"]
    left = deadline - time.monotonic()
    epochs = 0
    for runs in (2, 1):
        epochs = min(options.most_epochs, int(SAFETY * (left - runs * beside) / epoch))
        if epochs >= 2:
            break
    runs = runs if epochs >= 2 else 1
    first = max(1, round(epochs * FIRST_SHARE)) if runs == 2 else max(1, epochs)
    counts = [first, max(1, epochs - first)][:runs]
    report(images=len(sources), drawn=drawn, epochs_planned=counts, seconds_an_epoch_expected=epoch)
    spent, init = [], None
    for run, count in enumerate(counts):
        output = options.output / f"run{run + 1}.safetensors"
        spent.append(learn(options, tables, regions, count, run, output, init))
        init = output
        report(epochs=[len(each) for each in spent], seconds_of_epochs=sum(map(sum, spent)),
               images_per_s=drawn * sum(map(len, spent)) / sum(map(sum, spent)), weights=output.name,
               seconds_in_all=time.monotonic() - started)  # fmt: skip


def seconds_to_read(tables, images):
    """Estimate the time to decode and shrink so many images, from a few of the first table."""
    import pyarrow.parquet as pq

    from cxrfactory.imaging.drawing.png import decode_png
    from cxrfactory.models.inputs import to_input

    pngs = pq.read_table(tables[0], columns=["png"])["png"][:8].to_pylist()
    started = time.monotonic()
    for png in pngs:
        to_input(decode_png(png), LEARN[1])
    return max(0, images) * (time.monotonic() - started) / len(pngs)


def weights_of(options):
    for name in ("run2", "run1", "pilot"):
        path = options.output / f"{name}.safetensors"
        if path.is_file():
            return path
    sys.exit("no weights: neither train nor pilot ended")


def opened(options, device, precision):
    from cxrfactory.models.segmenter import Segmenter
    from cxrfactory.tables.weights import read_weights

    return Segmenter(*read_weights(weights_of(options)), device, "weights", SAMPLES, precision)


def validation_pngs(options, count):
    """Return up to ``count`` PNGs of validation images, evenly from all tables."""
    import pyarrow.parquet as pq

    found = []
    for path in options.labelled:
        table = pq.read_table(path, columns=["split", "png"], filters=[("split", "==", "val")])
        found.append(table["png"][: -(-count // len(options.labelled))].to_pylist())
    return [png for pngs in found for png in pngs][:count]


def inference(options, deadline, report):
    import numpy as np

    from cxrfactory.imaging.drawing.png import decode_png

    pngs = validation_pngs(options, 64)
    pictures = [decode_png(png) for png in pngs]
    cores = len(os.sched_getaffinity(0)) if options.device == "cuda" else 1
    plans = [(precision, batch) for precision in ("fp32", "bf16") for batch in BATCHES[: None if cores > 1 else 1]]
    each = 0.6 * (deadline - time.monotonic()) / (2 * len(plans))
    rates, network, precision_now = {}, None, None
    for precision, batch in plans:
        if precision != precision_now:
            network, precision_now = opened(options, options.device, precision), precision

        def from_png(batch=batch, network=network):
            stream = ((f"image{number}", png) for number, png in enumerate(cycle(pngs)))
            yield from (1 for _ in network.run(stream, SIZE, batch_size=batch, workers=cores, load=decode_png))

        def from_memory(batch=batch, network=network):
            numbers = cycle(range(len(pictures)))
            while True:
                chosen = list(islice(numbers, batch))
                network.predict(np.stack([pictures[one] for one in chosen]), [f"image{one}" for one in chosen], SIZE)
                yield batch

        rates[f"{precision}, batch {batch}"] = {
            "png_images_per_s": rate(from_png(), each, 2 * batch),
            "memory_images_per_s": rate(from_memory(), each, 2 * batch),
        }
        report(images_per_s=rates, images=len(pngs), threads=cores, samples=SAMPLES)


def rate(counts, seconds, warm):
    """Count the images of a stream for so long, after the first ``warm`` images."""
    done = 0
    while done < warm:
        done += next(counts)
    started, done = time.monotonic(), 0
    while done == 0 or time.monotonic() - started < seconds:
        done += next(counts)
    spent = time.monotonic() - started
    counts.close()
    return done / spent


def agreement(options, deadline, report):
    import numpy as np

    from cxrfactory.imaging.drawing.png import decode_png

    enough = time.monotonic() + 0.6 * (deadline - time.monotonic())
    truth = opened(options, "cpu", "fp32")
    others = {f"{options.device} {precision}": opened(options, options.device, precision) for precision in
              ("fp32", "bf16")}  # fmt: skip
    apart = {name: [] for name in others}
    for number, png in enumerate(validation_pngs(options, 64)):
        if number and time.monotonic() > enough:
            break
        picture, image_id = decode_png(png)[None], [f"image{number}"]
        right = truth.predict(picture, image_id, SIZE)[0].landmarks
        for name, network in others.items():
            found = network.predict(picture, image_id, SIZE)[0].landmarks
            apart[name].append(np.linalg.norm(found - right, axis=1))
        report(images=number + 1, px_at_1024={name: distances(each) for name, each in apart.items()})


def distances(values):
    import numpy as np

    flat = np.concatenate(values)
    return {"mean": float(flat.mean()), "p99": float(np.quantile(flat, 0.99)), "max": float(flat.max())}


def accuracy(options, deadline, report):
    import pyarrow.parquet as pq

    from cxrfactory.config.generalise import GeneraliseTestConfig
    from cxrfactory.errors import CxrError
    from cxrfactory.evaluate.generalise.summary import SEEN, summarise
    from cxrfactory.evaluate.generalise.testing import measure_model

    tables = {}
    for path in options.labelled:
        for source in pq.read_table(path, columns=["source"])["source"].unique().to_pylist():
            tables.setdefault(source, []).append(path)
    settings, found = GeneraliseTestConfig(device=options.device, samples=0, worst=0), {}
    for source, paths in tables.items():
        output = options.output / "accuracy" / source
        try:
            images = measure_model(paths, weights_of(options), output, settings, [source], without_sources=[])
        except CxrError as error:
            found[source] = {"error": str(error)}
        else:
            table = summarise(images)
            table = table[(table["source"] == source) & (table["group"] == SEEN)]
            columns = ["images", "dice_mean", "dice_p05", "hd95_px_mean", "ctr_r", "ctr_mae"]
            rows = table.set_index("organ")[columns].to_dict("index")
            found[source] = {organ: {name: value for name, value in row.items() if value == value}
                             for organ, row in rows.items()}  # fmt: skip
        report(weights=weights_of(options).name, sources=found)


PHASES = {each.__name__: each for each in (machine, pilot, train, inference, agreement, accuracy)}


def markdown(facts):
    """Return the log for people."""
    lines = [f"# One GPU: {facts['minutes']:g} minutes on {facts['device']}", ""]
    lines += ["| phase | status | seconds (allowed) | peak memory, MB |", "| --- | --- | --- | --- |"]
    for name, phase in facts["phases"].items():
        peak = f"{phase.get('peak_rss_mb', '')}" + (f", GPU {phase['peak_gpu_mb']}" if "peak_gpu_mb" in phase else "")
        lines.append(f"| {name} | {phase['status']} | {phase['seconds']} ({phase['seconds_allowed']}) | {peak} |")
    phases = facts["phases"]
    about = {
        name: value for name, value in phases.get("machine", {}).items() if name not in UNSHOWN and "peak" not in name
    }
    lines += ["", "; ".join(f"{name} {value}" for name, value in about.items()), ""]
    for name in ("pilot", "train"):
        if "images_per_s" in (phase := phases.get(name, {})):
            epochs = f", epochs {phase['epochs']}, weights {phase['weights']}" if "epochs" in phase else ""
            lines.append(f"- {name}: {phase['images_per_s']:.1f} images/s, {phase['drawn']} in an epoch{epochs}")
    for name, value in phases.get("inference", {}).get("images_per_s", {}).items():
        lines.append(f"- inference, {name}: {value['png_images_per_s']:.1f} images/s from PNG, "
                     f"{value['memory_images_per_s']:.1f} from memory")  # fmt: skip
    for name, value in phases.get("agreement", {}).get("px_at_1024", {}).items():
        lines.append(f"- landmarks, {name} against cpu fp32: mean {value['mean']:.3f} px, 99 % {value['p99']:.3f}, "
                     f"max {value['max']:.3f}")  # fmt: skip
    if "sources" in phases.get("accuracy", {}):
        lines += [
            "",
            "| source | organ | images | Dice: mean, 5 % | CTR: r, mean error |",
            "| --- | --- | --- | --- | --- |",
        ]
    for source, organs in phases.get("accuracy", {}).get("sources", {}).items():
        for organ, row in organs.items() if "error" not in organs else ():
            dice = f"{row['dice_mean']:.3f}, {row['dice_p05']:.3f}" if "dice_mean" in row else ""
            ctr = f"{row.get('ctr_r', float('nan')):.3f}, {row['ctr_mae']:.3f}" if "ctr_mae" in row else ""
            lines.append(f"| {source} | {organ} | {row['images']} | {dice} | {ctr} |")
        if "error" in organs:
            lines.append(f"| {source} | {organs['error']} | | | |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
