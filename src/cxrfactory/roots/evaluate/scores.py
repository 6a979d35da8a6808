"""Scores of one plate: lengths and numbers of roots at each time, emergence of laterals, and overlap of masks."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cxrfactory.geometry.roots.system import RootPath, order_of
from cxrfactory.metrics.root_graphs import match_roots
from cxrfactory.roots.evaluate.tables import PlatePair
from cxrfactory.tables.rle import rle_decode

SHORTEST_MM = 5.0  # relative errors are computed for main roots from this true length on
Row = dict[str, Any]


def laterals_among(roots: Sequence[RootPath]) -> list[RootPath]:
    """Return the roots that grow on other roots."""
    return [root for root in roots if order_of(root.name) > 0]


def plant_time_rows(plate: PlatePair, tolerance_px: float) -> list[Row]:
    """Compare every true plant at every true time.

    A plant that was not found, and a picture that was not read, leave the found cells empty and count as wrong number
    of laterals. A plant that never has roots counts only if it was found. A found plant without a row at a time has no
    roots there. Lengths are in mm where both scales are known, else in pixels; ``main_error_percent`` is empty for true
    main roots shorter than 5 mm.
    """
    rows = []
    rooted = plate.rooted()
    for (plant, frame), true in sorted(plate.true.traits.items(), key=lambda item: item[0]):
        name, picture = plate.plants.get(plant), plate.frames.get(frame)
        if name is None and plant not in rooted:
            continue
        row = {"plate": plate.name, "group": plate.group, "plant": plant, "frame": frame, "hours": true["hours"],
               "found_plant": name, "found_frame": picture}  # fmt: skip
        found = plate.found.traits.get((name, picture)) if name is not None and picture is not None else None
        seen = name is not None and picture is not None
        rows.append(row | _compared(found, true, seen) | _matched(plate, (name, picture), (plant, frame), tolerance_px))
    return rows


def _compared(found: Row | None, true: Row, seen: bool) -> Row:
    in_mm = _known(true["mm_per_pixel"]) and (found is None or _known(found["mm_per_pixel"]))
    unit = "mm" if in_mm else "px"
    values: Row = {"unit": unit}
    for trait in ("main_length", "laterals_length", "total_length"):
        values[f"true_{trait}"] = true[f"{trait}_{unit}"]
        values[f"found_{trait}"] = found[f"{trait}_{unit}"] if found is not None else 0.0 if seen else np.nan
    # Without a scale, the limit of 5 mm cannot be applied, and every main root counts.
    long_enough = true["main_length_px"] > 0 and (
        not _known(true["mm_per_pixel"]) or true["main_length_mm"] >= SHORTEST_MM
    )
    for trait in ("main", "total"):
        difference = values[f"found_{trait}_length"] - values[f"true_{trait}_length"]
        values[f"{trait}_error_percent"] = 100 * difference / values[f"true_{trait}_length"] if long_enough else np.nan
    number = int(found["laterals"]) if found is not None else 0 if seen else None
    exact = number is not None and number == int(true["laterals"])
    return values | {"true_laterals": int(true["laterals"]), "found_laterals": number, "laterals_exact": exact}


def _matched(plate: PlatePair, found: tuple, true: tuple, tolerance_px: float) -> Row:
    ours, theirs = plate.found.roots.get(found, []), plate.true.roots.get(true, [])
    lines = ([root.points for root in laterals_among(roots)] for roots in (ours, theirs))
    matches = match_roots(*lines, tolerance_px)
    return {"laterals_drawn": matches.true, "laterals_found": matches.found, "laterals_matched": len(matches.pairs)}


def emergence_rows(plate: PlatePair, tolerance_px: float) -> list[Row]:
    """Compare when laterals emerge; laterals are matched in the last picture that both sides have.

    Returns
    -------
    One row for each true lateral. Without a match, or if it emerged in a picture that the other side lacks, the found
    cells are empty. ``error_frames`` is found minus true, in true pictures.
    """
    ours, theirs = (side.tables["laterals"] for side in (plate.found, plate.true))
    emerged = {(row.plant, row.root): int(row.emergence_frame) for row in ours.itertuples()}
    true_of = {found: true for true, found in plate.frames.items()}
    rows = []
    for plant, laterals in theirs.groupby("plant", sort=True):
        name = plate.plants.get(plant)
        matched = _last_matches(plate, plant, tolerance_px)
        for row in laterals.sort_values(["emergence_frame", "root"]).itertuples():
            same, length = matched.get(row.root, (None, np.nan))
            frame = None if same is None else true_of.get(emerged.get((name, same)))
            rows.append(
                {"plate": plate.name, "group": plate.group, "plant": plant, "root": row.root, "found_root": same,
                 "true_frame": int(row.emergence_frame), "found_frame": frame,
                 "error_frames": np.nan if frame is None else frame - int(row.emergence_frame),
                 "length_error_px": length}
            )  # fmt: skip
    return rows


def _last_matches(plate: PlatePair, plant: str, tolerance_px: float) -> dict[str, tuple[str, float]]:
    """Return found name and error of length, in pixels, by true name, in the last picture that both sides have."""
    if not plate.frames:
        return {}
    last = max(plate.frames)
    ours = laterals_among(plate.found.roots.get((plate.plants.get(plant), plate.frames[last]), []))
    theirs = laterals_among(plate.true.roots.get((plant, last), []))
    matches = match_roots([root.points for root in ours], [root.points for root in theirs], tolerance_px)
    return {
        theirs[other].name: (ours[one].name, float(error))
        for (one, other), error in zip(matches.pairs, matches.length_errors, strict=True)
    }


def plate_row(plate: PlatePair) -> Row:
    """Compute the Dice coefficient of all pictures of a plate together; a picture that lacks a mask has an empty one.

    Plants are those with roots in some picture. Pictures that were not read, or have no true mask, are left out.
    """
    ours, theirs = plate.found.mask_of(), plate.true.mask_of()
    sizes = {int(row.frame): (int(row.height), int(row.width)) for row in plate.true.tables["masks"].itertuples()}
    both = total = 0
    for true_frame, found_frame in plate.frames.items():
        if true_frame not in sizes:
            continue
        height, width = sizes[true_frame]
        one = rle_decode(ours.get(found_frame, ""), height, width) > 0
        other = rle_decode(theirs[true_frame], height, width) > 0
        both += int(np.count_nonzero(one & other))
        total += int(np.count_nonzero(one)) + int(np.count_nonzero(other))
    rooted = plate.rooted()
    return {"plate": plate.name, "group": plate.group, "true_pictures": len(plate.true.times()),
            "pictures": len(plate.frames), "true_plants": len(rooted), "plants": len(rooted & set(plate.plants)),
            "seeds_without_roots": len(set(plate.true.seeds()) - rooted),
            "dice": 2 * both / total if total else np.nan}  # fmt: skip


def _known(scale: float | None) -> bool:
    return scale is not None and np.isfinite(scale)
