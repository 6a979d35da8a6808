"""Landmarks from masks (HybridGNet, table 3 of the article): networks that read masks, and our method on contours."""

from pathlib import Path

import numpy as np
import pandas as pd

from cxrfactory.anatomy.graph import graph_of_labels, landmark_graph
from cxrfactory.anatomy.organs import HEART, LUNGS
from cxrfactory.config.paper_studies import StudyRunConfig
from cxrfactory.errors import CxrError
from cxrfactory.logs import get_logger
from cxrfactory.metrics.distance import hausdorff
from cxrfactory.metrics.landmarks import PAPER_SIZE_PX, landmark_mse
from cxrfactory.metrics.overlap import dice
from cxrfactory.studies.finding import Finding, write_finding
from cxrfactory.studies.labelled_tables import read_tables, write_labelled
from cxrfactory.studies.model_tables import (
    ATLAS,
    MSE,
    NONE,
    ONE,
    TWO,
    compared,
    difference,
    evaluation,
    images_in_words,
    landmark_trainings,
    mean_in,
    plot_models,
    read_measures,
    wilcoxon,
)
from cxrfactory.studies.requirement import Requirement
from cxrfactory.studies.study import OUT, SUMMARY, Context, Inputs, Step, Study
from cxrfactory.tables.keys import put_aside

GRAPH = "lungs-heart"
GREY = {"right_lung": 127, "left_lung": 127, "heart": 255}  # grey values of the picture of the masks
OWN, OWN_UNSEEN = "mask-to-landmarks", "mask-to-landmarks, unseen"
# The fifth of the patients of the public landmark set that train-mask-landmarks never learns from.
SET_ASIDE = ("mask-landmarks", 0.2)
MODELS = ("pca", "fc", ATLAS, NONE, ONE, TWO, OWN, OWN_UNSEEN)
_COLUMNS = (MSE, "dice_lungs", "hd_lungs_mm", "dice_heart", "hd_heart_mm")
# Table 3 of the article: mean and standard deviation on the 51 test images of JSRT, HD in mm.
PAPER = {
    model: dict(zip(_COLUMNS, row, strict=True))
    for model, row in {
        "pca": ((77.2, 133.7), (0.978, 0.009), (6.02, 3.46), (0.97, 0.007), (4.37, 1.61)),
        "fc": ((105.3, 173.2), (0.970, 0.014), (7.82, 3.96), (0.96, 0.014), (5.78, 2.94)),
        ATLAS: ((236.3, 244.8), (0.991, 0.004), (10.98, 8.53), (0.99, 0.006), (4.64, 2.48)),
        NONE: ((96.9, 145.0), (0.970, 0.009), (7.65, 3.75), (0.96, 0.013), (6.02, 2.77)),
        ONE: ((70.5, 144.9), (0.983, 0.005), (5.54, 5.30), (0.97, 0.011), (4.02, 2.24)),
        TWO: ((55.1, 113.4), (0.991, 0.003), (3.92, 4.42), (0.99, 0.005), (2.58, 1.59)),
    }.items()
}

log = get_logger(__name__)


def steps(context: Context) -> tuple[Step, ...]:
    """Draw the masks, train all networks on them, place landmarks by our own method, and compare."""
    name = "masks-to-landmarks"
    masks = context.part(name, "masks", {"tables": context.tables})
    labelled = ("{masks}/labelled.parquet",)
    # A mask has no tone and no noise.
    plain = ("--appearance=0", "--gamma-low=1", "--gamma-high=1")
    trained = landmark_trainings(context, *plain, labelled=labelled, needs=("masks",))
    measured = evaluation(context, [step.name for step in trained], labelled=labelled, needs=("masks",))
    placed = Step("placed", (("mask-to-landmarks", *labelled, f"--output={OUT}/labelled.parquet"),), ("masks",))
    own = context.part(name, "own", {"truth": labelled, "found": ["{placed}/labelled.parquet"]})
    inputs = {"evaluations": ["{evaluation}", "{own}"], "tables": labelled}
    return (masks, *trained, measured, placed, own, context.part(name, SUMMARY, inputs))


def draw_masks(inputs: Inputs, output: Path, settings: StudyRunConfig) -> None:
    """Write ``labelled.parquet``: images with landmarks of lungs and heart, whose picture is their masks.

    The masks are the filled contours; lungs are 127 and the heart, which is drawn over them, is 255. They are also the
    drawn masks of the table. Landmarks of other organs are left out.

    Raises
    ------
    CxrError
        If no image has landmarks of lungs and heart.
    """
    from cxrfactory.anatomy.raster import landmarks_to_masks
    from cxrfactory.imaging.drawing.png import encode_png

    graph = landmark_graph(GRAPH)
    kept = []
    for row in read_tables(inputs["tables"]).to_dict("records"):
        known = graph_of_labels(row["labels"], f"image '{row['image_id']}'")
        points = np.asarray(row["landmarks"], np.float64).reshape(-1, 2)
        whole = known.definition == graph.definition and set(graph.organs) <= set(known.organs)
        if not whole or not np.isfinite(points[: graph.nodes]).all():
            continue
        points = np.concatenate([points[known.slices[organ]] for organ in graph.organs])
        size = int(row["size"])
        masks = landmarks_to_masks(points, graph, size, size)
        picture = np.zeros((size, size), np.uint8)
        for organ, grey in GREY.items():
            picture[masks[organ] != 0] = grey
        drawn = [{"name": organ, "png": encode_png(mask * np.uint8(255))} for organ, mask in sorted(masks.items())]
        facts = {"labels": "LH", "landmarks": points.astype(np.float32).ravel().tolist(), "regions": drawn}
        kept.append(row | facts | {"png": encode_png(picture)})
    if not kept:
        names = ", ".join(map(str, inputs["tables"]))
        raise CxrError(
            f"{names}: no image has landmarks of lungs and heart; expected labels LH or LHC (studies.tables)"
        )
    log.info("masks of %d images", len(kept))
    write_labelled(pd.DataFrame(kept), output / "labelled.parquet")


def measure_own(inputs: Inputs, output: Path, settings: StudyRunConfig) -> None:
    """Write ``per_image.csv`` of the landmarks that ``mask-to-landmarks`` placed, in the form of ``evaluate-model``.

    The network of ``mask-to-landmarks`` is fixed and has learnt from four fifths of the patients of the public landmark
    set, to which JSRT belongs. Therefore it is measured twice: on split ``val``, and on all images of the patients that
    it has not seen, in either split. Only ids such as ``JSRT:JPCLN001`` tell which these are.
    """
    from cxrfactory.anatomy.raster import landmarks_to_masks
    from cxrfactory.tables.parquet import read_table
    from cxrfactory.tables.schemas import LABELLED_IMAGES

    graph = landmark_graph(GRAPH)
    truth, found = (read_table(inputs[key][0], LABELLED_IMAGES).set_index("image_id") for key in ("truth", "found"))
    rows, without = [], 0
    for image_id, row in truth.iterrows():
        models = [OWN] * (row["split"] == "val") + [OWN_UNSEEN] * unseen(row["patient_id"], row["source"])
        if not models:
            continue
        if found.loc[image_id, "labels"] != "LH":
            without += 1
            continue
        size = int(row["size"])
        points = [
            np.asarray(each, np.float64).reshape(-1, 2) for each in (row["landmarks"], found.loc[image_id, "landmarks"])
        ]
        masks = [landmarks_to_masks(each, graph, size, size) for each in points]
        true, own = (
            {"lungs": np.logical_or(*(each[lung] for lung in LUNGS)), HEART: each[HEART] != 0} for each in masks
        )
        spacing = (PAPER_SIZE_PX / size,) * 2
        measured = [
            {"organ": organ, "dice": dice(own[organ], mask), "hd_px": hausdorff(own[organ], mask, spacing)}
            for organ, mask in true.items()
        ]
        measured.append({"organ": "all", MSE: landmark_mse(*points, size)})
        key = {"source": row["source"], "image_id": image_id}
        rows += [{"model": model} | key | each for model in models for each in measured]
    if without:
        log.warning("%d images whose masks gave no landmarks are left out", without)
    columns = ["model", "source", "image_id", "organ", "dice", "hd_px", MSE]
    pd.DataFrame(rows, columns=columns).to_csv(output / "per_image.csv", index=False, lineterminator="\n")


def unseen(patient_id: str, source: str) -> bool:
    """Return whether ``train-mask-landmarks`` put a patient of the public landmark set aside."""
    return patient_id.startswith(f"{source}:") and put_aside(patient_id, *SET_ASIDE)


def summarise(inputs: Inputs, output: Path, settings: StudyRunConfig) -> None:
    """Write the table of models beside the paper's, the tests, and the directions of the paper's claims."""
    from matplotlib import pyplot as plt

    seed = settings.seed
    measures = read_measures(inputs["evaluations"], inputs["tables"], settings.pixel_mm)
    table = compared(measures, PAPER, MODELS, seed)
    figure = plot_models(
        table,
        {
            MSE: "landmark MSE (px² at 1024)",
            "dice_lungs": "Dice of the lungs",
            "hd_lungs_px": "HD of the lungs (px at 1024)",
            "dice_heart": "Dice of the heart",
        },
    )
    said = [
        ("two IGSC lower the landmark MSE (px², none less two)", MSE, NONE, TWO, "96.9 to 55.1"),
        ("two IGSC lower the landmark MSE (px², one less two)", MSE, ONE, TWO, "70.5 to 55.1"),
        ("two IGSC raise the Dice of the lungs (two less none)", "dice_lungs", TWO, NONE, "0.970 to 0.991"),
        ("HybridGNet has a lower landmark MSE than PCA (px², PCA less HybridGNet)", MSE, "pca", TWO, "77.2, 55.1"),
        ("HybridGNet has a lower landmark MSE than FC (px², FC less HybridGNet)", MSE, "fc", TWO, "105.3, 55.1"),
        ("multi-atlas loses the correspondence of points (MSE in px², less HybridGNet's)", MSE, ATLAS, TWO,
         "236.3, 55.1"),
    ]  # fmt: skip
    finding = Finding(
        f"a HybridGNet with two IGSC that reads masks has a landmark MSE of {mean_in(table, MSE, TWO, 1)} px² and a "
        f"Dice of {mean_in(table, 'dice_lungs', TWO)} (lungs) and {mean_in(table, 'dice_heart', TWO)} (heart); the "
        f"paper has 55.1, 0.991 and 0.99. The command mask-to-landmarks, on patients that it has not seen, has "
        f"{mean_in(table, MSE, OWN_UNSEEN, 1)} px², {mean_in(table, 'dice_lungs', OWN_UNSEEN)} and "
        f"{mean_in(table, 'dice_heart', OWN_UNSEEN)}.",
        table,
        {"models": figure},
        [difference(measures, *claim[:4], seed, claim[4]) for claim in said],
        {"wilcoxon": wilcoxon(measures, TWO, MODELS)},
        f"{images_in_words(measures[measures['model'] == TWO])}; {OWN_UNSEEN} on "
        f"{images_in_words(measures[measures['model'] == OWN_UNSEEN])}",
    )
    write_finding(STUDY, finding, output, settings)
    plt.close(figure)


STUDY = Study(
    "masks-to-landmarks",
    "HybridGNet, table 3 of the article and of the thesis' chapter",
    "How well do networks that read masks instead of images place landmarks, and how well does our method on contours?",
    "a HybridGNet with two IGSC that reads masks has a landmark MSE of 55.1 px² and a Dice of 0.991 (lungs) and 0.99 "
    "(heart); without IGSC 96.9 px², PCA 77.2, FC 105.3 and multi-atlas 236.3.",
    1.0,
    steps,
    {
        "masks": "cxrfactory.studies.masks_to_landmarks:draw_masks",
        "own": "cxrfactory.studies.masks_to_landmarks:measure_own",
        SUMMARY: "cxrfactory.studies.masks_to_landmarks:summarise",
    },
    "landmarks of lungs and heart",
    requires=Requirement(organs="LH"),
)
