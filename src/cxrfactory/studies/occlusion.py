"""Black boxes of growing size over the image: a landmark network against a U-Net (HybridGNet, figure 3)."""

from pathlib import Path

import numpy as np
import pandas as pd

from cxrfactory.config.paper_studies import StudyRunConfig
from cxrfactory.metrics.intervals import mean_interval
from cxrfactory.studies.finding import Finding, Sign, write_finding
from cxrfactory.studies.study import OUT, SUMMARY, Context, Inputs, Step, Study

NETWORKS = ("hybridgnet", "unet")
LARGEST = 512  # side of the largest box, pixels at 1024


def steps(context: Context) -> tuple[Step, ...]:
    """Train both networks, cover the images, and compare."""
    side = f"--input-size={context.side(128, 1024)}"
    epochs = {name: f"--epochs={context.network_epochs(name, 3000)}" for name in NETWORKS}
    trained = [context.train(name, f"--segmenter={name}", epochs[name], side) for name in NETWORKS]
    weights = tuple(f"--weights={{{name}}}/weights.safetensors" for name in NETWORKS)
    options = (f"--places={3 if context.small else 10}", f"--device={context.settings.device}")
    commands = tuple(
        ("audit", f"--labelled={table}", *weights, f"--output={OUT}/{place}", *options)
        for place, table in enumerate(context.tables)
    )
    boxes = [f"{{audit}}/{place}/occlusion_per_image.csv" for place in range(len(context.tables))]
    covered = Step("audit", commands, needs=NETWORKS)
    return (*trained, covered, context.part("occlusion", SUMMARY, {"boxes": boxes}))


def summarise(inputs: Inputs, output: Path, settings: StudyRunConfig) -> None:
    """Write the curve of each network, and the difference of their growth."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    boxes = pd.concat([pd.read_csv(path) for path in inputs["boxes"]])
    finite = boxes[np.isfinite(boxes["hd_px"])]
    by_image = finite.groupby(["model", "image_id", "box_px"])[["dice", "hd_px"]].mean()  # over organs and places
    table = by_image.groupby(["model", "box_px"]).mean().reset_index()
    growth = {
        name: by_image["hd_px"].xs(name).unstack("box_px").pipe(lambda wide: wide[LARGEST] - wide[0])
        for name in NETWORKS
    }
    both = pd.DataFrame(growth).dropna()
    apart = (both["unet"] - both["hybridgnet"]).to_numpy()
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for axis, column, label in zip(axes, ("hd_px", "dice"), ("Hausdorff distance (px of 1024)", "Dice"), strict=True):
        for name, rows in table.groupby("model"):
            axis.plot(rows["box_px"], rows[column], marker="o", label=name)
        axis.set(xlabel="side of the box (px of 1024)", ylabel=label)
    axes[0].legend()
    mean = both.mean()
    finding = Finding(
        f"with a box of half the side, the Hausdorff distance of HybridGNet grows by {mean['hybridgnet']:.1f} px, that "
        f"of the U-Net by {mean['unet']:.1f} px.",
        table,
        {"curves": figure},
        [
            Sign(
                "HybridGNet's Hausdorff distance grows more slowly than the U-Net's (px, U-Net less HybridGNet)",
                *mean_interval(apart, settings.seed),
                "above",
            )
        ],
        data=f"{len(both)} images of {', '.join(sorted(boxes['source'].unique()))}",
    )
    write_finding(STUDY, finding, output, settings)
    plt.close(figure)


STUDY = Study(
    "occlusion",
    "HybridGNet, figure 3 of the thesis' article",
    "Does a network of landmarks lose less than a U-Net when a black box hides a part of the image?",
    "the Hausdorff distance of U-Nets rises steeply with the box, that of HybridGNet slowly.",
    0.8,
    steps,
    {SUMMARY: "cxrfactory.studies.occlusion:summarise"},
)
