"""Plants whose traits are given by formulas, as tables of traits and laterals."""

from pathlib import Path

import numpy as np
import pandas as pd

from cxrfactory.tables.parquet import write_table
from cxrfactory.tables.roots import ROOT_LATERALS, ROOT_TRAITS

MM = 0.15


def trait_rows(plate, plant, group, hours, speed=0.25, rhythm=0.1, first_lateral=60.0, scale=MM, flags=None):
    """A main root at ``speed`` mm/h with a share ``rhythm`` of a daily wave, and a new lateral every 12 hours."""
    hours = np.asarray(hours, float)
    main = 5 + speed * (hours + rhythm * 12 / np.pi * np.sin(np.pi * hours / 12))
    starts = np.arange(first_lateral, 1000, 12)
    number = (hours[:, None] > starts).sum(axis=1)
    laterals = 0.6 * speed * np.maximum(0, hours[:, None] - starts).sum(axis=1)
    width, height = 2 + laterals / 10, main
    rows = []
    for i, hour in enumerate(hours):
        row = {
            "plate": plate, "plant": plant, "group": group, "frame": i, "hours": hour, "mm_per_pixel": scale,
            "main_length_px": main[i] / MM, "laterals_length_px": laterals[i] / MM,
            "total_length_px": (main[i] + laterals[i]) / MM,
            "main_length_mm": main[i], "laterals_length_mm": laterals[i], "total_length_mm": main[i] + laterals[i],
            "laterals": number[i], "laterals_per_cm": number[i] / main[i] * 10,
            "main_share": main[i] / (main[i] + laterals[i]), "hull_area_mm2": width[i] * height[i],
            "hull_width_mm": width[i], "hull_height_mm": height[i], "hull_aspect": height[i] / width[i],
            "laterals_per_hull_mm": laterals[i] / (width[i] * height[i]),
            "emergence_angle_deg": 70.0 if number[i] else None, "tip_angle_deg": 50.0 if number[i] else None,
            "flags": (flags or {}).get(i, []),
        }  # fmt: skip
        if scale is None:
            row |= {name: None for name in row if name.endswith(("_mm", "_mm2", "_cm"))}
        rows.append(row)
    return rows


def lateral_rows(plate, plant, group, hours, first_lateral=60.0, scale=MM):
    """The laterals of :func:`trait_rows`: each emerges at the first picture after its start."""
    hours = np.asarray(hours, float)
    starts = [start for start in np.arange(first_lateral, 1000, 12) if (hours > start).any()]
    return [
        {"plate": plate, "plant": plant, "group": group, "root": f"1.{i + 1}",
         "emergence_frame": int(np.argmax(hours > start)), "emergence_hours": float(hours[hours > start][0]),
         "base_px": 10.0 * i, "side": "left", "angle_deg": 70.0, "last_length_px": 5.0, "mm_per_pixel": scale}
        for i, start in enumerate(starts)
    ]  # fmt: skip


def write_traits(path: Path, rows) -> Path:
    frame = pd.DataFrame(rows, columns=ROOT_TRAITS.names)
    write_table(frame.sort_values(["plate", "plant", "frame"]), path, ROOT_TRAITS, sort=False)
    return path


def write_laterals(path: Path, rows) -> Path:
    write_table(pd.DataFrame(rows, columns=ROOT_LATERALS.names), path, ROOT_LATERALS, sort=False)
    return path


def write_cohort(folder: Path, hours=np.arange(0, 240, 3.0), effect=0.75, plates=3, plants=4, scale=MM, grouped=True):
    """Two groups of plates; the second grows at ``effect`` times the speed and has a weaker rhythm."""
    rng = np.random.default_rng(0)
    traits, laterals = [], []
    for group, factor in (("first", 1.0), ("second", effect)):
        for number in range(plates):
            for plant in range(plants):
                key = (f"{group}-{number}", str(plant + 1), group if grouped else None, hours)
                first = 50 + 10 * rng.random()
                speed = 0.25 * factor * (1 + 0.05 * rng.standard_normal())
                flags = {3: ["main_shrank"], 5: ["main_shrank", "tip_jumped"]} if plant == 1 and number == 0 else {}
                traits += trait_rows(*key, speed, 0.3 * factor**3 + 0.05 * rng.random(), first, scale, flags)
                laterals += lateral_rows(*key, first, scale)
    return write_traits(folder / "traits.parquet", traits), write_laterals(folder / "laterals.parquet", laterals)
