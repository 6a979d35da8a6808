"""Compose the text of CXLSeg's card."""

import json
from collections.abc import Sequence

from cxrfactory.products.card_yaml import load_section
from cxrfactory.products.cxlseg.summary import CxlsegSummary
from cxrfactory.products.described import Description
from cxrfactory.products.markdown import credits_section, left_out_table, markdown_table
from cxrfactory.products.product import Provenance, provenance_table
from cxrfactory.tables.finding_labels import CHEXPERT_LABELS

TITLE = "Chest radiographs with the lungs cut out, and their reports, in CXLSeg format"

_TEMPLATE = """\
# {title}

{kept:,} frontal radiographs of which only the lungs are left, their lung masks, reports, CheXpert labels and splits.

{counts}

Every image of a release is kept, excluded (not frontal, or without a report; `excluded.csv`) or rejected (could not be
read, or no lung was found; `rejected.csv`).

{reasons}## Files

In the folder of each release, at the release's own paths:

- `<image>.jpg`: the image AND the mask; 0 outside the lungs. `<image>-mask.jpg`: the mask, 0 and 255. JPEG blurs its
  border: take what is 128 or more.{mask_png}
- `CXLSeg-metadata`: view and report. `CXLSeg-segmented`: path of the image and 14 CheXpert labels (1 positive, 0
  negative, -1 uncertain, empty not said). `CXLSeg-split`: train, validate or test. `CXLSeg-mask`: path of the mask.

Each table is a `.csv.gz` and the same as `.parquet`, one row an image; join them on `dicom_id, subject_id, study_id`.
`train.parquet`, `validate.parquet` and `test.parquet` join the four, with the paths of image and mask.
Beside the folders: `config.yaml` and `weights.json` (how it was made), `croissant.json` (tables and columns, for other
programs), `examples.png`, `SHA256SUMS`.

The text in `Reports` is made of findings and impression of the original report, joined; where it has neither, of
its text without a heading, else of its comparison.
{load}
## Labels

{labels}

Labels come from the release's own table of CheXpert labels; where it has none, from its findings, which are positive
alone. A release without either has empty columns.

## Splits

{splits}

Split by patient, all images of a patient are in one set. The published CXLSeg 1.0.0 splits images at random (`split:
image` in the config): patients with several images then often stand in more than one set, and a model may know people
of the test set from training.

## Masks

{masks}

Nobody has looked at the masks. A mask that leaves diseased lung out (effusion, consolidation) takes the finding away
from the picture.

## Provenance

{provenance}

Card of the segmenter's weights:

```json
{weights}
```
{credits}"""


def card_text(
    summaries: Sequence[CxlsegSummary], provenance: Provenance, credits: Sequence[str], description: Description
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
    return _TEMPLATE.format(
        title=TITLE,
        load=load_section(description),
        kept=sum(summary["kept"] for summary in summaries),
        counts=_counts(summaries),
        reasons=left_out_table(summaries, ["reason", "images"]),
        mask_png=" `<image>-mask.png`: without loss." if any(each["mask_png"] for each in summaries) else "",
        labels=_labels(summaries),
        splits=_splits(summaries),
        masks=_masks(summaries),
        provenance=provenance_table(
            provenance, {"segmenter": weights["segmenter"], "its organs": weights.get("definition", "not stated")}
        ),
        weights=json.dumps(weights, indent=2, sort_keys=True),
        credits=credits_section(credits),
    )


def _counts(summaries: Sequence[CxlsegSummary]) -> str:
    cells = []
    for each in summaries:
        excluded, rejected = sum(each["excluded"].values()), sum(each["rejected"].values())
        rows = each["kept"] + excluded + rejected
        numbers = [rows, excluded, rejected, each["kept"], each["studies"], each["patients"]]
        numbers.append(each["reports_without_image"])
        cells.append([each["release"], *(f"{number:,}" for number in numbers)])
    header = ["release", "images", "excluded", "rejected", "kept", "studies", "patients", "reports of no image"]
    return markdown_table(header, cells)


def _labels(summaries: Sequence[CxlsegSummary]) -> str:
    header = ["label", *(f"{each['release']}: 1 / 0 / -1" for each in summaries)]
    cells = []
    for name in CHEXPERT_LABELS:
        found = (each["labels"][name] for each in summaries)
        cells.append([name, *(" / ".join(f"{one.get(value, 0):,}" for value in ("1", "0", "-1")) for one in found)])
    return markdown_table(header, cells)


def _splits(summaries: Sequence[CxlsegSummary]) -> str:
    cells = []
    for each in summaries:
        split = each["split"]
        cells.append([each["release"], split["unit"], *(f"{count:,}" for count in split["images"].values()),
                      f"{split['patients_in_two_sets']:,}"])  # fmt: skip
    return markdown_table(["release", "split by", "train", "validate", "test", "patients in two sets"], cells)


def _masks(summaries: Sequence[CxlsegSummary]) -> str:
    cells = [
        [each["release"], *(f"{each['mask_share'][name]:.1%}" for name in ("mean", "min", "max"))] for each in summaries
    ]
    return markdown_table(["release", "share of the picture: mean", "smallest", "largest"], cells)
