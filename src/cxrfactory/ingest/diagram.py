"""Draw the selection diagram: images of each release, excluded images by reason, and included images.

The diagram follows figure 2 of the CheXmask paper (inclusion-exclusion criteria) and lists the reasons of the manifest.
"""

import textwrap
from collections.abc import Sequence
from pathlib import Path

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from cxrfactory.errors import CxrError
from cxrfactory.ingest.summary import Selection
from cxrfactory.tables.atomic import atomic_path

_INK, _LISTED, _LEFT_OUT, _KEPT = "#1f2933", "#e8eef4", "#fbeee6", "#e3f1e6"
_LINE_CM, _PAD_CM, _GAP_CM = 0.42, 0.5, 0.55
_COLUMNS_CM = {"listed": (0.3, 5.4), "left_out": (6.9, 9.6), "kept": (17.7, 5.4)}  # left edge, width
_WIDTH_CM = 23.4
_HEAD_CM = 1.1
_COUNT_CM = 1.6
_WRAP = 48
_SHOWN_REASONS = 8
_CM_AN_INCH = 2.54


def draw(selections: Sequence[Selection], names: Sequence[str], path: str | Path) -> None:
    """Draw one row per release with its listed images, its excluded images by reason, and its included images.

    The bytes of the file depend only on the counts and names.

    Parameters
    ----------
    selections
        Counts of each release; see :func:`cxrfactory.ingest.summary.count`.
    names
        Displayed name of each release.
    path
        ``.png`` or ``.svg`` file to write.

    Raises
    ------
    CxrError
        If the file has another suffix.
    """
    path = Path(path)
    if path.suffix not in (".png", ".svg"):
        raise CxrError(f"{path}: the diagram is written as .png or .svg, not '{path.suffix}'")
    texts = [_reasons(selection) for selection in selections]
    heights = [max(3, len(lines)) * _LINE_CM + _PAD_CM for lines in texts]
    total = _HEAD_CM + sum(heights) + _GAP_CM * len(heights) + (1.2 if len(heights) > 1 else 0)
    with matplotlib.rc_context({"svg.hashsalt": "selection", "svg.fonttype": "path", "font.family": "DejaVu Sans"}):
        figure = Figure(figsize=(_WIDTH_CM / _CM_AN_INCH, total / _CM_AN_INCH))
        canvas = (FigureCanvasSVG if path.suffix == ".svg" else FigureCanvasAgg)(figure)
        axes = figure.add_axes((0, 0, 1, 1), xlim=(0, _WIDTH_CM), ylim=(total, 0))
        axes.set_axis_off()
        for column, title in (("listed", "In the release"), ("left_out", "Left out"), ("kept", "Kept")):
            left, width = _COLUMNS_CM[column]
            axes.text(left + width / 2, 0.6, title, ha="center", va="center", color=_INK, weight="bold")
        top = _HEAD_CM
        for selection, name, lines, height in zip(selections, names, texts, heights, strict=True):
            listed = [(name, "bold"), (f"{selection.rows:,} images", "normal")]
            kept = [(f"{selection.included:,} images", "bold"), (_share(selection), "normal")]
            expected = selection.expected
            if expected:
                listed.append((f"CheXmask paper: {expected['rows']:,}", "light"))
                kept.append((f"CheXmask paper: {expected['included']:,}", "light"))
            _box(axes, "listed", top, height, listed, _LISTED)
            _box(axes, "left_out", top, height, [], _LEFT_OUT)
            _list_reasons(axes, top + height / 2, lines)
            _box(axes, "kept", top, height, kept, _KEPT)
            for start, end in (("listed", "left_out"), ("left_out", "kept")):
                _arrow(axes, start, end, top + height / 2)
            top += height + _GAP_CM
        if len(selections) > 1:
            rows, included = sum(s.rows for s in selections), sum(s.included for s in selections)
            line = f"All releases: {rows:,} images = {included:,} kept + {rows - included:,} left out"
            axes.text(_WIDTH_CM / 2, top + 0.35, line, ha="center", va="center", color=_INK, weight="bold")
        with atomic_path(path) as temporary:
            if path.suffix == ".svg":
                canvas.print_svg(temporary, metadata={"Date": None, "Creator": None})
            else:
                figure.set_dpi(160)
                canvas.print_png(temporary, metadata={"Software": None})


def _share(selection: Selection) -> str:
    return f"{selection.included / selection.rows:.1%} of the release" if selection.rows else "empty release"


def _reasons(selection: Selection) -> list[tuple[str, str]]:
    """Return the count and the text of each line of the middle box.

    If there are more than nine reasons, all after the first eight share one line.
    """
    if not selection.excluded:
        return [("0", "images")]
    reasons = list(selection.reasons.items())
    shown = reasons if len(reasons) <= _SHOWN_REASONS + 1 else reasons[:_SHOWN_REASONS]
    texts = [(f"{n:,}", reason) for reason, n in shown]
    if len(shown) < len(reasons):
        rest = reasons[len(shown) :]
        texts.append((f"{sum(n for _, n in rest):,}", f"{len(rest)} other reasons"))
    return [
        (images if place == 0 else "", line)
        for images, words in texts
        for place, line in enumerate(textwrap.wrap(words, _WRAP))
    ]


def _box(
    axes: matplotlib.axes.Axes,
    column: str,
    top: float,
    height: float,
    lines: Sequence[tuple[str, str]],
    colour: str,
) -> None:
    left, width = _COLUMNS_CM[column]
    style = "round,pad=0,rounding_size=0.15"
    axes.add_patch(FancyBboxPatch((left, top), width, height, boxstyle=style, facecolor=colour, edgecolor=_INK, lw=0.8))
    first = top + height / 2 - (len(lines) - 1) / 2 * _LINE_CM
    for place, (text, weight) in enumerate(lines):
        axes.text(
            left + width / 2,
            first + place * _LINE_CM,
            text,
            ha="center",
            va="center",
            color="#52606d" if weight == "light" else _INK,
            size=8.5,
            weight="bold" if weight == "bold" else "normal",
            parse_math=False,
        )


def _list_reasons(axes: matplotlib.axes.Axes, middle: float, lines: Sequence[tuple[str, str]]) -> None:
    """Write the reasons in two columns of the box: right-aligned counts, then left-aligned texts."""
    rule = _COLUMNS_CM["left_out"][0] + _COUNT_CM
    first = middle - (len(lines) - 1) / 2 * _LINE_CM
    for place, (images, words) in enumerate(lines):
        y = first + place * _LINE_CM
        axes.text(rule - 0.1, y, images, ha="right", va="center", color=_INK, size=8.5)
        # Without parse_math=False, Matplotlib would interpret dollar signs in a reason as mathematical text.
        axes.text(rule + 0.1, y, words, ha="left", va="center", color=_INK, size=8.5, parse_math=False)


def _arrow(axes: matplotlib.axes.Axes, start: str, end: str, y: float) -> None:
    left, width = _COLUMNS_CM[start]
    axes.annotate(
        "",
        xy=(_COLUMNS_CM[end][0], y),
        xytext=(left + width, y),
        arrowprops={"arrowstyle": "-|>", "color": _INK, "lw": 1.0, "shrinkA": 2, "shrinkB": 2},
    )
