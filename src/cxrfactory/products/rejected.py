"""Read the rejected tables of the stages before packing."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cxrfactory.errors import CxrError
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.schemas import REJECTED


@dataclass(frozen=True)
class Rejection:
    """The stage that rejected an image, and the reason."""

    image_id: str
    stage: str
    reason: str


def read_rejected(paths: Sequence[str | Path]) -> dict[str, Rejection]:
    """Read the rejected tables of the earlier stages, by image id.

    Raises
    ------
    CxrError
        If two tables reject the same image, because a rejected image must not reach a later stage.
    """
    found: dict[str, Rejection] = {}
    for path in paths:
        frame = read_table(path, REJECTED, columns=["image_id", "stage", "reason"])
        for image_id, stage, reason in frame.itertuples(index=False):
            if image_id in found:
                raise CxrError(
                    f"{path}: image '{image_id}' is rejected at '{stage}' and already at '{found[image_id].stage}'"
                )
            found[image_id] = Rejection(image_id, stage, reason)
    return found
