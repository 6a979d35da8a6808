"""The text of CXLSeg's card."""

import json
from collections.abc import Sequence
from typing import Any

from cxrfactory.products.markdown import escaped, markdown_table, one_line
from cxrfactory.tables.cxlseg import CHEXPERT_LABELS

_TEMPLATE = """\
# Chest radiographs with the lungs cut out, and their reports, in CXLSeg format

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
Beside the folders: `config.yaml` and `weights.json` (how it was made), `examples.png`, `SHA256SUMS`.

The text in `Reports` is made of findings and impression of the original report, joined; where it has neither, of
its text without a heading, else of its comparison.

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


def card_text(summaries: list[dict[str, Any]], provenance: dict[str, Any], credits: Sequence[str]) -> str:
    """Compose ``README.md`` of the product.

    Parameters
    ----------
    summaries
        The ``summary.json`` of each release, in the order of the tables.
    provenance
        ``versions`` (name to version), ``commit`` (or None), ``config_sha256``, ``weights`` (the card).
    credits
        Lines on sources and licences.
    """
    return _TEMPLATE.format(
        kept=sum(summary["kept"] for summary in summaries),
        counts=_counts(summaries),
        reasons=_reasons(summaries),
        mask_png=" `<image>-mask.png`: without loss." if any(each["mask_png"] for each in summaries) else "",
        labels=_labels(summaries),
        splits=_splits(summaries),
        masks=_masks(summaries),
        provenance=_provenance(provenance),
        weights=json.dumps(provenance["weights"], indent=2, sort_keys=True),
        credits="\n## Credits\n\n" + "".join(f"- {one_line(credit)}\n" for credit in credits) if credits else "",
    )


def _counts(summaries: list[dict[str, Any]]) -> str:
    cells = []
    for each in summaries:
        excluded, rejected = sum(each["excluded"].values()), sum(each["rejected"].values())
        rows = each["kept"] + excluded + rejected
        numbers = [rows, excluded, rejected, each["kept"], each["studies"], each["patients"]]
        cells.append([each["release"], *(f"{number:,}" for number in numbers)])
    return markdown_table(["release", "images", "excluded", "rejected", "kept", "studies", "patients"], cells)


def _reasons(summaries: list[dict[str, Any]]) -> str:
    cells = [
        [each["release"], what, escaped(reason), f"{count:,}"]
        for each in summaries
        for what in ("excluded", "rejected")
        for reason, count in each[what].items()
    ]
    return markdown_table(["release", "", "reason", "images"], cells) + "\n\n" if cells else ""


def _labels(summaries: list[dict[str, Any]]) -> str:
    header = ["label", *(f"{each['release']}: 1 / 0 / -1" for each in summaries)]
    cells = []
    for name in CHEXPERT_LABELS:
        found = (each["labels"][name] for each in summaries)
        cells.append([name, *(" / ".join(f"{one.get(value, 0):,}" for value in ("1", "0", "-1")) for one in found)])
    return markdown_table(header, cells)


def _splits(summaries: list[dict[str, Any]]) -> str:
    cells = []
    for each in summaries:
        split = each["split"]
        cells.append([each["release"], split["unit"], *(f"{count:,}" for count in split["images"].values()),
                      f"{split['patients_in_two_sets']:,}"])  # fmt: skip
    return markdown_table(["release", "split by", "train", "validate", "test", "patients in two sets"], cells)


def _masks(summaries: list[dict[str, Any]]) -> str:
    cells = [
        [each["release"], *(f"{each['mask_share'][name]:.1%}" for name in ("mean", "min", "max"))] for each in summaries
    ]
    return markdown_table(["release", "share of the picture: mean", "smallest", "largest"], cells)


def _provenance(provenance: dict[str, Any]) -> str:
    weights = provenance["weights"]
    cells = [
        ["source commit", provenance["commit"] or "not a git checkout"],
        ["config SHA-256", f"`{provenance['config_sha256']}`"],
        ["weights SHA-256", f"`{weights['sha256']}`"],
        ["segmenter", escaped(str(weights["segmenter"]))],
        ["its organs", escaped(str(weights.get("definition", "not stated")))],
        *provenance["versions"].items(),
    ]
    return markdown_table(["what", "value"], [[name, str(value)] for name, value in cells])
