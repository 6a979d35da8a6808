"""Cardiothoracic ratios of networks against those of people, as in the study of the HybridGNet paper (section 5.6).

    python -m cxrfactory segment $(sed "s#.*#DATA/jsrt/images/&.png#" DATA/jsrt/val.txt) --output jsrt.csv
    python -m cxrfactory segment DATA/fourth_hospital/images --output fourth.csv
    python benchmarks/ctr_study.py --data DATA --output DIR --jsrt shipped=jsrt.csv --fourth shipped=fourth.csv \
        [--jsrt unseen=OTHER.csv] [--fourth unseen=OTHER.csv] [--labelled fourth.parquet] [--leave-out fd_036]

The true ratios come from experts' landmarks (JSRT), from drawn masks (a fourth hospital, whose films are squashed to
squares, which changes no ratio of widths), and from the landmarks that two physicians corrected (`chexmask_gold`).
Landmarks are filled, and the ratio is that of masks. Widths are those of all columns (`cardiothoracic_ratio`, the
HybridGNet paper) or, with `--widths rows`, the largest distance of the outermost pixels of one row (RadGenome-Anatomy,
appendix B, here over the lungs alone). A table `labelled` gives the split of the fourth hospital's films, so that those
which a network held out stand apart. The figures of every part are written to DIR/PART/ (values.csv, scatter.png,
bland_altman.png) and printed as Markdown.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import pandas as pd
import typer

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.anatomy.raster import landmarks_to_masks
from cxrfactory.config.agreement import ValueAgreementConfig
from cxrfactory.evaluate.agreement.values import compare_values
from cxrfactory.metrics.cardiothoracic import cardiothoracic_ratio
from cxrfactory.tables.chexmask import read_chexmask
from cxrfactory.tables.named_values import named_values
from cxrfactory.tables.parquet import read_table

Rule = Callable[[np.ndarray, np.ndarray], float]
GRAPH = landmark_graph("lungs-heart")
JSRT_SIDE = GOLD_SIDE = 1024
GOLD = ("CANDID-PTX", "CheXpert", "MIMIC-CXR-JPG")
READERS = ("julia", "martina")


def widest_row(mask: np.ndarray) -> int:
    """Return the largest distance of the outermost pixels of one row, both included; 0 for an empty mask."""
    last = mask.shape[1] - 1 - mask[:, ::-1].argmax(axis=1)
    return int(np.where(mask.any(axis=1), last - mask.argmax(axis=1) + 1, 0).max())


def by_rows(lungs: np.ndarray, heart: np.ndarray) -> float:
    """Return the largest row width of the heart over that of the lungs."""
    thorax = widest_row(lungs)
    return widest_row(heart) / thorax if thorax and heart.any() else float("nan")


WIDTHS: dict[str, Rule] = {"columns": cardiothoracic_ratio, "rows": by_rows}


def ratio(points: np.ndarray, height: int, width: int, rule: Rule) -> float:
    """Return the ratio of filled landmarks of lungs and heart."""
    masks = landmarks_to_masks(points[: GRAPH.nodes], GRAPH, height, width)
    lungs = (masks["right_lung"] > 0) | (masks["left_lung"] > 0)
    return rule(lungs, masks["heart"] > 0)


def ratios_of(path: str | Path, rule: Rule) -> pd.Series:
    """Return the ratio of every image of a CheXmask table by the stem of its name."""
    frame = read_chexmask(path, ["Landmarks", "Height", "Width"])
    values = [ratio(row.Landmarks, row.Height, row.Width, rule) for row in frame.itertuples(index=False)]
    return pd.Series(values, index=[Path(name).stem for name in frame["image_id"]])


def jsrt_truth(data: Path, rule: Rule) -> pd.Series:
    """Return the ratio of the experts' landmarks of the validation films."""
    names = (data / "jsrt/val.txt").read_text().split()
    points = {
        name: np.concatenate([np.load(data / f"landmarks/{organ}/{name}.npy") for organ in ("RL", "LL", "H")])
        for name in names
    }
    return pd.Series({name: ratio(of, JSRT_SIDE, JSRT_SIDE, rule) for name, of in points.items()})


def fourth_truth(data: Path, rule: Rule) -> pd.Series:
    """Return the ratio of the drawn masks of the fourth hospital."""
    folder = data / "fourth_hospital"
    found = {}
    for row in pd.read_csv(folder / "table.csv").itertuples():
        masks = [
            cv2.imread(str(folder / path), cv2.IMREAD_GRAYSCALE) > 127
            for path in (row.mask_right_lung, row.mask_left_lung, row.mask_heart)
        ]
        found[row.id] = rule(masks[0] | masks[1], masks[2])
    return pd.Series(found)


def gold_tables(data: Path, rule: Rule) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the pairs of the two readers, and of the published model against each and against their mean."""
    folder = data / "chexmask_gold"
    parts = []
    for release in GOLD:
        columns = {"model": folder / f"{release}.csv"}
        columns |= {name: folder / f"{release}_{name}_annotations.csv" for name in READERS}
        found = {}
        for name, path in columns.items():
            frame = read_chexmask(path, ["Landmarks"], id_column="ImageID" if name in READERS else None)
            found[name] = pd.Series([ratio(points, GOLD_SIDE, GOLD_SIDE, rule) for points in frame["Landmarks"]],
                                    index=frame["image_id"])  # fmt: skip
        parts.append(pd.DataFrame(found).dropna())
    ratios = pd.concat(parts)
    first, second = READERS
    mean = ratios[list(READERS)].mean(axis=1)
    for name, true, measured in (
        ("second reader against first", ratios[first], ratios[second]),
        ("published model against first reader", ratios[first], ratios["model"]),
        ("published model against second reader", ratios[second], ratios["model"]),
        ("published model against their mean", mean, ratios["model"]),
    ):
        yield name, pd.DataFrame({"true": true, "measured": measured})


def compared(
    truth: pd.Series, tables: Mapping[str, str], held_out: set[str], rule: Rule
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield true and measured ratios of each table, and of the films that are held out."""
    for name, path in tables.items():
        frame = pd.DataFrame({"true": truth, "measured": ratios_of(path, rule)}).dropna()
        yield name, frame
        if held_out:
            yield f"{name}, split val", frame[frame.index.isin(held_out)]


def written(part: str, groups: Iterator[tuple[str, pd.DataFrame]], output: Path) -> pd.DataFrame:
    """Write the table of a part, compare its values and return the figures."""
    frames = [frame.assign(group=name, patient_id=frame.index) for name, frame in groups]
    path = output / f"{part}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.concat(frames).to_csv(path, index_label="image_id", float_format="%.6f")
    return compare_values([path], output / part, ValueAgreementConfig(group="group"))


def lines(part: str, made: pd.DataFrame) -> Iterator[str]:
    """Yield rows of a Markdown table."""
    for row in made.itertuples():
        cells = [part, row.group, row.part, str(row.pairs)]
        cells += [f"{row.r:.3f} ({row.r_from:.3f} to {row.r_to:.3f})", f"{row.mae:.4f}", f"{row.bias:+.4f}"]
        cells += [f"{row.limit_low:+.3f} to {row.limit_high:+.3f}"]
        yield f"| {' | '.join(cells)} |"


def main(
    data: Annotated[Path, typer.Option(help="Folder with jsrt, landmarks, fourth_hospital and chexmask_gold.")],
    output: Annotated[Path, typer.Option(help="Folder to write.")],
    jsrt: Annotated[list[str] | None, typer.Option(help="NAME=TABLE of segment on JSRT's validation films.")] = None,
    fourth: Annotated[list[str] | None, typer.Option(help="NAME=TABLE of segment on the fourth hospital.")] = None,
    labelled: Annotated[
        Path | None, typer.Option(help="Labelled table of the fourth hospital, whose split val was held out.")
    ] = None,
    leave_out: Annotated[list[str] | None, typer.Option(help="Film of the fourth hospital to leave out.")] = None,
    widths: Annotated[str, typer.Option(help="columns or rows.")] = "columns",
) -> None:
    """Compare cardiothoracic ratios with those of people."""
    rule = WIDTHS[widths]
    form = ("NAME=TABLE", "such as shipped=jsrt.csv")
    held_out: set[str] = set()
    if labelled is not None:
        table = read_table(labelled, columns=["image_id", "split"])
        held_out = {name.removeprefix("Fourth-") for name in table.loc[table["split"] == "val", "image_id"]}
    print("| films | group | part | n | r (95 %) | MAE | bias | limits of agreement |\n" + "| --- " * 8 + "|")
    if jsrt:
        tables = named_values(jsrt, "--jsrt", *form)
        print(
            "\n".join(
                lines("JSRT, val", written("jsrt", compared(jsrt_truth(data, rule), tables, set(), rule), output))
            )
        )
    if fourth:
        truth = fourth_truth(data, rule).drop(leave_out or [])
        tables = named_values(fourth, "--fourth", *form)
        made = written("fourth", compared(truth, tables, held_out, rule), output)
        print("\n".join(lines("fourth hospital", made)))
    print("\n".join(lines("two physicians", written("physicians", gold_tables(data, rule), output))))


if __name__ == "__main__":
    typer.run(main)
