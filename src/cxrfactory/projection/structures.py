"""Map the structure names of a source to taxonomy classes, and form further classes as unions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, UInt8

from cxrfactory.anatomy.taxonomy import class_by_id, resolve, union_plan
from cxrfactory.errors import CxrError
from cxrfactory.projection.conventions import View
from cxrfactory.projection.occupancy import union


@dataclass(frozen=True)
class Structure:
    """Structure that a mask shows; the attributes are columns of a masks table."""

    source_id: int | None
    class_id: int | None
    name: str
    origin: str  # label or union
    cut_off: bool = False  # True if the structure reaches the outermost voxels of the scan


def labelled(names: Sequence[str], source_ids: Sequence[int | None], cut_off: Bool[np.ndarray, "k"]) -> list[Structure]:
    """Return the structures with the names of their source; an unknown or dropped name has no class."""
    found = []
    for name, source_id, cut in zip(names, source_ids, cut_off, strict=True):
        try:
            class_id = resolve(name).class_id
        except CxrError:  # for a single study every label is projected, also those with unknown names
            class_id = None
        found.append(Structure(source_id, class_id, name, "label", bool(cut)))
    return found


def dropped(names: Sequence[str]) -> dict[str, str]:
    """Return the names that are excluded deliberately, with the reason for each.

    Raises
    ------
    CxrError
        If a name is in no vocabulary.
    """
    found = {name: resolve(name).dropped for name in names}
    return {name: reason for name, reason in found.items() if reason is not None}


def to_classes(
    names: Sequence[str],
    source_ids: Sequence[int | None],
    masks: dict[View, UInt8[np.ndarray, "k rows columns"]],
    cut_off: Bool[np.ndarray, "k"],
) -> tuple[list[Structure], dict[View, UInt8[np.ndarray, "c rows columns"]]]:
    """Compute the masks of taxonomy classes from the source's labels and from unions of them.

    Several labels of one class are merged. A group (both lungs, all ribs) is formed if the source can label all its
    essential parts (:func:`cxrfactory.anatomy.taxonomy.union_plan`). The projection of a union equals the union of the
    projections, so the unions of masks are exact.

    Parameters
    ----------
    names
        Structure names of the source.
    source_ids
        Label value of each structure, or None.
    masks
        Masks of 0 and 1 of each view, [structure, row, column].
    cut_off
        Whether the scan cuts each structure off.

    Returns
    -------
    tuple
        Structures sorted by class, and the masks of each view in that order.

    Raises
    ------
    CxrError
        If a name is in no vocabulary.
    """
    parts: dict[int, list[int]] = {}
    for place, name in enumerate(names):
        class_id = resolve(name).class_id
        if class_id is not None:
            parts.setdefault(class_id, []).append(place)
    stacks: dict[int, dict[View, np.ndarray]] = {}
    sources: dict[int, int | None] = {}
    cut: dict[int, bool] = {}
    for class_id, places in parts.items():
        stacks[class_id] = {view: union(masks[view][places]) for view in masks}
        sources[class_id] = source_ids[places[0]] if len(places) == 1 else None
        cut[class_id] = bool(cut_off[places].any())
    plan = union_plan(parts)
    for class_id, members in plan:
        stacks[class_id] = {view: union(np.stack([stacks[each][view] for each in members])) for view in masks}
        cut[class_id] = any(cut[each] for each in members)
    made = {class_id for class_id, _ in plan} | {class_id for class_id, places in parts.items() if len(places) > 1}
    order = sorted(stacks)
    structures = [
        Structure(sources.get(each), each, class_by_id(each).name, "union" if each in made else "label", cut[each])
        for each in order
    ]
    empty = {view: masks[view][:0] for view in masks}
    joined = {view: np.stack([stacks[each][view] for each in order]) if order else empty[view] for view in masks}
    return structures, joined
