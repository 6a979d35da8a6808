"""Error of each landmark over the gold standard, as a table and as a plot on the mean shape."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from cxrfactory.anatomy.graph import graph_of_nodes
from cxrfactory.errors import CxrError
from cxrfactory.evaluate.gold.tables import ALL, Annotated
from cxrfactory.imaging.drawing.figure import pyplot, save_figure
from cxrfactory.metrics.landmarks import PAPER_SIZE_PX

COLUMNS = ["release", "found", "truth", "node", "organ", "images", "mse_px2", "mean_x", "mean_y"]
SMALLEST_PX2 = 0.5  # smaller errors, including 0, are drawn as this value, because the scale is logarithmic


def landmark_errors(compared: Sequence[tuple[Annotated, Annotated]], sizes: dict[str, pd.Series]) -> pd.DataFrame:
    """Compute the mean squared error of every node by pair, for each release and for all releases.

    Parameters
    ----------
    compared
        Pairs (found, truth); both members of a pair belong to one release.
    sizes
        For each release, the side of each image's frame in pixels, by image id.

    Returns
    -------
    Table with ``release``, ``found``, ``truth``, ``node`` (from 0, in the order of the graph), ``organ`` and
    ``images``. ``mse_px2`` is the mean over images of half the squared distance, i.e. the mean over x and y, so that
    its mean over nodes is the landmark MSE. ``mean_x`` and ``mean_y`` are the truth's mean shape. Coordinates are
    pixels of a 1024 x 1024 frame with integers at pixel centres. Rows ``all`` exist if there are several releases.

    Raises
    ------
    CxrError
        If images differ in the number of landmarks, or no graph has this number.
    """
    stacks: dict[tuple[str, str, str], list[tuple[np.ndarray, np.ndarray]]] = {}
    for found, truth in compared:
        for image_id in sorted(set(found.rows.index) & set(truth.rows.index)):
            points = [_at_paper_size(each.rows.at[image_id, "Landmarks"], int(sizes[truth.release][image_id]))
                      for each in (found, truth)]  # fmt: skip
            for release in (truth.release, ALL):
                stacks.setdefault((release, found.reader, truth.reader), []).append((points[0], points[1]))
    several = len({release for release, _, _ in stacks}) > 2
    frames = []
    for (release, found_name, truth_name), points in stacks.items():
        if release == ALL and not several:
            continue
        counts = {len(each) for pair in points for each in pair}
        if len(counts) != 1:
            raise CxrError(f"'{found_name}' and '{truth_name}' hold images of {sorted(counts)} landmarks; compare one "
                           "graph")  # fmt: skip
        graph = graph_of_nodes(counts.pop())
        found_points, true_points = np.array(points).transpose(1, 0, 2, 3)
        mean = true_points.mean(axis=0)
        frames.append(pd.DataFrame({
            "release": release,
            "found": found_name,
            "truth": truth_name,
            "node": np.arange(graph.nodes),
            "organ": [organ for organ, where in graph.slices.items() for _ in range(where.start, where.stop)],
            "images": len(points),
            "mse_px2": ((found_points - true_points) ** 2).mean(axis=(0, 2)),
            "mean_x": mean[:, 0],
            "mean_y": mean[:, 1],
        }))  # fmt: skip
    return pd.concat(frames, ignore_index=True)[COLUMNS]


def plot_landmark_errors(errors: pd.DataFrame, path: str | Path) -> None:
    """Draw the mean shape in one panel for each pair; a node's colour and size show its MSE on a logarithmic scale.

    Parameters
    ----------
    errors
        Table of :func:`landmark_errors`. The rows of all releases together are drawn if they exist.
    path
        PNG to write.
    """
    from matplotlib.colors import LogNorm

    if (errors["release"] == ALL).any():
        errors = errors[errors["release"] == ALL]
    errors = errors.assign(drawn=errors["mse_px2"].clip(lower=SMALLEST_PX2))
    panels = list(errors.groupby(["found", "truth"], sort=False))
    low = errors["drawn"].min()
    scale = LogNorm(low, max(errors["drawn"].max(), 10 * low))  # at least a decade, so small differences stay small
    figure, axes = pyplot().subplots(
        1, len(panels), figsize=(4.6 * len(panels) + 1, 4.8), squeeze=False, sharex=True, sharey=True,
        layout="constrained",
    )  # fmt: skip
    for axis, ((found, truth), rows) in zip(axes[0], panels, strict=True):
        for _, organ in rows.groupby("organ", sort=False):
            closed = pd.concat([organ, organ.iloc[:1]])
            axis.plot(closed["mean_x"], closed["mean_y"], color="0.75", linewidth=0.8, zorder=1)
        marks = axis.scatter(rows["mean_x"], rows["mean_y"], c=rows["drawn"], s=8 + 70 * scale(rows["drawn"]),
                             norm=scale, cmap="viridis_r", zorder=2)  # fmt: skip
        axis.set(title=f"{found} against {truth} ({rows['images'].iloc[0]} images)", aspect="equal", xticks=[],
                 yticks=[])  # fmt: skip
        axis.spines[:].set_visible(False)
    axes[0][0].invert_yaxis()
    figure.colorbar(marks, ax=axes[0].tolist(), label="MSE of the landmark, px² at 1024 x 1024", shrink=0.8)
    save_figure(figure, path)


def _at_paper_size(points: np.ndarray, size: int) -> np.ndarray:
    return (np.asarray(points, np.float64) + 0.5) * (PAPER_SIZE_PX / size) - 0.5
