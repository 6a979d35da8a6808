"""What the comparisons of HybridGNet with other networks share: their trainings, their table and their tests."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cxrfactory.errors import CxrError
from cxrfactory.metrics.agreement import holm, paired_wilcoxon
from cxrfactory.metrics.intervals import mean_interval
from cxrfactory.metrics.landmarks import PAPER_SIZE_PX
from cxrfactory.studies.finding import Sign
from cxrfactory.studies.study import OUT, Context, Step

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAPER_PIXEL_MM = 0.35  # JSRT at 1024 x 1024 (Gaggion et al., IEEE TMI 2022, section 4.1.1)
NONE, ONE, TWO = "hybridgnet-0-igsc", "hybridgnet-1-igsc", "hybridgnet-2-igsc"
UNET, NNUNET, POST_DAE, ATLAS = "unet-hybridgnet", "nnunet", "post-dae", "multi-atlas"
MSE = "landmark_mse_px2"
# Measure of the tables -> organ and column of per_image.csv.
MEASURES = {
    MSE: ("all", MSE),
    "dice_lungs": ("lungs", "dice"),
    "hd_lungs_px": ("lungs", "hd_px"),
    "hd_lungs_mm": ("lungs", "hd_mm"),
    "dice_heart": ("heart", "dice"),
    "hd_heart_px": ("heart", "hd_px"),
    "hd_heart_mm": ("heart", "hd_mm"),
}
Published = Mapping[str, Mapping[str, tuple[float, float]]]  # model -> measure -> mean and standard deviation


def recipe(context: Context) -> tuple[str, ...]:
    """Return the options of every training of these studies: of the paper in full size, and a shorter one in small.

    Both take the paper's loss of landmarks. The small recipe has a cosine schedule and a rate ten times as high, the
    full one chooses the weights by the validation loss.
    """
    shared = (
        "--landmark-loss=squared",
        "--dense-weight=0",
        "--precision=fp32",
        f"--epochs={context.epochs(100, 3000)}",
    )
    if context.small:
        return (*shared, "--input-size=128", "--learning-rate=0.001")
    return (
        *(*shared, "--input-size=1024", "--learning-rate=0.0001", "--batch-size=4", "--optimizer=adam", "--clip=none"),
        *("--select=loss", "--validate-every=10", "--patience=300", "--schedule=step", "--step-factor=0.9"),
        *("--rotation-degrees=3", "--appearance=0", "--average=0"),
    )


def hybridgnet(context: Context, name: str) -> tuple[str, ...]:
    """Return the options of HybridGNet without, with one or with two skip connections, by the name of the step."""
    blocks = context.side("4,3", "6,5").split(",")
    igsc = ",".join(blocks[: (NONE, ONE, TWO).index(name)])
    # The thesis lowers the rate twice as often where there is no skip connection.
    slower = () if context.small else (f"--step-epochs={50 if name == NONE else 100}",)
    return ("--segmenter=hybridgnet", "--passes=0", "--coordinates", f"--igsc={igsc}", *slower)


def landmark_trainings(
    context: Context, *more: str, labelled: Sequence[str] = (), needs: tuple[str, ...] = ()
) -> list[Step]:
    """Return the trainings of all networks of landmarks, HybridGNet last; multi-atlas keeps its images only.

    Parameters
    ----------
    context
        What the steps are made for.
    more
        Further options of every training.
    labelled, needs
        As in :meth:`cxrfactory.studies.study.Context.train`.
    """
    options = (*recipe(context), *more)
    from_tables = {"labelled": labelled, "needs": needs}
    others = [context.train(name, f"--segmenter={name}", *options, **from_tables) for name in ("pca", "fc")]
    atlas = context.train(ATLAS, f"--segmenter={ATLAS}", "--input-size=256", **from_tables)
    own = [context.train(name, *hybridgnet(context, name), *options, **from_tables) for name in (NONE, ONE, TWO)]
    return [*others, atlas, *own]


def post_dae(context: Context, labelled: Sequence[str] = (), needs: tuple[str, ...] = ()) -> Step:
    """Return the step that trains the post-processor on the contours of labelled tables."""
    tables = [f"--labelled={path}" for path in labelled or context.tables]
    options = (f"--steps={context.epochs(1000, 3000)}", f"--seed={context.settings.seed}")
    return Step(POST_DAE, (("train-post-dae", *tables, f"--output={OUT}/post-dae.safetensors", *options),), needs)


def evaluation(
    context: Context,
    models: Sequence[str],
    corrected: Sequence[str] = (),
    labelled: Sequence[str] = (),
    needs: tuple[str, ...] = (),
) -> Step:
    """Return the step ``evaluation`` that measures models on split ``val`` of each table, in a folder for each table.

    Parameters
    ----------
    context
        What the steps are made for.
    models
        Steps that trained the models.
    corrected
        Steps of pixel networks that are measured without and with Post-DAE.
    labelled, needs
        Tables instead of the study's, and the steps that make them.
    """
    own = (f"--device={context.settings.device}", f"--seed={context.settings.seed}")
    commands = []
    for number, table in enumerate(labelled or context.tables):
        for group, names in (("alone", models), ("corrected", corrected)):
            weights = [f"--weights={{{name}}}/weights.safetensors" for name in names]
            post = (f"--post={{{POST_DAE}}}/post-dae.safetensors",) if group == "corrected" else ()
            where = (f"--labelled={table}", f"--output={OUT}/{number}/{group}")
            commands += [("evaluate-model", *where, *weights, *post, *own)] if names else []
    after = (*models, *corrected, *((POST_DAE,) if corrected else ()), *needs)
    return Step("evaluation", tuple(commands), tuple(dict.fromkeys(after)))


def read_measures(folders: Sequence[Path], tables: Sequence[Path], pixel_mm: Mapping[str, float]) -> pd.DataFrame:
    """Read what :func:`evaluation` measured, as one row for each model, image and measure.

    Parameters
    ----------
    folders
        Folders that hold ``per_image.csv`` at any depth.
    tables
        Labelled tables of the images, for the size of a pixel.
    pixel_mm
        Side of a pixel of the image files by source, mm, where it is known.

    Returns
    -------
    Columns ``model``, ``source``, ``image_id``, ``measure`` (a key of :data:`MEASURES`) and ``value``. A Hausdorff
    distance is infinite where the model missed the organ. Measures that do not apply have no rows.

    Raises
    ------
    CxrError
        If a folder holds no ``per_image.csv``.
    """
    found = [path for folder in folders for path in sorted(Path(folder).rglob("per_image.csv"))]
    if not found:
        raise CxrError(f"{', '.join(map(str, folders))}: no per_image.csv; expected what evaluate-model writes")
    images = pd.concat([pd.read_csv(path, dtype={"image_id": str, "source": str}) for path in found])
    keys = ["source", "image_id"]
    images = images.merge(pixel_sizes(tables, pixel_mm), on=keys, how="left", validate="many_to_one")
    images["hd_mm"] = images["hd_px"] * images["mm"]
    parts = [
        images.loc[images["organ"] == organ, ["model", *keys]].assign(
            measure=measure, value=images.loc[images["organ"] == organ, column]
        )
        for measure, (organ, column) in MEASURES.items()
        if column in images
    ]
    return pd.concat(parts, ignore_index=True).dropna(subset=["value"])


def pixel_sizes(tables: Sequence[Path], pixel_mm: Mapping[str, float]) -> pd.DataFrame:
    """Return the side in mm of a pixel of the 1024 x 1024 frame, by ``source`` and ``image_id`` (column ``mm``).

    The frame of an image is a square whose side is the longer one of its crop. The side is NaN for images of a source
    whose pixel size is not known.
    """
    from cxrfactory.tables.parquet import read_table

    wanted = ["source", "image_id", "crop_height", "crop_width"]
    rows = pd.concat([read_table(path, columns=wanted) for path in tables], ignore_index=True)
    side = rows[["crop_height", "crop_width"]].max(axis=1) / PAPER_SIZE_PX
    mm = rows["source"].map(dict(pixel_mm)).astype(np.float64) * side
    return rows[["source", "image_id"]].astype(object).assign(mm=mm).drop_duplicates(["source", "image_id"])


def compared(measures: pd.DataFrame, published: Published, models: Sequence[str], seed: int) -> pd.DataFrame:
    """Return the mean of each measure and model with its 95 % interval, beside the paper's.

    Parameters
    ----------
    measures
        Table of :func:`read_measures`.
    published
        The paper's means and standard deviations; distances in mm also give those in px, by 0.35 mm a pixel.
    models
        Names in their order in the table; those without measures take the paper's figures only.
    seed
        Seed of the intervals.

    Returns
    -------
    Columns ``measure``, ``model``, ``images`` (with a finite value), ``missed`` (images with an infinite distance,
    which are left out of the mean), ``mean``, ``low``, ``high``, ``sd``, ``paper`` and ``paper_sd``.
    """
    rows = []
    for measure in MEASURES:
        for model in models:
            of = measures[(measures["measure"] == measure) & (measures["model"] == model)]
            values = of["value"].to_numpy(np.float64)
            known = _published(published.get(model, {}), measure)
            if not (len(values) or known):
                continue
            finite = values[np.isfinite(values)]
            row: dict[str, object] = {"measure": measure, "model": model, "images": len(finite)}
            row["missed"] = len(values) - len(finite)
            if len(finite):
                mean, low, high = mean_interval(finite, seed)
                spread = finite.std(ddof=1) if len(finite) > 1 else float("nan")
                row |= {"mean": mean, "low": low, "high": high, "sd": spread}
            rows.append(row | dict(zip(("paper", "paper_sd"), known, strict=False)))
    names = ["measure", "model", "images", "missed", "mean", "low", "high", "sd", "paper", "paper_sd"]
    return pd.DataFrame(rows, columns=names)


def _published(figures: Mapping[str, tuple[float, float]], measure: str) -> tuple[float, ...]:
    if measure in figures or not measure.endswith("_px"):
        return figures.get(measure, ())
    mean, spread = figures.get(measure.replace("_px", "_mm"), (None, None))
    return () if mean is None else (round(mean / PAPER_PIXEL_MM, 2), round(spread / PAPER_PIXEL_MM, 2))


def wilcoxon(measures: pd.DataFrame, reference: str, models: Sequence[str]) -> pd.DataFrame:
    """Test each model against one on the images of both, by measure (Wilcoxon's signed-rank test, Holm's correction).

    Returns
    -------
    Columns ``measure``, ``first`` (the reference), ``second``, ``pairs``, ``median_difference`` (first less second),
    ``p`` and ``p_holm``, which corrects over the models of one measure.
    """
    rows = []
    for measure in MEASURES:
        wide = _wide(measures, measure)
        family = []
        for name in models:
            if name != reference and {name, reference} <= set(wide):
                test = paired_wilcoxon(wide[reference].to_numpy(), wide[name].to_numpy())
                key = {"measure": measure, "first": reference, "second": name}
                family.append(key | {each: getattr(test, each) for each in ("pairs", "median_difference", "p")})
        adjusted = holm([row["p"] for row in family])
        rows += [row | {"p_holm": p} for row, p in zip(family, adjusted, strict=True)]
    names = ["measure", "first", "second", "pairs", "median_difference", "p", "p_holm"]
    return pd.DataFrame(rows, columns=names)


def difference(
    measures: pd.DataFrame, claim: str, measure: str, first: str, second: str, seed: int, published: str = ""
) -> Sign:
    """Return the claim that a measure is larger for the first model than for the second, image by image.

    Images on which one of both distances is infinite are left out; the sign's claim says how many.
    """
    wide = _wide(measures, measure).reindex(columns=[first, second]).dropna()
    apart = (wide[first] - wide[second]).to_numpy(np.float64)[np.isfinite(wide).all(axis=1)]
    if len(wide) > len(apart):
        claim += f"; without {len(wide) - len(apart)} images on which one of both missed the organ"
    return Sign(claim, *mean_interval(apart, seed), "above", published=published)


def _wide(measures: pd.DataFrame, measure: str) -> pd.DataFrame:
    rows = measures[measures["measure"] == measure]
    return rows.pivot(index=["source", "image_id"], columns="model", values="value")


def mean_in(table: pd.DataFrame, measure: str, model: str, digits: int = 3) -> str:
    """Return a mean of the table of :func:`compared` as text, or a dash if it is not there."""
    found = table[(table["measure"] == measure) & (table["model"] == model)]["mean"].dropna()
    return f"{found.iloc[0]:.{digits}f}" if len(found) else "-"


def images_in_words(measures: pd.DataFrame) -> str:
    """Return the number of images and the sources in words."""
    images = measures[["source", "image_id"]].drop_duplicates()
    return f"{len(images)} images of {', '.join(sorted(images['source'].unique()))}"


def plot_models(table: pd.DataFrame, measures: Mapping[str, str]) -> "Figure":
    """Draw the means with their intervals, and the paper's means, one panel for each measure.

    Parameters
    ----------
    table
        Table of :func:`compared`.
    measures
        Measure to the words of its axis; measures without values are left out.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    shown = {
        name: words for name, words in measures.items() if table.loc[table["measure"] == name, "mean"].notna().any()
    }
    models = list(dict.fromkeys(table["model"]))[::-1]
    size = (3.1 * max(len(shown), 1) + 1.6, 0.34 * len(models) + 1.4)
    figure, axes = plt.subplots(1, max(len(shown), 1), figsize=size, layout="constrained", sharey=True, squeeze=False)
    for axis, (name, words) in zip(axes[0], shown.items(), strict=False):
        rows = table[table["measure"] == name].set_index("model").reindex(models)
        places = np.arange(len(models))
        ends = np.abs(rows[["low", "high"]].to_numpy(np.float64).T - rows["mean"].to_numpy(np.float64))
        axis.errorbar(rows["mean"], places, xerr=np.nan_to_num(ends), fmt="o", capsize=3, label="here, 95 % interval")
        axis.plot(rows["paper"], places, "x", color="tab:red", label="the paper")
        axis.set(xlabel=words, yticks=places, yticklabels=models)
        axis.grid(axis="x", alpha=0.3)
    axes[0][0].legend(fontsize=8)
    return figure
