"""From the names of a source to the classes of the taxonomy, and what can be made of them by union."""

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
    """What a mask shows: columns of a masks table."""

    source_id: int | None
    class_id: int | None
    name: str
    origin: str  # label or union
    cut_off: bool = False  # reaches the outermost voxels of the scan


def labelled(names: Sequence[str], source_ids: Sequence[int | None], cut_off: Bool[np.ndarray, "k"]) -> list[Structure]:
    """Structures under their source's names; a name that is unknown or dropped has no class."""
    found = []
    for name, source_id, cut in zip(names, source_ids, cut_off, strict=True):
        try:
            class_id = resolve(name).class_id
        except CxrError:  # by hand every label is projected, whatever it is called
            class_id = None
        found.append(Structure(source_id, class_id, name, "label", bool(cut)))
    return found


def dropped(names: Sequence[str]) -> dict[str, str]:
    """Names that are left out deliberately, with the reason.

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
    """Masks of taxonomy classes: those that the source labels, and those that a union of them makes.

    Several labels of one class are united; a group (both lungs, all ribs) is made where the source can label all
    its essential parts (:func:`cxrfactory.anatomy.taxonomy.union_plan`). The projection of a union is the union of
    the projections, so nothing is lost by working on masks.

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
