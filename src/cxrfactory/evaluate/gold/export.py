"""Write the Label Studio tasks of one release."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from cxrfactory.anatomy.graph import LandmarkGraph, landmark_graph
from cxrfactory.anatomy.organs import LUNG_NODES
from cxrfactory.config.studies import GoldSampleConfig
from cxrfactory.errors import CxrError
from cxrfactory.evaluate.gold.sample import FILL_CHOICE, RANDOM_CHOICE, sample_gold
from cxrfactory.evaluate.gold.studio import labelling_config, task
from cxrfactory.logs import get_logger
from cxrfactory.tables.atomic import write_text
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.selected_rows import selected_rows

log = get_logger(__name__)

MODEL = "cxrfactory"
CONFIG_FILE = "labelling.xml"


def export_gold(
    product: str | Path,
    images: Sequence[str | Path],
    output: str | Path,
    settings: GoldSampleConfig,
) -> list[str]:
    """Sample a packed release and write the files that Label Studio imports.

    Parameters
    ----------
    product
        Parquet file of the release in the product. The file name gives the release's name.
    images
        Preprocessed image shards of the release, or folders of them.
    output
        Folder for ``{release}.tasks.json`` (to import), ``labelling.xml`` (labelling interface of the project) and
        ``{release}.sample.csv`` (how each image was chosen; for the evaluation, not for the reader).
    settings
        Number of images and how they are drawn; see :func:`cxrfactory.evaluate.gold.sample.sample_gold`.

    Returns
    -------
    Ids of the chosen images, in the order of the tasks.

    Raises
    ------
    CxrError
        If a table is unreadable, a chosen image is in no shard, or an image's size differs from the landmarks' frame.
    """
    product, output = Path(product), Path(output)
    release = product.stem
    table = read_table(product, columns=["image_id", "dice_rca_mean"])
    if table.empty:
        raise CxrError(f"{product}: holds no images; nothing to sample")
    choices = sample_gold(dict(zip(table["image_id"], table["dice_rca_mean"], strict=True)), settings)
    chosen = [choice.image_id for choice in choices]
    rows = _chosen_rows(product, ["landmarks_preprocessed", "size"], chosen).set_index("image_id")
    pictures = _pictures(images, chosen)
    graph = _graph(product, rows)
    tasks = []
    for image_id in chosen:
        size = int(rows.at[image_id, "size"])
        if pictures.at[image_id, "size"] != size:
            raise CxrError(
                f"{product}: landmarks of '{image_id}' are in a frame of {size}, its image has "
                f"{pictures.at[image_id, 'size']}; give the shards that the product was made of"
            )
        points = np.asarray(rows.at[image_id, "landmarks_preprocessed"], np.float64).reshape(-1, 2)[: graph.nodes]
        tasks.append(task(release, image_id, pictures.at[image_id, "png"], points, size, graph, MODEL))
    write_text(output / f"{release}.tasks.json", json.dumps(tasks, allow_nan=False) + "\n")
    write_text(output / CONFIG_FILE, labelling_config(graph))
    sample = pd.DataFrame([vars(choice) for choice in choices]).assign(release=release)
    columns = ["release", "image_id", "dice_rca_mean", "chosen_by"]
    write_text(output / f"{release}.sample.csv", sample[columns].to_csv(index=False, lineterminator="\n"))
    drawn = sum(choice.chosen_by == RANDOM_CHOICE for choice in choices)
    filled = sum(choice.chosen_by == FILL_CHOICE for choice in choices)
    log.info("%s: %d of %d images: %d by RCA bin, %d at random, %d at random for empty bins; wrote %s", release,
             len(choices), len(table), len(choices) - drawn - filled, drawn, filled, output)  # fmt: skip
    return chosen


def _graph(product: Path, rows: pd.DataFrame) -> LandmarkGraph:
    """Return the graph of the published points (lungs, or lungs and heart); the format has no clavicles."""
    counts = {len(points) // 2 for points in rows["landmarks_preprocessed"]}
    if len(counts) != 1 or min(counts) < LUNG_NODES:
        raise CxrError(f"{product}: images of {sorted(counts)} landmarks; expected one count, {LUNG_NODES} or more")
    return landmark_graph("lungs" if counts.pop() == LUNG_NODES else "lungs-heart")


def _pictures(images: Sequence[str | Path], chosen: list[str]) -> pd.DataFrame:
    files: list[Path] = []
    for path in map(Path, images):
        files += sorted(_shards(path)) if path.is_dir() else [path]
    if not files:
        raise CxrError(f"{', '.join(map(str, images))}: no image shards (.parquet); give those of the release")
    found = pd.concat([_chosen_rows(file, ["png", "size"], chosen) for file in files], ignore_index=True)
    if (twice := found["image_id"].duplicated()).any():
        raise CxrError(f"image '{found.loc[twice, 'image_id'].iloc[0]}' occurs twice in the image shards given")
    missing = sorted(set(chosen) - set(found["image_id"]))
    if missing:
        raise CxrError(f"{len(missing)} of {len(chosen)} images are in no shard given, first '{missing[0]}'")
    return found.set_index("image_id")


def _shards(folder: Path) -> list[Path]:
    return [path for path in folder.glob("*.parquet") if not path.stem.endswith(".rejected")]


def _chosen_rows(path: Path, columns: list[str], chosen: list[str]) -> pd.DataFrame:
    found = list(selected_rows(path, chosen, columns))
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=["image_id", *columns])
