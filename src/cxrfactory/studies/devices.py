"""Pacemakers and electrodes over the chest: a landmark network against a U-Net (HybridGNet, figure 5).

Devices are drawn over films for validation, where the truth is known with and without them. Films that show real ones
can be listed; no network is trained on them.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from cxrfactory.config.paper_studies import StudyRunConfig
from cxrfactory.errors import CxrError
from cxrfactory.metrics.intervals import difference_interval, mean_interval
from cxrfactory.studies.finding import Finding, Sign, write_finding
from cxrfactory.studies.labelled_sets import SPLIT, evaluated, truth_of
from cxrfactory.studies.labelled_tables import read_image_words, read_tables, write_labelled
from cxrfactory.studies.requirement import holdings_of
from cxrfactory.studies.study import SUMMARY, Context, Inputs, Step, Study

NETWORKS = ("hybridgnet", "unet")
PLAIN, KINDS = "plain", ("pacemaker", "electrodes")
REAL = "real"
ORGANS = ("lungs", "whole_lungs", "heart")
DRAWS = 3  # devices of each kind for each film
MARK = "#"  # between the id of a film and the number of its drawing


def steps(context: Context) -> tuple[Step, ...]:
    """Train both networks on films without devices, draw devices over those for validation, and measure."""
    labelled, apart, real = list(context.tables), (), {}
    if listed := context.settings.devices:
        apart = (context.part("devices", "apart", {"tables": labelled, "devices": [str(listed)]}),)
        labelled, real = ["{apart}/without.parquet"], {REAL: "{apart}/real.parquet"}
    before = tuple(step.name for step in apart)
    options = (f"--input-size={context.side(128, 1024)}", *(_graph(context) if listed else ()))
    trained = [
        context.train(name, f"--segmenter={name}", f"--epochs={context.network_epochs(name, 3000)}", *options,
                      labelled=labelled, needs=before)
        for name in NETWORKS
    ]  # fmt: skip
    drawn = context.part("devices", "draw", {"tables": labelled})
    tables = {kind: f"{{draw}}/{kind}.parquet" for kind in (PLAIN, *KINDS)} | real
    measured = evaluated(context, "measure", tables, NETWORKS, needs=("draw", *before))
    inputs = {kind: [f"{{measure}}/{kind}/per_image.csv"] for kind in tables} | {"examples": ["{draw}/examples.png"]}
    inputs |= {"devices": ["{apart}/devices.csv"]} if listed else {}
    return (*apart, *trained, drawn, measured, context.part("devices", SUMMARY, inputs))


def _graph(context: Context) -> tuple[str, ...]:
    """Return the graph of the networks: that of whole lungs where no table has lungs that end at the heart."""
    tables = [Path(table) for table in context.tables]
    whole = all(table.is_file() for table in tables) and not holdings_of(tables).sources("L")
    return ("--graph=whole-lungs",) if whole else ()


def set_apart(inputs: Inputs, output: Path, settings: StudyRunConfig) -> None:
    """Write the films without devices, those with, and the list of the latter that are in the tables.

    Raises
    ------
    CxrError
        If a column of the list is missing, an image is listed twice, or no listed film is in the tables.
    """
    listed = read_image_words(inputs["devices"], "device")
    table = read_tables(inputs["tables"], by_id=True)
    shown = table["image_id"].isin(listed.index)
    if not shown.any():
        where = ", ".join(map(str, inputs["devices"]))
        raise CxrError(f"{where}: none of its {len(listed)} images is in the tables; expected their image_id")
    patients = table["patient_id"].isin(table.loc[shown, "patient_id"])  # other films of the same people
    write_labelled(table[~patients], output / "without.parquet")
    write_labelled(table[shown], output / f"{REAL}.parquet", split="val")
    listed[listed.index.isin(table["image_id"])].to_csv(output / "devices.csv", lineterminator="\n")


def draw(inputs: Inputs, output: Path, settings: StudyRunConfig) -> None:
    """Write the films for validation as they are and with devices: ``plain.parquet`` and one table for each kind.

    Films whose lungs are not both annotated are left out. The place of a device follows from the lungs, and its choice
    from the film's id and the seed.
    """
    from cxrfactory.anatomy.film_regions import LUNGS_WIDTH_MM
    from cxrfactory.imaging.drawing.png import decode_png, encode_png, save_png
    from cxrfactory.imaging.geometry import Geometry
    from cxrfactory.studies.drawn_devices import DEVICES, Chest, cover
    from cxrfactory.tables.keys import seed_of

    table = read_tables(inputs["tables"], by_id=True)
    plain: list[dict] = []
    covered: dict[str, list[dict]] = {kind: [] for kind in KINDS}
    examples = []
    for row in table[table[SPLIT] == "val"].to_dict("records"):
        truth = truth_of(row)
        if not all(lung in truth and truth[lung].any() for lung in ("right_lung", "left_lung")):
            continue
        columns = np.flatnonzero((truth["right_lung"] | truth["left_lung"]).any(axis=0))
        side = settings.pixel_mm.get(row["source"])
        pixel_mm = LUNGS_WIDTH_MM / (np.ptp(columns) + 1) if side is None else side / Geometry.from_row(row).scale
        chest = Chest.of(truth["right_lung"], truth["left_lung"], float(pixel_mm))
        image = decode_png(row["png"])
        plain.append(row)
        for kind in KINDS:
            for number in range(1, DRAWS + 1):
                rng = np.random.default_rng(seed_of(row["image_id"], f"{kind} {number}", settings.seed))
                changed = cover(image, DEVICES[kind](image.shape, chest, rng))
                own = row | {"image_id": f"{row['image_id']}{MARK}{number}", "png": encode_png(changed)}
                covered[kind].append(own)
                if len(plain) <= 2 and number <= 2:
                    examples.append(changed)
    if not plain:
        raise CxrError("no film of split 'val' has both lungs annotated; devices are placed by the lungs")
    write_labelled(pd.DataFrame(plain), output / f"{PLAIN}.parquet")
    for kind, rows in covered.items():
        write_labelled(pd.DataFrame(rows), output / f"{kind}.parquet")
    side_px = min(len(each) for each in examples)
    save_png(np.hstack([each[:: len(each) // side_px, :: len(each) // side_px] for each in examples[:4]]),
             output / "examples.png")  # fmt: skip


def summarise(inputs: Inputs, output: Path, settings: StudyRunConfig) -> None:
    """Write what the devices cost each network, and which network is better with them."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    scores = {kind: _by_film(pd.read_csv(inputs[kind][0])) for kind in (PLAIN, *KINDS)}
    rows, signs = [], []
    for kind in KINDS:
        both = scores[kind].join(scores[PLAIN], rsuffix="_plain").dropna()
        wide = both.unstack("model").dropna()
        for model in NETWORKS:
            own = wide.xs(model, axis=1, level="model")
            lost, grown = own["dice_plain"] - own["dice"], own["hd_px"] - own["hd_px_plain"]
            row: dict = {"device": kind, "model": model, "films": len(own)}
            row |= {name: own[name].mean() for name in ("dice_plain", "dice", "hd_px_plain", "hd_px")}
            for name, values in (("dice_lost", lost), ("hd_grown_px", grown)):
                mean, low, high = mean_interval(values.to_numpy(), settings.seed)
                row |= {name: mean, f"{name}_low": low, f"{name}_high": high}
            rows.append(row)
        signs += _signs(kind, wide, settings.seed)
    table = pd.DataFrame(rows)
    tables = {}
    if REAL in inputs:
        listed = read_image_words(inputs["devices"], "device")
        tables["real"], found = _real(_by_film(pd.read_csv(inputs[REAL][0])), scores[PLAIN], listed, settings.seed)
        signs += found
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    conditions = (PLAIN, *KINDS)
    for axis, column, label in zip(axes, ("dice", "hd_px"), ("Dice", "Hausdorff distance (px of 1024)"), strict=True):
        values = [scores[kind][column].xs(model, level="model").dropna() for kind in conditions for model in NETWORKS]
        axis.boxplot(values, tick_labels=[f"{kind}\n{model}" for kind in conditions for model in NETWORKS])
        axis.tick_params(axis="x", labelsize=6)
        axis.set(ylabel=label)
    example, axis = plt.subplots(figsize=(10, 2.7), layout="constrained")
    axis.imshow(plt.imread(inputs["examples"][0]), cmap="gray")
    axis.axis("off")
    place = table.set_index(["device", "model"])
    told = [
        f"a drawn {kind} costs HybridGNet {place.loc[(kind, NETWORKS[0]), 'dice_lost']:.4f} Dice and "
        f"{place.loc[(kind, NETWORKS[0]), 'hd_grown_px']:.1f} px of Hausdorff distance, the U-Net "
        f"{place.loc[(kind, NETWORKS[1]), 'dice_lost']:.4f} and {place.loc[(kind, NETWORKS[1]), 'hd_grown_px']:.1f} px"
        for kind in ("pacemaker",)
    ]
    sources = ", ".join(sorted(pd.read_csv(inputs[PLAIN][0])["source"].unique()))
    data = f"{table['films'].max()} films of {sources}, each with {DRAWS} drawn devices of a kind"
    for row in tables["real"].itertuples() if tables else ():
        told.append(
            f"on {row.films} films with real devices ({row.device}), HybridGNet has {row.dice_hybridgnet:.3f} and "
            f"{row.hd_px_hybridgnet:.0f} px, the U-Net {row.dice_unet:.3f} and {row.hd_px_unet:.0f} px"
        )
    finding = Finding(f"{'; '.join(told)}.", table, {"scores": figure, "examples": example}, signs, tables, data)
    write_finding(STUDY, finding, output, settings)
    plt.close(figure)
    plt.close(example)


def _by_film(scores: pd.DataFrame) -> pd.DataFrame:
    """Return Dice and Hausdorff distance by model and film: means over drawings and organs, finite distances alone."""
    own = scores[scores["organ"].isin(ORGANS)]
    own = own.assign(hd_px=own["hd_px"].where(np.isfinite(own["hd_px"])))
    film = own["image_id"].str.rpartition(MARK)
    own = own.assign(image_id=film[0].where(film[1] == MARK, own["image_id"]))
    return own.groupby(["model", "image_id"])[["dice", "hd_px"]].mean()


def _real(scores: pd.DataFrame, plain: pd.DataFrame, listed: pd.Series, seed: int) -> tuple[pd.DataFrame, list[Sign]]:
    """Return a row for each kind of real device, and the paper's directions; other films serve as films without."""
    without = plain.unstack("model").dropna()
    rows, signs = [], []
    for kind, names in listed.groupby(listed).groups.items():
        own = scores[scores.index.get_level_values("image_id").isin(names)].unstack("model").dropna()
        if own.empty:
            continue
        row: dict = {"device": kind, "films": len(own), "films_without": len(without)}
        for name, words, first, second in (
            ("dice", "Dice is higher (HybridGNet less U-Net)", *NETWORKS),
            ("hd_px", "Hausdorff distance is smaller (px, U-Net less HybridGNet)", *NETWORKS[::-1]),
        ):
            row |= {f"{name}_{model}": own[name][model].mean() for model in NETWORKS}
            row |= {f"{name}_{model}_without": without[name][model].mean() for model in NETWORKS}
            apart, other = (wide[name][first] - wide[name][second] for wide in (own, without))
            signs.append(Sign(f"Real {kind}: HybridGNet's {words}", *mean_interval(apart.to_numpy(), seed),
                              "above", 0.0, "HybridGNet better"))  # fmt: skip
            member = np.repeat([1.0, 0.0], [len(apart), len(other)])
            ends = difference_interval(np.concatenate([apart, other]), member, seed)
            claim = f"Real {kind}: this difference ({name}) is larger than on films without"
            signs.append(Sign(claim, *ends, "above"))
        rows.append(row)
    return pd.DataFrame(rows), signs


def _signs(kind: str, wide: pd.DataFrame, seed: int) -> list[Sign]:
    """Return the paper's directions for a kind of device; HybridGNet against the U-Net, film by film."""
    hybrid, unet = (wide.xs(model, axis=1, level="model") for model in NETWORKS)
    claims = (
        (
            f"Drawn {kind}: HybridGNet's Dice is higher (HybridGNet less U-Net)",
            hybrid["dice"] - unet["dice"],
            "HybridGNet higher",
        ),
        (
            f"Drawn {kind}: HybridGNet's Hausdorff distance is smaller (px, U-Net less HybridGNet)",
            unet["hd_px"] - hybrid["hd_px"],
            "HybridGNet smaller",
        ),
        (
            f"Drawn {kind}: costs HybridGNet less Dice (loss of the U-Net less that of HybridGNet)",
            (unet["dice_plain"] - unet["dice"]) - (hybrid["dice_plain"] - hybrid["dice"]),
            "",
        ),
        (
            f"Drawn {kind}: HybridGNet's Hausdorff distance grows less (px, U-Net less HybridGNet)",
            (unet["hd_px"] - unet["hd_px_plain"]) - (hybrid["hd_px"] - hybrid["hd_px_plain"]),
            "",
        ),
    )
    return [Sign(claim, *mean_interval(apart.to_numpy(), seed), "above", 0.0, said) for claim, apart, said in claims]


STUDY = Study(
    "devices",
    "HybridGNet, section 5.4 and figure 5 of the thesis' article",
    "Does a network of landmarks lose less than a U-Net when a pacemaker or electrodes lie over the chest?",
    "on 20 films with pacemakers, HybridGNet has a higher Dice and a smaller Hausdorff distance than the U-Net; the "
    "figure gives no numbers.",
    0.3,
    steps,
    {
        "apart": "cxrfactory.studies.devices:set_apart",
        "draw": "cxrfactory.studies.devices:draw",
        SUMMARY: "cxrfactory.studies.devices:summarise",
    },
    "both lungs annotated; studies.devices lists films that show real devices",
)
