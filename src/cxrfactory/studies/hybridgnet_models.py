"""The table of models on JSRT (HybridGNet, table 1 of the article; table 3.1 of the thesis)."""

from pathlib import Path

from cxrfactory.config.paper_studies import StudyRunConfig
from cxrfactory.studies.finding import Finding, write_finding
from cxrfactory.studies.model_tables import (
    ATLAS,
    MSE,
    NNUNET,
    NONE,
    ONE,
    POST_DAE,
    TWO,
    UNET,
    compared,
    difference,
    evaluation,
    images_in_words,
    landmark_trainings,
    mean_in,
    plot_models,
    post_dae,
    read_measures,
    recipe,
    wilcoxon,
)
from cxrfactory.studies.requirement import Requirement
from cxrfactory.studies.study import SUMMARY, Context, Inputs, Step, Study

MODELS = ("pca", "fc", ATLAS, NONE, ONE, TWO, UNET, f"{UNET}+{POST_DAE}", NNUNET, f"{NNUNET}+{POST_DAE}")
_COLUMNS = (MSE, "dice_lungs", "hd_lungs_mm", "dice_heart", "hd_heart_mm")
# Table 1 of the article: mean and standard deviation on the 51 test images of JSRT, HD in mm. One IGSC reads layer 6.
PAPER = {
    model: {name: figures for name, figures in zip(_COLUMNS, row, strict=True) if figures}
    for model, row in {
        "pca": ((340.024, 243.549), (0.945, 0.014), (17.445, 9.669), (0.906, 0.037), (14.602, 5.400)),
        "fc": ((332.197, 242.379), (0.945, 0.017), (17.535, 10.352), (0.910, 0.038), (15.020, 5.785)),
        ATLAS: ((492.262, 298.138), (0.944, 0.013), (20.317, 9.344), (0.886, 0.056), (16.780, 6.839)),
        NONE: ((294.621, 274.497), (0.952, 0.013), (15.642, 10.922), (0.913, 0.038), (13.658, 5.548)),
        ONE: ((250.123, 232.032), (0.960, 0.011), (14.378, 9.262), (0.924, 0.030), (12.339, 4.844)),
        TWO: ((200.748, 211.080), (0.974, 0.007), (12.089, 9.344), (0.933, 0.031), (11.613, 5.581)),
        UNET: (None, (0.981, 0.008), (21.839, 26.291), (0.942, 0.030), (25.176, 34.570)),
        f"{UNET}+{POST_DAE}": (None, (0.965, 0.010), (17.969, 14.457), (0.935, 0.029), (15.444, 14.283)),
        NNUNET: (None, (0.984, 0.005), (9.615, 7.874), (0.952, 0.023), (9.782, 5.006)),
    }.items()
}


def steps(context: Context) -> tuple[Step, ...]:
    """Train all models and Post-DAE, measure them on split ``val``, and compare."""
    landmark = landmark_trainings(context)
    pixel = [context.train(name, f"--segmenter={name}", *recipe(context)) for name in (UNET, NNUNET)]
    measured = evaluation(context, [step.name for step in landmark], [step.name for step in pixel])
    inputs = {"evaluations": ["{evaluation}"], "tables": context.tables}
    return (*landmark, *pixel, post_dae(context), measured, context.part("hybridgnet-models", SUMMARY, inputs))


def summarise(inputs: Inputs, output: Path, settings: StudyRunConfig) -> None:
    """Write the table of models beside the paper's, the tests, and the directions of the paper's claims."""
    from matplotlib import pyplot as plt

    seed = settings.seed
    measures = read_measures(inputs["evaluations"], inputs["tables"], settings.pixel_mm)
    others = [name for name in dict.fromkeys(measures["model"]) if name not in MODELS]
    table = compared(measures, PAPER, (*MODELS, *others), seed)
    unit = "hd_lungs_mm" if (table.loc[table["measure"] == "hd_lungs_mm", "images"] > 0).any() else "hd_lungs_px"
    words = {
        MSE: "landmark MSE (px² at 1024)",
        "dice_lungs": "Dice of the lungs",
        unit: f"HD of the lungs ({'mm' if unit.endswith('mm') else 'px at 1024'})",
        "dice_heart": "Dice of the heart",
    }
    figure = plot_models(table, words)
    px, corrected = "hd_lungs_px", f"{UNET}+{POST_DAE}"
    said = [
        ("two IGSC lower the landmark MSE (px², none less two)", MSE, NONE, TWO, "294.6 to 200.7"),
        ("one IGSC lowers the landmark MSE (px², none less one)", MSE, NONE, ONE, "294.6 to 250.1"),
        ("two IGSC lower the HD of the lungs (px, none less two)", px, NONE, TWO, "44.7 to 34.5"),
        ("HybridGNet has a lower landmark MSE than PCA (px², PCA less HybridGNet)", MSE, "pca", TWO, "340.0, 200.7"),
        ("HybridGNet has a lower landmark MSE than FC (px², FC less HybridGNet)", MSE, "fc", TWO, "332.2, 200.7"),
        ("HybridGNet has a lower landmark MSE than multi-atlas (px²)", MSE, ATLAS, TWO, "492.3, 200.7"),
        ("HybridGNet has a lower HD of the lungs than the U-Net (px, U-Net less HybridGNet)", px, UNET, TWO,
         "62.4, 34.5"),
        ("HybridGNet has a lower HD of the heart than the U-Net (px, U-Net less HybridGNet)", "hd_heart_px", UNET, TWO,
         "71.9, 33.2"),
        ("Post-DAE lowers the U-Net's HD of the lungs (px, without less with)", px, UNET, corrected, "62.4 to 51.3"),
        ("the U-Net has a higher Dice of the lungs than HybridGNet", "dice_lungs", UNET, TWO, "0.981, 0.974"),
    ]  # fmt: skip
    signs = [difference(measures, *claim[:4], seed, claim[4]) for claim in said]
    finding = Finding(
        f"the landmark MSE of HybridGNet is {mean_in(table, MSE, NONE, 0)} px² without, {mean_in(table, MSE, ONE, 0)} "
        f"with one and {mean_in(table, MSE, TWO, 0)} with two IGSC (the paper: 295, 250, 201). The HD of the lungs is "
        f"{mean_in(table, px, TWO, 1)} px with HybridGNet, {mean_in(table, px, UNET, 1)} px with the U-Net of its "
        f"encoder and {mean_in(table, px, corrected, 1)} px with Post-DAE behind it (34.5, 62.4, 51.3).",
        table,
        {"models": figure},
        signs,
        {"wilcoxon": wilcoxon(measures, TWO, MODELS)},
        images_in_words(measures),
    )
    write_finding(STUDY, finding, output, settings)
    plt.close(figure)


STUDY = Study(
    "hybridgnet-models",
    "HybridGNet, table 1 of the article and table 3.1 of the thesis",
    "Do image-to-graph skip connections (IGSC) lower the error, and how does HybridGNet compare with other models?",
    "landmark MSE 295 px² without and 201 px² with two IGSC; Dice of the lungs 0.974 and HD 12.1 mm, where a U-Net of "
    "the same encoder has 0.981 and 21.8 mm, with Post-DAE 0.965 and 18.0 mm, and nnU-Net 0.984 and 9.6 mm.",
    1.5,
    steps,
    {SUMMARY: "cxrfactory.studies.hybridgnet_models:summarise"},
    "landmarks of lungs and heart",
    requires=Requirement(organs="LH"),
)
