"""RadGenome-Anatomy's table A6 and its printed decisions, read from a text copy of the paper; it is never committed."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

SHORT_NAMES = {
    "DLv3+": "DeepLabV3+",
    "M2F": "Mask2Former",
    "MSA": "Med-SAM-A",
    "nnU": "nnU-Net",
    "PID": "PIDNet",
    "PR": "PointRend",
    "SeaF": "SeaFormer",
    "SegF": "SegFormer",
    "SSAM": "S-SAM",
    "SwU": "Swin-UNet",
    "TopF": "TopFormer",
    "TrU": "TransUNet",
    "UKAN": "U-KAN",
    "UMa": "U-Mamba",
    "UNet": "U-Net",
    "UN++": "U-Net++",
    "UNX": "UNeXt",
    "UPN": "UPerNet",
    "VMU": "VMUNet",
}
NAMES = list(SHORT_NAMES.values())


@dataclass(frozen=True)
class PaperTable:
    """Scores ``[class, view, model]`` of both measures, the names of the classes, and the decisions by pair."""

    classes: list[str]
    dice: np.ndarray
    iou: np.ndarray
    decisions: dict[tuple[str, str], bool]


def paper_file() -> Path:
    """Return the paper's text: CXRFACTORY_PAPERS names its folder, or it is ``papers`` beside the real data."""
    folder = os.environ.get("CXRFACTORY_PAPERS")
    if not folder and (data := os.environ.get("CXRFACTORY_REAL_DATA")):
        folder = str(Path(data).parent / "papers")
    path = Path(folder or "nowhere") / "radgenome-anatomy.txt"
    if not path.is_file():
        pytest.skip("CXRFACTORY_PAPERS names no folder with radgenome-anatomy.txt")
    return path


def read_paper(path: Path) -> PaperTable:
    """Parse the table of 69 classes, 19 models and 2 views, and the 171 decisions."""
    lines = path.read_text(encoding="utf-8").splitlines()
    (head,) = (line for line in lines if line.startswith("| L1 | L2 | L3 | Metric"))
    assert [cell.strip() for cell in head.strip("| ").split("|")][4:] == list(SHORT_NAMES) * 2
    found: dict[str, list[list[float]]] = {"Dice": [], "mIoU": []}
    classes = []
    for line in lines:
        cells = [cell.strip() for cell in line.split("|")]
        for measure in found.keys() & set(cells):
            place = cells.index(measure)
            values = [float(cell) for cell in cells[place + 1 :] if re.fullmatch(r"\d\.\d{3}", cell)]
            if len(values) == 2 * len(NAMES):
                found[measure].append(values)
                classes += [cells[place - 1]] if measure == "Dice" else []
    tables = {name: np.array(rows).reshape(-1, 2, len(NAMES)) for name, rows in found.items()}
    (printed,) = (line for line in lines if line.startswith("Pair Sig. Pair"))
    decisions = {(a, b): sign == "✓" for a, b, sign in re.findall(r"(\S+?)–(\S+) ([✓–])", printed)}
    return PaperTable(classes, tables["Dice"], tables["mIoU"], decisions)
