"""Commands of the steps to the meshes of hearts."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from cxrfactory.config.hearts import (
    HeartNetwork,
    HeartsCohortConfig,
    HeartsInferConfig,
    HeartsMeshesConfig,
    HeartsTemplateConfig,
    HeartsTrainConfig,
)
from cxrfactory.config.options import with_options

Template = Annotated[Path, typer.Option(help="Template (.npz), as stage hearts-template leaves it.")]
Cases = Annotated[Path, typer.Option(help="Table of cases (Parquet).")]


@with_options(HeartsTemplateConfig)
def hearts_template(
    output: Annotated[Path, typer.Option(help="File to write (.npz).")],
    *,
    hearts_template_config: HeartsTemplateConfig,
) -> None:
    """Make the template of the heart: a tetrahedral mesh with its parts, of parametric surfaces."""
    from cxrfactory.hearts.template.make import make_template
    from cxrfactory.hearts.template.stored import write_template

    write_template(output, make_template(hearts_template_config.edge_mm))


@with_options(HeartsCohortConfig)
def hearts_cohort(
    template: Template,
    part: Annotated[Literal["train", "test"], typer.Option(help="Part of the virtual patients: train or test.")],
    shard: Annotated[int, typer.Option(min=0, help="Number of the shard, from 0.")],
    output: Annotated[Path, typer.Option(help="Table of cases to write (Parquet).")],
    *,
    hearts_cohort_config: HeartsCohortConfig,
) -> None:
    """Make one shard of virtual hearts: cardiac MR views at end-diastole and end-systole, with the true meshes."""
    from cxrfactory.hearts.cohort.shard import write_shard

    write_shard(template, part, shard, output, hearts_cohort_config)


def hearts_read(
    root: Annotated[Path, typer.Argument(help="Folder or file of cardiac MR (DICOM or NIfTI).")],
    output: Annotated[Path, typer.Option(help="Table of cases to write (Parquet).")],
    rejected: Annotated[Path, typer.Option(help="Table of what cannot be read, with reasons, to write (Parquet).")],
) -> None:
    """Read cardiac MR: sort slices into views by their geometry, and find end-diastole and end-systole."""
    from cxrfactory.hearts.reading.table import read_to_table

    read_to_table(root, output, rejected)


@with_options(HeartsTrainConfig)
def hearts_train(
    template: Template,
    cases: Annotated[list[Path], typer.Option(help="Table of cases with true meshes; repeat for each shard.")],
    network: Annotated[HeartNetwork, typer.Option(help="Network to train.")],
    output: Annotated[Path, typer.Option(help="Weights to write (.safetensors); the card is written beside them.")],
    history: Annotated[Path, typer.Option(help="Table of the epochs to write (.csv).")],
    *,
    hearts_train_config: HeartsTrainConfig,
) -> None:
    """Train a network that finds the mesh of a heart in its views."""
    raise NotImplementedError


@with_options(HeartsInferConfig)
def hearts_infer(
    template: Template,
    cases: Cases,
    weights: Annotated[Path, typer.Option(help="Trained weights (.safetensors, card beside them).")],
    output: Annotated[Path, typer.Option(help="Table of meshes to write (Parquet).")],
    rejected: Annotated[Path, typer.Option(help="Table of rejected cases to write (Parquet).")],
    *,
    hearts_infer_config: HeartsInferConfig,
) -> None:
    """Find the meshes of the cases of one shard, with the spread of every node over latent samples."""
    raise NotImplementedError


@with_options(HeartsMeshesConfig)
def hearts_meshes(
    template: Template,
    cases: Cases,
    meshes: Annotated[Path, typer.Option(help="Table of stage hearts-infer.")],
    output: Annotated[Path, typer.Option(help="Table of rows to write (Parquet).")],
    masks: Annotated[Path, typer.Option(help="Table of masks in the short-axis slices to write (Parquet).")],
    slices: Annotated[Path, typer.Option(help="Table of the slices to write (Parquet).")],
    files: Annotated[Path, typer.Option(help="Folder of mesh files; one of an earlier run is replaced.")],
    *,
    hearts_meshes_config: HeartsMeshesConfig,
) -> None:
    """Measure the meshes of one shard and write them: volumes, masks in the slices, mesh files."""
    from cxrfactory.hearts.meshes.shard import write_meshes
    from cxrfactory.hearts.template.stored import read_template

    outputs = {"hearts": output, "masks": masks, "slices": slices, "files": files}
    write_meshes(read_template(template).mesh, cases, meshes, outputs, hearts_meshes_config)
