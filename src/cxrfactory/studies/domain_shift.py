"""Domain shift (HybridGNet, table 4 of the article): trained on one source, tested on the others."""

from pathlib import Path

import pandas as pd

from cxrfactory.config.paper_studies import StudyRunConfig
from cxrfactory.errors import CxrError
from cxrfactory.logs import get_logger
from cxrfactory.studies.finding import Finding, Sign, write_finding
from cxrfactory.studies.labelled_tables import read_tables, write_labelled
from cxrfactory.studies.model_tables import (
    NONE,
    POST_DAE,
    TWO,
    UNET,
    compared,
    difference,
    evaluation,
    hybridgnet,
    images_in_words,
    mean_in,
    plot_models,
    post_dae,
    read_measures,
    recipe,
    wilcoxon,
)
from cxrfactory.studies.requirement import Requirement
from cxrfactory.studies.study import SUMMARY, Context, Inputs, Step, Study
from cxrfactory.tables.keys import seed_of

CORRECTED = f"{UNET}+{POST_DAE}"
MODELS = (NONE, TWO, UNET, CORRECTED)
MOST = 150  # images of each other source in the small size
DICE, HD = "dice_lungs", "hd_lungs_px"
# Table 4 of the article: Dice of the lungs and HD in px, mean and standard deviation.
PAPER = {
    "montgomery": {
        NONE: {DICE: (0.909, 0.070), HD: (55.97, 35.70)},
        TWO: {DICE: (0.954, 0.043), HD: (45.50, 32.48)},
        UNET: {DICE: (0.944, 0.068), HD: (127.72, 97.76)},
        CORRECTED: {DICE: (0.907, 0.102), HD: (119.53, 85.10)},
    },
    "shenzhen": {
        NONE: {DICE: (0.901, 0.047), HD: (72.13, 47.40)},
        TWO: {DICE: (0.935, 0.038), HD: (64.46, 51.53)},
        UNET: {DICE: (0.933, 0.055), HD: (220.89, 102.94)},
        CORRECTED: {DICE: (0.906, 0.083), HD: (135.05, 97.32)},
    },
}

log = get_logger(__name__)


def steps(context: Context) -> tuple[Step, ...]:
    """Split the tables by source, train on the first source, measure on the others, and compare."""
    name = "domain-shift"
    split = context.part(name, "sources", {"tables": context.tables})
    tables = {"labelled": ("{sources}/train.parquet",), "needs": ("sources",)}
    own = [context.train(each, *hybridgnet(context, each), *recipe(context), **tables) for each in (NONE, TWO)]
    unet = context.train(UNET, f"--segmenter={UNET}", *recipe(context), **tables)
    corrector = post_dae(context, **tables)
    tested = ("{sources}/test.parquet",)
    measured = evaluation(context, (NONE, TWO), (UNET,), labelled=tested, needs=("sources",))
    inputs = {"evaluations": ["{evaluation}"], "tables": tested, "sources": ["{sources}/sources.csv"]}
    return (split, *own, unet, corrector, measured, context.part(name, SUMMARY, inputs))


def split_sources(inputs: Inputs, output: Path, settings: StudyRunConfig) -> None:
    """Write ``train.parquet``, the images of the first source, and ``test.parquet``, on which the models are measured.

    The first source is that of the first image of the first table. ``test.parquet`` holds its split ``val`` and the
    images of all other sources; they all have split ``val``, because no model learns from them. In the small size, at
    most :data:`MOST` images of each other source are taken, which a hash of the id chooses. ``sources.csv`` has the
    number of images of each source, and the first source first.

    Raises
    ------
    CxrError
        If all images have one source.
    """
    names = ", ".join(map(str, inputs["tables"]))
    table = read_tables(inputs["tables"])
    sources = list(dict.fromkeys(table["source"]))
    if len(sources) < 2:
        raise CxrError(
            f"{names}: all {len(table)} images have the source '{''.join(sources)}'; the study trains on the first "
            "source and tests on the others: expected tables of two sources or more (studies.tables)"
        )
    first = table[table["source"] == sources[0]]
    parts = [first[first["split"] == "val"]]
    for source in sources[1:]:
        part = table[table["source"] == source]
        if settings.small and len(part) > MOST:
            order = part["image_id"].map(lambda each: seed_of(each, "domain-shift", settings.seed))
            part = part.loc[order.sort_values(kind="stable").index[:MOST]]
        parts.append(part)
    test = pd.concat(parts, ignore_index=True).assign(split="val")
    counts = [{"source": source, "images": int((test["source"] == source).sum())} for source in sources]
    write_labelled(first, output / "train.parquet")
    write_labelled(test, output / "test.parquet")
    pd.DataFrame(counts).to_csv(output / "sources.csv", index=False, lineterminator="\n")
    told = ", ".join(f"{each['images']} of {each['source']}" for each in counts)
    log.info("training on %s; testing on %s", sources[0], told)


def summarise(inputs: Inputs, output: Path, settings: StudyRunConfig) -> None:
    """Write Dice and HD of each model by source, beside the paper's, and the directions of the paper's claims."""
    from matplotlib import pyplot as plt

    measures = read_measures(inputs["evaluations"], inputs["tables"], settings.pixel_mm)
    sources = list(pd.read_csv(inputs["sources"][0], dtype={"source": str})["source"])
    tested = [name for name in sources if ((measures["source"] == name) & (measures["measure"] == DICE)).any()]
    left_out = [name for name in sources if name not in tested]
    if not tested[1:] or sources[0] != tested[0]:
        raise CxrError(
            f"no lungs of {', '.join(left_out)} by the definition of the models; expected two sources or more with "
            "masks or landmarks of lungs without the part behind the heart"
        )
    tables, figures, signs, told = [], {}, [], []
    for source in tested:
        own = measures[measures["source"] == source]
        # The paper's table of its training source is that of study hybridgnet-models.
        table = compared(own, PAPER.get(source.lower(), {}), MODELS, settings.seed)
        tables.append(table.assign(source=source, trained_on=source == sources[0]))
        if source != sources[0]:
            figures[f"models-{source}"] = plot_models(
                table, {DICE: f"Dice of the lungs, {source}", HD: "HD of the lungs (px at 1024)"}
            )
            signs += _signs(own, source, settings.seed)
            told.append(
                f"{source} {mean_in(table, DICE, TWO)} and {mean_in(table, HD, TWO, 1)} px (U-Net "
                f"{mean_in(table, DICE, UNET)} and {mean_in(table, HD, UNET, 1)} px)"
            )
    finding = Finding(
        f"trained on {sources[0]}, the Dice and the HD of the lungs of HybridGNet are on {'; on '.join(told)}. In the "
        "paper they are 0.954 and 45.5 px on Montgomery (U-Net 0.944 and 127.7 px), 0.935 and 64.5 px on Shenzhen "
        "(0.933 and 220.9 px).",
        pd.concat(tables, ignore_index=True),
        figures,
        signs,
        {"wilcoxon": wilcoxon(measures[measures["source"].isin(tested[1:])], TWO, MODELS)},
        images_in_words(measures[measures["source"].isin(tested)])
        + (f"; without {', '.join(left_out)}, whose lungs have another definition" if left_out else ""),
    )
    write_finding(STUDY, finding, output, settings)
    for figure in figures.values():
        plt.close(figure)


def _signs(measures: pd.DataFrame, source: str, seed: int) -> list[Sign]:
    paper = PAPER.get(source.lower())

    def said(measure: str, first: str, second: str) -> str:
        return f"{paper[first][measure][0]:g}, {paper[second][measure][0]:g}" if paper else ""

    claims = [
        ("two IGSC raise the Dice of the lungs (two less none)", DICE, TWO, NONE),
        ("HybridGNet has a higher Dice of the lungs than the U-Net", DICE, TWO, UNET),
        ("HybridGNet has a lower HD of the lungs than the U-Net (px, U-Net less HybridGNet)", HD, UNET, TWO),
        ("Post-DAE lowers the U-Net's HD of the lungs (px, without less with)", HD, UNET, CORRECTED),
    ]
    return [difference(measures, f"{source}: {claim[0]}", *claim[1:], seed, said(*claim[1:])) for claim in claims]


STUDY = Study(
    "domain-shift",
    "HybridGNet, table 4 of the article and table 3.2 of the thesis",
    "Does a network of landmarks lose less than a U-Net on the films of another hospital?",
    "trained on JSRT, HybridGNet has a Dice of 0.954 on Montgomery and 0.935 on Shenzhen, a U-Net 0.944 and 0.933; the "
    "HD is 45.5 and 64.5 px with HybridGNet, 127.7 and 220.9 px with the U-Net.",
    0.7,
    steps,
    {
        "sources": "cxrfactory.studies.domain_shift:split_sources",
        SUMMARY: "cxrfactory.studies.domain_shift:summarise",
    },
    "lungs of two sources or more; the first has landmarks of lungs and heart",
    requires=Requirement(organs="LH", sources=2),
)
