"""Commands of the steps to the meshes of hearts."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

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

if TYPE_CHECKING:
    import torch

Template = Annotated[Path, typer.Option(help="Template (.npz), as stage hearts-template leaves it.")]
Cases = Annotated[Path, typer.Option(help="Table of cases (Parquet).")]
Split = Annotated[str | None, typer.Option(help="Split of the cases: train, validate or test; by default all cases.")]
Graph = Annotated[Path, typer.Option(help="Graph of the mesh (.npz), as stage hearts-template leaves it.")]
Pictures = Annotated[list[Path], typer.Option(help="Table of pictures of stage hearts-cohort; repeat for each shard.")]
Weights = Annotated[Path, typer.Option(help="Weights to write (.safetensors); the card is written beside them.")]
History = Annotated[Path, typer.Option(help="Table of the epochs to write (.csv).")]
Device = Annotated[Literal["auto", "cpu", "cuda"], typer.Option(help="Device; auto takes CUDA where it is available.")]


@with_options(HeartsTemplateConfig)
def hearts_template(
    output: Annotated[Path, typer.Option(help="Template to write (.npz).")],
    surface: Annotated[Path, typer.Option(help="Graph of the surfaces to write (.npz).")],
    volume: Annotated[Path, typer.Option(help="Graph of the tetrahedra to write (.npz).")],
    *,
    hearts_template_config: HeartsTemplateConfig,
) -> None:
    """Make the template of the heart: a tetrahedral mesh with its parts, of parametric surfaces."""
    from cxrfactory.errors import CxrError
    from cxrfactory.hearts.infer.prepare import prepare_graph
    from cxrfactory.hearts.template import make_template, write_template

    edge_mm = hearts_template_config.edge_mm
    try:
        template = make_template(edge_mm)
    except ValueError as error:
        raise CxrError(f"--edge-mm is {edge_mm:g}: {error}; expected another length, such as the default") from error
    write_template(template, output)
    prepare_graph(output, "surface", surface)
    prepare_graph(output, "volume", volume)


@with_options(HeartsCohortConfig)
def hearts_cohort(
    template: Template,
    shard: Annotated[int, typer.Option(min=0, help="Number of the shard, from 0.")],
    output: Annotated[Path, typer.Option(help="Table of cases to write (Parquet).")],
    pictures: Annotated[Path, typer.Option(help="Table of reduced pictures for trainings to write (Parquet).")],
    *,
    hearts_cohort_config: HeartsCohortConfig,
) -> None:
    """Make one shard of virtual hearts: cardiac MR views at end-diastole and end-systole, with the true meshes."""
    from cxrfactory.hearts.cohort.build import write_shard
    from cxrfactory.hearts.infer.prepare import prepare_cases
    from cxrfactory.hearts.template import read_template

    config = hearts_cohort_config
    write_shard(
        read_template(template), output, config.patients, shard, config.shards, config.shares, config.cohort_seed
    )
    prepare_cases(output, pictures)


def hearts_read(
    root: Annotated[Path, typer.Option(help="Folder with a folder or a NIfTI file for each examination.")],
    output: Annotated[Path, typer.Option(help="Table of cases to write (Parquet).")],
    readings: Annotated[Path, typer.Option(help="Table of what was found in each examination to write (Parquet).")],
    rejected: Annotated[Path, typer.Option(help="Table of what cannot be read, with reasons, to write (Parquet).")],
) -> None:
    """Read cardiac MR: sort slices into views by their geometry, and find end-diastole and end-systole."""
    from cxrfactory.hearts.reading.folder import write_hearts

    write_hearts(root, output, rejected, readings)


@with_options(HeartsTrainConfig)
def hearts_finder(
    graph: Graph,
    pictures: Pictures,
    output: Weights,
    history: History,
    device: Device = "cpu",
    *,
    hearts_train_config: HeartsTrainConfig,
) -> None:
    """Train the network that finds the heart in the whole short-axis stack."""
    from cxrfactory.train.hearts.finder import FinderTraining, train_finder

    settings = FinderTraining(epochs=hearts_train_config.finder_epochs, seed=hearts_train_config.seed)
    train_finder(pictures, graph, output, settings, _device(device, hearts_train_config.threads), history)


@with_options(HeartsTrainConfig)
def hearts_train(
    graph: Graph,
    pictures: Pictures,
    network: Annotated[HeartNetwork, typer.Option(help="Network to train.")],
    output: Weights,
    history: History,
    device: Device = "cpu",
    *,
    hearts_train_config: HeartsTrainConfig,
) -> None:
    """Train a network that finds the mesh of a heart in its views."""
    from cxrfactory.train.hearts.named import training_of
    from cxrfactory.train.hearts.run import train_hearts

    settings = training_of(network, hearts_train_config)
    train_hearts(pictures, graph, output, settings, _device(device, hearts_train_config.threads), history)


def _device(name: str, threads: int) -> "torch.device":
    import torch

    from cxrfactory.models.device import choose_device

    torch.set_num_threads(threads)
    return choose_device(name)


@with_options(HeartsInferConfig)
def hearts_infer(
    cases: Cases,
    weights: Annotated[Path, typer.Option(help="Trained weights (.safetensors, card beside them).")],
    finder: Annotated[Path, typer.Option(help="Weights of the network that finds the heart.")],
    output: Annotated[Path, typer.Option(help="Table of meshes to write (Parquet).")],
    rejected: Annotated[Path, typer.Option(help="Table of rejected cases to write (Parquet).")],
    split: Split = None,
    *,
    hearts_infer_config: HeartsInferConfig,
) -> None:
    """Find the meshes of the cases of one shard, with the spread of every node over latent samples."""
    import torch

    from cxrfactory.hearts.infer.shard import infer_hearts

    torch.set_num_threads(1)  # the last digits depend on it
    config = hearts_infer_config
    infer_hearts(cases, weights, finder, output, rejected, config.device, config.samples, config.passes, split)


@with_options(HeartsMeshesConfig)
def hearts_meshes(
    template: Template,
    cases: Cases,
    meshes: Annotated[Path, typer.Option(help="Table of stage hearts-infer.")],
    output: Annotated[Path, typer.Option(help="Table of rows to write (Parquet).")],
    masks: Annotated[Path, typer.Option(help="Table of masks in the short-axis slices to write (Parquet).")],
    slices: Annotated[Path, typer.Option(help="Table of the slices to write (Parquet).")],
    files: Annotated[Path, typer.Option(help="Folder of mesh files; one of an earlier run is replaced.")],
    split: Split = None,
    *,
    hearts_meshes_config: HeartsMeshesConfig,
) -> None:
    """Measure the meshes of one shard and write them: volumes, masks in the slices, mesh files."""
    from cxrfactory.hearts.meshes.shard import write_meshes
    from cxrfactory.hearts.template import read_template

    outputs = {"hearts": output, "masks": masks, "slices": slices, "files": files}
    write_meshes(read_template(template).mesh, cases, meshes, outputs, hearts_meshes_config, split)
