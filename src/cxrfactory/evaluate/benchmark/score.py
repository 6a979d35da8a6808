"""Score one trained network on held-out images: the eight measures of every structure of every level, and its cost."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa

from cxrfactory.anatomy.groups import Node, nodes_of
from cxrfactory.anatomy.truth import TrueMask, Truth
from cxrfactory.config.benchmark import BenchmarkScoreConfig
from cxrfactory.errors import CxrError, ImageError
from cxrfactory.evaluate.benchmark.cases import BenchmarkImage, pixel_sizes, read_images
from cxrfactory.evaluate.benchmark.measures import MEASURES, mask_measures
from cxrfactory.evaluate.models.choose_images import segmented_regions
from cxrfactory.evaluate.models.cost import measure_cost
from cxrfactory.evaluate.models.evaluate_models import write_csv
from cxrfactory.evaluate.models.open_models import open_model
from cxrfactory.logs import get_logger, progress
from cxrfactory.models.segmenter import Masks, Segments
from cxrfactory.tables.parquet import write_table
from cxrfactory.tables.rows import Row

log = get_logger(__name__)

KEYS = ("model", "seed", "image_id", "patient_id", "view", "level", "structure", "group", "pathology")
SCORES = pa.schema(
    [
        *(pa.field(name, pa.string()) for name in ("model",)),
        pa.field("seed", pa.int32()),
        *(pa.field(name, pa.string()) for name in ("image_id", "patient_id", "view", "level", "structure", "group")),
        pa.field("pathology", pa.bool_()),
        pa.field("truth_px", pa.int32()),
        pa.field("found_px", pa.int32()),
        *(pa.field(name, pa.float32()) for name in MEASURES),
    ]
)


def score_model(
    labelled: str | Path,
    weights: str | Path,
    output: str | Path,
    cost: str | Path,
    settings: BenchmarkScoreConfig,
    studies: str | Path | None = None,
) -> pd.DataFrame:
    """Score a network on the images of one split.

    Every structure of every level (:func:`cxrfactory.anatomy.groups.nodes_of`) is measured as the union of the found
    masks of its regions against the union of the true ones. Only regions that an image annotates count in it.

    Parameters
    ----------
    labelled
        Preprocessed labelled table.
    weights
        Trained weights with their card.
    output
        Table to write (.parquet), one row for each image and structure.
    cost
        Table to write (.csv): parameters, multiplications and additions, time for an image, memory. Its times differ
        from run to run.
    settings
        Name of the model, repeat, split, tolerance, device.
    studies
        Table of the projected studies with the size of their pixels, for distances in mm; without it,
        ``settings.pixel_mm`` is used.

    Returns
    -------
    The table of scores.

    Raises
    ------
    CxrError
        If a file is unreadable, the split is empty, or no image annotates a region of the network.
    """
    sizes = pixel_sizes(studies) if studies is not None else settings.pixel_mm
    images = read_images(labelled, settings.split, sizes)
    segmenter = open_model(Path(weights), device=settings.device)
    regions = segmented_regions(segmenter)
    nodes = nodes_of(list(regions))
    rows: list[Row] = []
    for case in progress(images, settings.name):
        rows += _rows_of(case, segmenter, regions, nodes, settings)
    if not rows:
        known = ", ".join(sorted({name for case in images for name in case.image.regions})) or "nothing"
        raise CxrError(
            f"{labelled}: no image annotates a region of {settings.name} ({', '.join(regions)}); the images annotate "
            f"{known}"
        )
    table = pd.DataFrame(rows)
    write_table(table, output, SCORES)
    pngs = [case.image.png for case in images]
    measured = vars(measure_cost(Path(weights), pngs, images[0].image.size, settings.device))
    spent = {"model": settings.name, "seed": settings.seed, **measured, "gflops": gflops(segmenter)}
    write_csv(pd.DataFrame([spent]), Path(cost))
    log.info("%s, seed %d: mean Dice %.4f over %d images and %d structures; wrote %s", settings.name, settings.seed,
             table["dice"].mean(), len(images), len(nodes), output)  # fmt: skip
    return table


def gflops(segmenter: Segments) -> float:
    """Return the multiplications and additions of one image in thousands of millions; each of the two counts as one.

    PyTorch counts convolutions, matrix products and attention; other operations are not counted.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    size = segmenter.input_size
    rows, columns = (size, size) if isinstance(size, int) else size
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        segmenter.network(torch.zeros(1, 1, rows, columns, device=segmenter.device))
    return counter.get_total_flops() / 1e9


def _rows_of(
    case: BenchmarkImage,
    segmenter: Segments,
    regions: dict[str, str],
    nodes: list[Node],
    settings: BenchmarkScoreConfig,
) -> Iterator[Row]:
    image = case.image
    truth = image.true_masks({region: region for region in regions})
    try:
        answer = segmenter(image.image(), image.size).masks
    except ImageError as error:
        raise CxrError(f"{settings.name}: {image.image_id}: {error}") from error
    found = {region: answer[organ] for region, organ in regions.items()}
    key = {"model": settings.name, "seed": settings.seed, "image_id": image.image_id}
    key |= {"patient_id": case.patient_id, "view": case.view}
    measured: dict[tuple[str, ...], dict[str, float]] = {}  # one structure is often a node of several levels
    for node in nodes:
        members = tuple(region for region in node.regions if region in truth)
        if not members:
            continue
        if members not in measured:
            both = _union(members, found, truth)
            measured[members] = mask_measures(*both, settings.tolerance_px, case.pixel_mm)
        names = {"level": node.level, "structure": node.name, "group": node.group, "pathology": node.pathology}
        yield key | names | measured[members]


def _union(members: tuple[str, ...], found: Masks, truth: Truth) -> tuple:
    true: TrueMask = truth[members[0]]
    mask = found[members[0]].astype(bool)
    for name in members[1:]:
        true, mask = true | truth[name], mask | found[name].astype(bool)
    return true.compared_with(mask)
