"""Whether networks remember which hospital an image is from: their codes by source, before and after equal framing."""

from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from jaxtyping import Float, UInt8

from cxrfactory.config.paper_studies import StudyRunConfig
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import decode_png
from cxrfactory.metrics.intervals import percentile_ends
from cxrfactory.studies.finding import Finding, Sign, write_finding
from cxrfactory.studies.label_removal import as_background, lung_box, organs_of, read_labelled
from cxrfactory.studies.labelled_tables import write_labelled
from cxrfactory.studies.network_codes import encoder_of
from cxrfactory.studies.requirement import Requirement
from cxrfactory.studies.source_classifier import told_apart
from cxrfactory.studies.study import SUMMARY, Context, Inputs, Step, Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAME = "latent-features"
NETWORKS = {"hybridgnet": "", "unet": "-naive", "unet-ht": ""}
AS_IS, EQUAL = "as they are", "equal framing"
FRAMINGS = (AS_IS, EQUAL)
AREA = 0.6  # share of the image that the box of the lungs has by equal framing
DRAWS = 2000
KEYS = ["network", "framing", "image_id", "source", "patient_id"]


def steps(context: Context) -> tuple[Step, ...]:
    """Train the networks on heterogeneous labels, take the codes of all images in both framings, and compare."""
    made = context.part(NAME, "labels", {"labelled": context.tables})
    shared = ("--graph=lungs-heart-clavicles", f"--input-size={context.side(128, 1024)}")
    trained = []
    for network, naive in NETWORKS.items():
        epochs = context.epochs(120 if network == "hybridgnet" else 40, 2000)
        outputs = ("--outputs=softmax",) if naive else ()
        options = (f"--segmenter={network}", f"--epochs={epochs}", *shared, *outputs)
        table = f"{{labels}}/labelled{naive}.parquet"
        trained.append(context.train(network, *options, labelled=[table], needs=("labels",)))
    weights = [f"{{{each.name}}}/weights.safetensors" for each in trained]
    codes = context.part(NAME, "codes", {"labelled": ["{labels}/labelled.parquet"], "weights": weights})
    return (made, *trained, codes, context.part(NAME, SUMMARY, {"codes": ["{codes}/codes.csv"]}))


def gather(inputs: Inputs, output: Path, settings: StudyRunConfig) -> None:
    """Write the images of all sources as one table, and with unannotated organs as background."""
    umap_package()  # its absence is told before anything is trained
    table = read_labelled(inputs["labelled"], "L")
    if len(names := sorted(table["source"].unique())) < 2:
        raise CxrError(
            f"{', '.join(map(str, inputs['labelled']))}: all images are of source {names[0]}; this study compares two "
            "or more sources: give more tables (studies: tables)"
        )
    write_labelled(table, output / "labelled.parquet")
    write_labelled(as_background(table, organs_of("LHC")), output / "labelled-naive.parquet")


def take_codes(inputs: Inputs, output: Path, settings: StudyRunConfig) -> None:
    """Write the code of every image in both framings (``codes.csv``), and a picture of the framing."""
    table = read_labelled(inputs["labelled"], "L")
    rows = [(row, lung_box(row)) for row in table.to_dict("records")]
    encoders = {weights.parent.name: encoder_of(weights, settings.device) for weights in inputs["weights"]}
    found, shown = [], {}
    for row, box in rows:
        if box is None:
            continue
        image = decode_png(row["png"])
        views = {AS_IS: image, EQUAL: equally_framed(image, box)}
        shown.setdefault(row["source"], views)
        for framing, view in views.items():
            for network, encode in encoders.items():
                keys = (network, framing, row["image_id"], row["source"], row["patient_id"])
                found.append((*keys, *(float(each) for each in encode(view))))
    width = max(len(each) for each in found) - len(KEYS)
    codes = pd.DataFrame(found, columns=[*KEYS, *(f"f{place}" for place in range(width))])
    codes.to_csv(output / "codes.csv", index=False, float_format="%.6g", lineterminator="\n")
    _picture_of_framing(shown, output / "framing.png")


def equally_framed(
    image: UInt8[np.ndarray, "side side"], box: Float[np.ndarray, " 4"]
) -> UInt8[np.ndarray, "side side"]:
    """Scale and move an image so that the box of the lungs has a fixed area and lies in the middle.

    What enters from outside the image repeats its edge.

    Parameters
    ----------
    image
        8-bit image.
    box
        (left, top, right, bottom) of the lungs, pixels of the image.
    """
    import cv2

    side = image.shape[0]
    left, top, right, bottom = box
    scale = np.sqrt(AREA * side**2 / ((right - left) * (bottom - top)))
    centre = np.array([left + right, top + bottom]) / 2
    move = side / 2 - scale * centre + 0.5 * (scale - 1)  # pixel centres are whole numbers
    matrix = np.array([[scale, 0, move[0]], [0, scale, move[1]]])
    return cv2.warpAffine(image, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def umap_package() -> ModuleType:
    """Import UMAP.

    Raises
    ------
    CxrError
        If it is not installed.
    """
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import umap
    except ImportError as error:
        raise CxrError(
            f"study '{NAME}' needs umap-learn, and {error.name} is not installed; run `pip install "
            "'cxrfactory[studies]'`"
        ) from error
    return umap


def summarise(inputs: Inputs, output: Path, settings: StudyRunConfig) -> None:
    """Write how well a classifier tells the source from each network's codes, and the codes in two dimensions."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    codes = pd.concat([pd.read_csv(path, dtype={key: str for key in KEYS}) for path in inputs["codes"]])
    groups = {key: own.sort_values("image_id") for key, own in codes.groupby(["network", "framing"])}
    right = {
        key: told_apart(_numbers(own), list(own["source"]), list(own["patient_id"]), settings.seed)
        for key, own in groups.items()
    }
    images = next(iter(groups.values()))[["source", "patient_id"]].reset_index(drop=True)
    accuracy = {key: _by_draw(values, images, settings.seed) for key, values in right.items()}
    sources = sorted(images["source"].unique())
    table = _table(accuracy, right, images)
    figure = _figure(plt, groups, sources, accuracy, settings.seed)
    values = table.set_index(["network", "framing"])["accuracy"]
    words = ", ".join(
        f"{network} {values[network, AS_IS]:.3f} and {values[network, EQUAL]:.3f}"
        for network in NETWORKS
        if (network, AS_IS) in values.index
    )
    finding = Finding(
        f"a classifier tells the source from the codes with a balanced accuracy (as they are, and after equal framing) "
        f"of {words}; chance is {1 / len(sources):.3f}. The paper has a picture and no number.",
        table,
        {"umap": figure},
        _signs(accuracy),
        data=f"{len(images)} images of {', '.join(sources)}",
    )
    write_finding(STUDY, finding, output, settings)
    plt.close(figure)


def _numbers(own: pd.DataFrame) -> Float[np.ndarray, "images features"]:
    return own.drop(columns=KEYS).dropna(axis=1).to_numpy(np.float64)


def _by_draw(right: Float[np.ndarray, " n"], images: pd.DataFrame, seed: int) -> Float[np.ndarray, " draws"]:
    """Return the balanced accuracy, then that of each bootstrap draw of the patients of every source.

    All networks and framings share the draws, so that their differences are paired.
    """
    rng = np.random.default_rng(seed)
    sums = np.zeros(DRAWS + 1)
    for _, own in images.assign(right=right).groupby("source"):
        patients = own.groupby("patient_id")["right"].agg(["sum", "size"]).to_numpy(np.float64)
        drawn = np.vstack([np.arange(len(patients))[None], rng.integers(0, len(patients), (DRAWS, len(patients)))])
        sums += patients[drawn, 0].sum(1) / patients[drawn, 1].sum(1)
    return sums / images["source"].nunique()


def _table(accuracy: dict, right: dict, images: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for network in NETWORKS:
        for framing in FRAMINGS:
            if (network, framing) not in accuracy:
                continue
            draws = accuracy[network, framing]
            low, high = percentile_ends(draws[1:])
            by_source = images.assign(right=right[network, framing]).groupby("source")["right"].mean()
            rows.append(
                {"network": network, "framing": framing, "accuracy": draws[0], "low": low, "high": high}
                | {"chance": 1 / len(by_source)}
                | {f"recall_{source}": value for source, value in by_source.items()}
            )
    return pd.DataFrame(rows).round(4)


def _signs(accuracy: dict) -> list[Sign]:
    signs = []

    def add(claim: str, draws: Float[np.ndarray, " draws"], published: str) -> None:
        signs.append(Sign(claim, float(draws[0]), *percentile_ends(draws[1:]), "above", published=published))

    for other in ("unet", "unet-ht"):
        if not {("hybridgnet", EQUAL), (other, EQUAL)} <= set(accuracy):
            continue
        kept = accuracy[other, EQUAL] - accuracy["hybridgnet", EQUAL]
        add(f"after equal framing, {other}'s code tells the source better than HybridGNet's (balanced accuracy)", kept,
            f"{other} clusters by source, HybridGNet does not (figure 2)")  # fmt: skip
        less = (accuracy["hybridgnet", AS_IS] - accuracy["hybridgnet", EQUAL]) - (
            accuracy[other, AS_IS] - accuracy[other, EQUAL]
        )
        add(f"equal framing takes more of the source from HybridGNet's code than from {other}'s", less,
            "it removes all clusters of HybridGNet, none of the U-Nets (figure 2)")  # fmt: skip
    return signs


def _figure(plt: ModuleType, groups: dict, sources: list[str], accuracy: dict, seed: int) -> "Figure":
    import warnings

    networks = [each for each in NETWORKS if (each, AS_IS) in groups]
    shape = {"nrows": len(networks), "ncols": len(FRAMINGS), "figsize": (8, 3.3 * len(networks))}
    figure, axes = plt.subplots(**shape, layout="constrained", squeeze=False)
    for row, network in zip(axes, networks, strict=True):
        for axis, framing in zip(row, FRAMINGS, strict=True):
            own = groups[network, framing]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                near = min(15, len(own) - 1)
                places = umap_package().UMAP(n_neighbors=near, random_state=seed, n_jobs=1).fit_transform(_numbers(own))
            for number, source in enumerate(sources):
                inside = (own["source"] == source).to_numpy()
                axis.scatter(*places[inside].T, s=5, color=f"C{number}", label=source)
            axis.set(title=f"{network}, {framing}: accuracy {accuracy[network, framing][0]:.3f}", xticks=[], yticks=[])
    axes[0][0].legend(markerscale=2, fontsize=8)
    return figure


def _picture_of_framing(shown: dict[str, dict[str, np.ndarray]], path: Path) -> None:
    """Save the first image of each source, as it is and equally framed below."""
    import cv2

    from cxrfactory.imaging.drawing.png import save_png

    rows = [
        np.hstack([cv2.resize(shown[source][framing], (256, 256), interpolation=cv2.INTER_AREA) for source in shown])
        for framing in FRAMINGS
    ]
    save_png(np.vstack(rows), path)


STUDY = Study(
    NAME,
    "thesis, section 5.3.2 and figure 5.4 (ISBI 2023, figure 2)",
    "Do the codes of networks that learn from heterogeneous labels tell which hospital an image is from?",
    "in a UMAP of the codes, U-Net and UNet-HT cluster the images by data set. HybridGNet sets JSRT apart, whose lungs "
    "are larger; once all images have lungs of the same area, its clusters vanish and those of the U-Nets stay.",
    1.0,
    steps,
    {
        "labels": "cxrfactory.studies.latent_features:gather",
        "codes": "cxrfactory.studies.latent_features:take_codes",
        SUMMARY: "cxrfactory.studies.latent_features:summarise",
    },
    needs="landmarks of lungs from two or more sources, with hearts and clavicles in some images; and umap-learn "
    "(pip install 'cxrfactory[studies]')",
    requires=Requirement(organs="LHC", sources=2, package="umap"),
)
