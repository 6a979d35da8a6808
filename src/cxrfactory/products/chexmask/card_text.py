"""Compose the text of the dataset card."""

import json
from collections.abc import Sequence

from cxrfactory.anatomy.organs import LUNGS, ORGAN_NODES, ORGANS
from cxrfactory.metrics.flags import MIRROR
from cxrfactory.products.card_yaml import load_section
from cxrfactory.products.chexmask.summary import ChexmaskSummary
from cxrfactory.products.described import Description
from cxrfactory.products.markdown import credits_section, left_out_table, markdown_table
from cxrfactory.products.product import Provenance, provenance_table
from cxrfactory.tables.rca_threshold import RECOMMENDED_RCA_MEAN

TITLE = "Chest radiograph anatomy in CheXmask format"

_TEMPLATE = """\
# {title}

Lungs{and_heart} of {kept:,} frontal chest radiographs: contour landmarks and masks, an estimate of each mask's
quality, and the uncertainty of each landmark. It holds no images and no header fields; get the images from their
releases and join on the id.

## Releases

{counts}

Every row of a release is kept, excluded (by the selection rule; `excluded.csv`) or rejected (failed on the way;
`rejected.csv`): rows = kept + excluded + rejected, checked when this product was packed.

{reasons}## Files

- `OriginalResolution/<Release>.csv`: the release's own image size.
- `Preprocessed/<Release>.csv`: the square frame that the model saw (border cropped, padded, resized).
- `Parquet/<Release>.parquet`: the same rows with landmarks unrounded in both frames, per-landmark mean and standard
  deviation over latent samples, RCA per organ{and_estimates}, and the geometry between the frames.
- `index.parquet`: all releases in one table without masks and landmarks.
- `rejected.csv`, `excluded.csv`: what is not in the tables, and why.
- `croissant.json`: these tables and columns for programs that read Croissant.
- `config.yaml`, `weights.json`: how it was made. `SHA256SUMS`: check with `sha256sum -c SHA256SUMS`.

{columns}

The masks are the filled contours of the rounded `Landmarks` of the same row, so filling the landmarks gives the
RLE. Organs may overlap, and a pixel may then belong to two masks.
{load}
## Quality

Recommended use: rows with `Dice RCA (Mean)` >= {recommended}, as the CheXmask paper (Gaggion et al., 2024) does.
RCA estimates quality without truth; it is no measurement.

{quality}
{mirrored}{estimates}
![Distribution of Dice RCA (Mean)](rca.png)

## Provenance

{provenance}

Weights card:

```json
{weights}
```
{credits}"""

_MIRRORED = """
The column `mirrored` of the Parquet is the probability that a film is mirrored; a heart that lies on the right looks
the same. More than {limit} have: {counts}. Their left and right lung may be exchanged: look at them first.
"""

_ESTIMATES = """
### Estimates of the true Dice

Columns of the Parquet alone: `dice_estimate` of the mean of lungs and heart (of the lungs, where the model has no
heart), `dice_low` and `dice_high` the ends of its interval; with `lungs_` or `heart_` before, of that organ (null
without a heart). They come from the RCA scores by a curve fitted on masks of known Dice, most of them spoiled on
purpose, and by split-conformal margins: of images like those of the calibration, the share in the column "asked" has
its true Dice in the interval, averaged over images and masks. That is no promise for a single image, for masks above
or below some score, or for a hospital unlike those of the calibration.

{which}

{spread}
"""

_JUDGED = """
### Estimates of the true Dice for a new hospital, and flags

Columns of the Parquet alone: `dice_estimate` of the mean of lungs and heart (of the lungs, where the model has no
heart), `dice_low` and `dice_high` the ends of its interval; with `lungs_`, `heart_`, `right_lung_` or `left_lung_`
before, of that organ. They come from the agreement of the network's own answers (columns `evidence` and
`latent_norm`), fitted on masks that models drew of hospitals they had not seen. In each of these hospitals, left out of
the fit, at least the share in the column "asked" of the images had its true Dice in the interval of each organ. That is
expected, and not promised, of a hospital that resembles them. `flagged` marks the images to look at, and
`flag_reasons` names the organ and the signal that lowers its estimate most.

{which}

{spread}
"""


def card_text(
    summaries: Sequence[ChexmaskSummary], provenance: Provenance, credits: Sequence[str], description: Description
) -> str:
    """Compose ``README.md`` of the product, below its head.

    Parameters
    ----------
    summaries
        The ``summary.json`` of each release, in the order of the tables.
    provenance
        Versions, commit and hashes of the run; ``weights`` is the card of the segmenter's weights.
    credits
        Lines of the section on sources and licences.
    description
        The tables as other programs load them.
    """
    weights = provenance["weights"] or {}
    with_heart = any(summary["graph"] != "lungs" for summary in summaries)
    calibrated = any(summary["calibration"] or "quality" in summary for summary in summaries)
    lungs_only = any(summary["graph"] == "lungs" for summary in summaries)
    return _TEMPLATE.format(
        title=TITLE,
        load=load_section(description),
        recommended=RECOMMENDED_RCA_MEAN,
        and_heart=" and heart" if with_heart else "",
        and_estimates=", estimates of the true Dice with intervals" if calibrated else "",
        kept=sum(summary["kept"] for summary in summaries),
        counts=_counts(summaries),
        reasons=left_out_table(summaries, ["reason or stage", "rows"], "rejected at stage"),
        columns=_columns(summaries, with_heart, lungs_only),
        quality=_quality(summaries),
        mirrored=_mirrored(summaries),
        estimates=_estimates(summaries) + _judged(summaries),
        provenance=provenance_table(provenance, {"segmenter": weights.get("segmenter", "not stated")}),
        weights=json.dumps(weights, indent=2, sort_keys=True),
        credits=credits_section(credits),
    )


def _columns(summaries: Sequence[ChexmaskSummary], with_heart: bool, lungs_only: bool) -> str:
    organs = ORGANS if with_heart else LUNGS
    nodes = ", ".join(f"{ORGAN_NODES[organ]} {organ.replace('_', ' ')}" for organ in organs)
    empty = "; `Heart` is empty where the model has no heart" if lungs_only else ""
    ids = dict.fromkeys(f"`{summary['id_column']}`" for summary in summaries)
    cells = [
        [", ".join(ids), "the release's own image id; join on it"],
        [
            "`Dice RCA (Mean)`, `Dice RCA (Max)`",
            "Dice estimated by reverse classification accuracy: mean and maximum over the reference images",
        ],
        ["`Landmarks`", f"contour points `x,y,x,y,...` in whole pixels of this table's frame: {nodes}"],
        [
            "`Left Lung`, `Right Lung`, `Heart`",
            "masks as run lengths: `start length` pairs, pixels counted from 1 row by row; left and right are the "
            f"patient's{empty}",
        ],
        ["`Height`, `Width`", "shape of the masks in pixels"],
    ]
    return markdown_table(["column", "what"], cells)


def _counts(summaries: Sequence[ChexmaskSummary]) -> str:
    rows = []
    for summary in summaries:
        excluded, rejected = sum(summary["excluded"].values()), sum(summary["rejected"].values())
        rows.append([summary["release"], summary["rows"], excluded, rejected, summary["kept"], summary["recommended"]])
    if len(rows) > 1:
        rows.append(["all", *(sum(column) for column in list(zip(*rows, strict=True))[1:])])
    cells = [[row[0], *(f"{number:,}" for number in row[1:])] for row in rows]
    return markdown_table(
        ["release", "rows", "excluded", "rejected", "kept", f"kept with RCA mean >= {RECOMMENDED_RCA_MEAN}"], cells
    )


def _quality(summaries: Sequence[ChexmaskSummary]) -> str:
    return _quantiles(summaries, "Dice RCA", {"Mean": "dice_rca_mean", "Max": "dice_rca_max"})


def _quantiles(summaries: Sequence[ChexmaskSummary], what: str, keys: dict[str, str]) -> str:
    levels = list(summaries[0]["dice_rca_mean"]["quantiles"])
    names = [
        "minimum" if level == "0.0" else "maximum" if level == "1.0" else f"{float(level):.0%}" for level in levels
    ]
    cells = [
        [summary["release"], label]
        + [
            "–" if summary[key]["quantiles"][level] is None else f"{summary[key]['quantiles'][level]:.3f}"
            for level in levels
        ]
        for summary in summaries
        for label, key in keys.items()
    ]
    return markdown_table(["release", what, *names], cells)


def _estimates(summaries: Sequence[ChexmaskSummary]) -> str:
    """Return the section on the estimates of the true Dice, for the releases that have them."""
    calibrated = [summary for summary in summaries if summary["calibration"]]
    if not calibrated:
        return ""
    cells = []
    for summary in calibrated:
        how = summary["calibration"]
        made_for = f"{how['method']} RCA at {how['size']} px, references: {how['references']}"
        asked = f"{1 - how['alpha']:.0%}"
        cells.append(
            [summary["release"], asked, made_for, str(how["images"]), f"{how['masks']:,}", f"`{how['sha256']}`"]
        )
    which = markdown_table(["release", "asked", "scores", "images", "masks", "calibration SHA-256"], cells)
    spread = _quantiles(calibrated, "", {"estimate": "dice_estimate", "width of the interval": "interval_width"})
    return _ESTIMATES.format(which=which, spread=spread)


def _mirrored(summaries: Sequence[ChexmaskSummary]) -> str:
    """Return the paragraph on mirrored films, for releases whose tables tell."""
    told = [each for each in summaries if "mirrored" in each]
    counts = [f"{each['mirrored']:,} of {each['kept']:,} in {each['release']}" for each in told]
    return "" if not told else _MIRRORED.format(counts=", ".join(counts), limit=MIRROR)


def _judged(summaries: Sequence[ChexmaskSummary]) -> str:
    """Return the section on the estimates of quality calibrations, for the releases that have them."""
    judged = [summary for summary in summaries if "quality" in summary]
    if not judged:
        return ""
    cells = []
    for summary in judged:
        how = summary["quality"]
        sources = "; ".join(
            f"{organ.replace('_', ' ')}: {', '.join(f'{count} of {name}' for name, count in sorted(images.items()))}"
            for organ, images in sorted(how["sources"].items())
        )
        own = str(max(how["own_films"].values(), default=0))
        flagged = f"{summary['flagged']:,} of {summary['kept']:,}"
        cells.append([summary["release"], f"{1 - how['alpha']:.0%}", flagged, sources, own, f"`{how['sha256']}`"])
    which = markdown_table(["release", "asked", "flagged", "fitted on", "own films", "calibration SHA-256"], cells)
    spread = _quantiles(judged, "", {"estimate": "dice_estimate", "width of the interval": "interval_width"})
    return _JUDGED.format(which=which, spread=spread)
