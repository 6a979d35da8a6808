"""Compose the text of the projected dataset's card."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cxrfactory.products.card_yaml import load_section
from cxrfactory.products.described import Description
from cxrfactory.products.markdown import escaped, markdown_table, one_line
from cxrfactory.products.product import Provenance
from cxrfactory.products.radgenome.inputs import Accounts
from cxrfactory.products.radgenome.statistics import Statistics
from cxrfactory.projection.conventions import VIEWS

TITLE = "Chest radiographs with their anatomy, projected from CT"

_TEMPLATE = """\
# {title}

{kept:,} studies, each as a frontal (PA) and a lateral (LL) radiograph computed from chest CT, with one mask for every
labelled structure: the structure's footprint along the same rays. {filled:,} masks are not empty; they are of
{found} of the taxonomy's {classes} classes. The layout follows RadGenome-Anatomy.

![Some studies, plain and with body systems painted over](montage.png)

## Geometry

Rays are parallel, along the front-back axis for PA and from side to side for LL, and both views of a study share one
pixel size. Row 0 is the head's end; column 0 of a PA image is the patient's right side, column 0 of an LL image is the
front (anterior).

Images are {size} x {size} pixels, padded with air; a pixel is {pixel}. `PA.png` and `LL.png` are 8 bit,
stretched to the image's own minimum and maximum, so that grey values of two studies cannot be compared. `PA_16.png` and
`LL_16.png` are 16 bit and can: the value divided by `counts_per_unit` ({counts_per_unit}) is the path integral of
linear attenuation (no unit).

Not modelled: scatter, beam hardening (one energy), noise, detector blur, and the divergence of a real beam. Arms and
table are there, or not, as in the CT and as the config asks. What lies outside the CT is missing from image and masks.

## Studies

{studies}

Every row of the manifests is kept, excluded (`excluded.csv`) or rejected (failed on the way; `rejected.csv`):
rows = kept + excluded + rejected, checked when this product was packed.
{reasons}
Split: by patient. A patient is in validation where a hash of `patient_id` (BLAKE2b, as a share of its range) is below
{fraction:g}; so no patient stands in both splits, and a new study moves no other.

## Files

- `images/<release>/<study_id>/`: `PA.png`, `LL.png`, `PA_16.png`, `LL_16.png`, and the masks of the regions lung and
  heart (`PA_lung.png` and so on, 0 and 255) where they are labelled.
- `images/<release>/train.parquet`, `validation.parquet`: one row an image, with the paths of these pictures.
- `studies.parquet`: one row a study, with split, pixel size and what was done to its volumes (`notes`).
- `masks.parquet`: one row a study, view and structure, sorted by `study_id`, `view`, `class_id`. `rle` holds `start
  length` pairs, pixels counted from 1 row by row, empty for an empty mask; `area_px`, `bbox_*` and `centroid_*`
  are in pixels with (x, y) of pixel centres at integers. A structure that the source labels but that is absent has
  area 0; a structure without a row was not labelled. `origin` is `union` where the mask was put together from parts.
- `regions.parquet`: regions ({regions}), each the union of its classes' masks; `classes` is
  how many it unites. A region without a row cannot be made of what the source labels.
- `coco/<split>_<view>.json`: the masks that are not empty as COCO instances: compressed RLE with `iscrowd` 0 (each is
  one structure), categories are the taxonomy's classes, `file_name` is relative to this folder.
{mask_png}- `statistics/`: `inventory.csv`, `footprint.csv`, `classes.csv`, and pictures of the last two.
- `rejected.csv`, `excluded.csv`: what is not here, and why.{config_file}
- `croissant.json`: tables and columns for programs that read Croissant.
- `SHA256SUMS`: check with `sha256sum -c SHA256SUMS`.

Structures overlap in a projection, so a pixel may belong to many masks, and a mask shows where a structure is, not
where its border can be seen.
{load}
## Statistics

{inventory}

The paper's masks are 209.99 for each image, so empty ones seem to be counted there. Mean footprints here are over masks
that are not empty, with 95 % bootstrap intervals ({resamples:,} resamples of whole studies):

{footprint}

Footprints depend on the field of view of the CT and on which classes its labels have; the column `comment` of
`statistics/footprint.csv` says, system by system, what explains a difference from the paper.

![Mean footprint by body system](statistics/footprint.png)

![Masks of each class](statistics/classes.png)

## Provenance

{provenance}

## Licence and credits

The images and masks are derived from the CT volumes and labels named below: their licences bind this product, and
whoever passes it on must see to them.

{credits}
"""


@dataclass(frozen=True)
class CardFacts:
    """Facts about how a product was made."""

    classes: int  # number of classes of the taxonomy
    regions: Sequence[str]  # names of the regions that have masks
    fraction: float  # share of patients in validation
    resamples: int  # number of bootstrap resamples
    mask_png: bool  # whether the product holds masks as PNG files
    config: bool  # whether the product holds the config of the run


def card_text(
    accounts: Accounts,
    statistics: Statistics,
    facts: CardFacts,
    provenance: Provenance,
    credits: Sequence[str],
    description: Description,
) -> str:
    """Compose ``README.md`` of the product, below its head.

    Parameters
    ----------
    accounts
        Accounts of all rows of the manifests.
    statistics
        Rows of the statistics tables, by table.
    facts
        How the product was made.
    provenance
        Versions, commit and hashes of the run.
    credits
        Lines of the section on sources and licences.
    description
        The tables as other programs load them.
    """
    kept = accounts.kept
    inventory = {(row["section"], row["item"]): row for row in statistics["inventory"]}
    pixel = kept["pixel_mm"].to_pylist()
    units = sorted(set(kept["counts_per_unit"].to_pylist()))
    masks = "- `masks/<release>/<study_id>/<view>/<class_id>_<name>.png`: the masks that are not empty, 0 and 255.\n"
    return _TEMPLATE.format(
        title=TITLE,
        load=load_section(description),
        kept=kept.num_rows,
        filled=inventory["anatomy masks, not empty", "total"]["total"],
        found=sum(any(row[f"not_empty_{view.lower()}"] for view in VIEWS) for row in statistics["classes"]),
        classes=facts.classes,
        regions=", ".join(facts.regions) or "none",
        size=kept["size"][0].as_py() if kept.num_rows else 0,
        pixel=_range(pixel),
        counts_per_unit=", ".join(f"{unit:g}" for unit in units) or "no study",
        studies=_studies(accounts),
        reasons=_reasons(accounts),
        fraction=facts.fraction,
        mask_png=masks if facts.mask_png else "",
        config_file=" `config.yaml`: how it was made." if facts.config else "",
        inventory=_inventory(statistics["inventory"]),
        footprint=_footprint(statistics["footprint"]),
        resamples=facts.resamples,
        provenance=_provenance(provenance),
        credits="".join(f"- {one_line(credit)}\n" for credit in credits).rstrip() or "No credits were given.",
    )


def _provenance(provenance: Provenance) -> str:
    config = provenance["config_sha256"]
    rows = [("source commit", provenance["commit"] or "not a git checkout"), *provenance["versions"].items()]
    return markdown_table(["what", "value"], [*rows, *([("config SHA-256", f"`{config}`")] if config else [])])


def _range(pixel_mm: Sequence[float]) -> str:
    ends = [f"{value:.3f}" for value in (min(pixel_mm), max(pixel_mm))] if pixel_mm else []
    return f"{' to '.join(dict.fromkeys(ends))} mm" if ends else "of no size: there is no study"


def _studies(accounts: Accounts) -> str:
    kept = Counter(accounts.kept["release"].to_pylist())
    excluded = Counter(release for release, *_ in accounts.excluded)
    rejected = Counter(release for release, _ in accounts.rejected)
    rows = [(name, kept[name] + excluded[name] + rejected[name], excluded[name], rejected[name], kept[name])
            for name in sorted(kept | excluded | rejected)]  # fmt: skip
    if len(rows) > 1:
        rows.append(("all", *(sum(column) for column in list(zip(*rows, strict=True))[1:])))
    header = ["release", "rows", "excluded", "rejected", "kept"]
    return markdown_table(header, [[row[0], *(f"{number:,}" for number in row[1:])] for row in rows])


def _reasons(accounts: Accounts) -> str:
    counts = Counter((release, "excluded", reason) for release, _, reason in accounts.excluded)
    counts += Counter((release, "rejected at stage", each.stage) for release, each in accounts.rejected)
    rows = [[release, what, escaped(reason), f"{count:,}"] for (release, what, reason), count in sorted(counts.items())]
    return f"\n{markdown_table(['release', '', 'reason or stage', 'rows'], rows)}\n" if rows else ""


def _inventory(rows: Sequence[Mapping[str, Any]]) -> str:
    names = ("train", "validation", "total", "paper_total")
    cells = [[f"{row['section']}: {row['item']}", *("" if row[name] is None else f"{row[name]:,}" for name in names)]
             for row in rows]  # fmt: skip
    return markdown_table(["", "train", "validation", "all", "all, in the paper"], cells)


def _footprint(rows: Sequence[Mapping[str, Any]]) -> str:
    cells = []
    for row in rows:
        line = [row["system"], f"{row['classes_labelled']} / {row['classes']}"]
        for view in ("pa", "ll"):
            mean, low, high = (row[f"{name}_px_{view}"] for name in ("mean", "low", "high"))
            interval = "" if low is None else f" [{low:,.0f}, {high:,.0f}]"
            line.append("–" if mean is None else f"{mean:,.0f}{interval}, {row[f'percent_{view}']:.2f} %")
        line += ["–" if row["paper_percent_pa"] is None else
                 f"{row['paper_percent_pa']:.2f} / {row['paper_percent_ll']:.2f}"]  # fmt: skip
        line += ["–" if row[name] is None else f"{row[name]:.2f}" for name in ("ratio", "paper_ratio")]
        cells.append(line)
    header = ["system", "classes labelled", "PA, pixels and % of image", "LL, pixels and % of image",
              "paper, % PA / LL", "PA/LL", "paper's PA/LL"]  # fmt: skip
    return markdown_table(header, cells)
