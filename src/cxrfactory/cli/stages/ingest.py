"""Commands that list labelled sets and CT releases, and that draw the selection diagram."""

from pathlib import Path
from typing import Annotated

import typer

from cxrfactory.config import LabelledConfig, ScanConfig


def ingest_labelled(
    root: Annotated[Path, typer.Option(help="Folder with RL, LL, H, RCLA, LCLA and clinical.csv.")],
    output: Annotated[Path, typer.Option(help="Table of labelled images to write (.parquet).")],
    images: Annotated[
        list[str], typer.Option(metavar="SOURCE=DIR", help="Image folder of a source, e.g. JSRT=DIR; repeat.")
    ],
    rejected: Annotated[
        Path | None, typer.Option(help="Table of rejected images (.parquet); by default beside the output.")
    ] = None,
    organs: Annotated[
        str, typer.Option(help="Organs to keep at most: lungs, lungs-heart or lungs-heart-clavicles.")
    ] = "lungs-heart-clavicles",
    train_list: Annotated[
        Path | None, typer.Option(help="Text file of image ids to train on, one in each line.")
    ] = None,
    val_list: Annotated[
        Path | None, typer.Option(help="Text file of image ids to validate on, one in each line.")
    ] = None,
    val_fraction: Annotated[
        float, typer.Option(help="Share of the patients for validation where no list covers their source.")
    ] = LabelledConfig().val_fraction,
    image_size: Annotated[
        int, typer.Option(help="Height and width (pixels) of the images that the landmarks are drawn on.")
    ] = 1024,
) -> None:
    """Write the table of labelled images: landmarks, labels L, LH or LHC, split by patient."""
    from cxrfactory.errors import CxrError
    from cxrfactory.ingest import labelled
    from cxrfactory.tables.named_values import named_values

    folders = named_values(images, "--images", "SOURCE=DIR", "such as JSRT=data/jsrt/images")
    if not 0 <= val_fraction <= 1:
        raise CxrError(f"--val-fraction {val_fraction} is impossible; expected 0 <= fraction < 1")
    settings = LabelledConfig(
        root=str(root),
        images=folders,
        train_list=str(train_list) if train_list else None,
        val_list=str(val_list) if val_list else None,
        val_fraction=val_fraction,
    )
    beside = output.with_name(f"{output.stem}.rejected.parquet")
    labelled.ingest_labelled(settings, output, rejected or beside, organs, image_size)


def ingest_scans(
    release: Annotated[str, typer.Argument(help="Name of the release, which you choose.")],
    root: Annotated[Path, typer.Option(help="Folder of the CT release.")],
    ct: Annotated[str, typer.Option(help="Path of a study's CT in --root; {study} stands for its id, * for anything.")],
    labels: Annotated[
        str, typer.Option(help="Path of its labels: one volume, or a folder of one file for each structure.")
    ],
    output: Annotated[Path, typer.Option(help="Manifest to write (.parquet).")],
    patient: Annotated[
        str | None, typer.Option(help="Regular expression whose first group is the patient in the study's id.")
    ] = None,
    exclude: Annotated[
        Path | None,
        typer.Option(
            help="Table of verdicts (.csv: dataset, image_id, verdict), as browse exports it: a study with a view "
            "whose verdict is bad is excluded."
        ),
    ] = None,
) -> None:
    """Write the manifest of a CT release: one row for each study, kept or excluded with the reason."""
    from cxrfactory.errors import CxrError
    from cxrfactory.ingest.scans import ingest_scans as run

    for option, pattern in (("--ct", ct), ("--labels", labels)):
        if "{study}" not in pattern:
            raise CxrError(f"{option} '{pattern}': expected {{study}} where the study's id stands")
    table = None if exclude is None else str(exclude)
    run(ScanConfig(root=str(root), ct=ct, labels=labels, patient=patient, exclude=table), output, release)


def selection(
    manifests: Annotated[
        list[Path], typer.Argument(metavar="MANIFEST...", help="Manifests; the file's stem is the dataset's name.")
    ],
    output: Annotated[Path, typer.Option(help="Selection diagram to write (.png or .svg).")],
    table: Annotated[Path, typer.Option(help="Table of counts to write (.csv).")],
    layout: Annotated[
        list[str] | None,
        typer.Option(help="Layout of each dataset, in the order of the manifests; default: the dataset's name."),
    ] = None,
    paper_counts: Annotated[
        bool, typer.Option(help="Compare with the CheXmask paper's counts of the datasets named like their layout.")
    ] = False,
    expected: Annotated[
        Path | None, typer.Option(help="YAML file of counts to compare with: releases, by name: rows, included.")
    ] = None,
) -> None:
    """Draw and tabulate how many images of each release are kept, and why others are not."""
    from cxrfactory.errors import CxrError
    from cxrfactory.ingest import diagram, summary

    names = [path.stem for path in manifests]
    if layout and len(layout) != len(names):
        raise CxrError(f"--layout is given {len(layout)} times for {len(names)} manifests; expected one for each")
    layouts = dict(zip(names, layout or names, strict=True))
    known = summary.paper_counts(layouts) if paper_counts else {}
    known |= summary.read_expected(expected) if expected else {}
    selections = summary.read_selections([(path.stem, path) for path in manifests], known)
    summary.write_summary(selections, table)
    display = summary.display_names(layouts)
    diagram.draw(selections, [display[item.name] for item in selections], output)
