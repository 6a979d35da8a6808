"""The tables that the quality scores of one model are made from: the images of its test, and images for references."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from cxrfactory.errors import CxrError
from cxrfactory.evaluate.generalise.truth import read_images
from cxrfactory.logs import get_logger
from cxrfactory.tables.parquet import read_table, write_table
from cxrfactory.tables.schemas import LABELLED_IMAGES
from cxrfactory.tables.sources import leave_out

log = get_logger(__name__)


def write_model_images(
    labelled: Sequence[str | Path],
    output: str | Path,
    references: str | Path,
    sources: Sequence[str] | None,
    without_sources: Sequence[str],
) -> tuple[int, int]:
    """Write the images that a model is tested on, and the training images of the sources that it saw.

    Parameters
    ----------
    labelled
        Preprocessed labelled tables, schema ``LABELLED_IMAGES``.
    output
        Table to write of the tested images (:func:`cxrfactory.evaluate.generalise.truth.read_images`).
    references
        Table to write of the images with landmarks in split ``train`` of the sources that the model was trained with.
    sources
        Sources to test; None for all.
    without_sources
        Sources that the model was trained without.

    Returns
    -------
    Numbers of images in both tables.

    Raises
    ------
    CxrError
        If a table is unreadable, a source does not occur, or one of the tables would be empty.
    """
    tested = {case.image_id for case in read_images(labelled, sources, without_sources)}
    table = pd.concat([read_table(path, LABELLED_IMAGES) for path in labelled], ignore_index=True)
    where = ", ".join(map(str, labelled))
    seen = leave_out(table, without_sources, where)
    seen = seen[(seen["split"] == "train") & seen["landmarks"].map(lambda each: each is not None and len(each) > 0)]
    if seen.empty:
        raise CxrError(f"{where}: no image with landmarks has split 'train'; RCA needs such images as references")
    write_table(table[table["image_id"].isin(tested)], output, LABELLED_IMAGES)
    write_table(seen, references, LABELLED_IMAGES)
    log.info("%d images to test, %d for references; wrote %s, %s", len(tested), len(seen), output, references)
    return len(tested), len(seen)
