"""Make the rows of the masks table from projected masks."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from jaxtyping import UInt8

from cxrfactory.projection.conventions import VIEWS, View
from cxrfactory.projection.structures import Structure
from cxrfactory.tables.mask_facts import mask_facts
from cxrfactory.tables.rle import rle_encode
from cxrfactory.tables.schemas import MASKS


def mask_rows(
    study_id: str, structures: Sequence[Structure], masks: dict[View, UInt8[np.ndarray, "k rows columns"]]
) -> pa.Table:
    """Return a table of schema ``MASKS`` with the structures in the given order, first of PA and then of LL.

    Empty masks have a row, too.
    """
    rows = []
    for view in VIEWS:
        height, width = masks[view].shape[1:]
        for structure, mask in zip(structures, masks[view], strict=True):
            rows.append(
                {
                    "study_id": study_id,
                    "view": view,
                    **vars(structure),
                    "height": height,
                    "width": width,
                    "rle": rle_encode(mask),
                    **mask_facts(mask).as_row(),
                }
            )
    return pa.Table.from_pylist(rows, schema=MASKS)
