"""Commands of the steps to the graphs of roots."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from cxrfactory.config.options import with_options
from cxrfactory.config.roots import (
    RootNetwork,
    RootsCohortConfig,
    RootsExamplesConfig,
    RootsGraphConfig,
    RootsReadConfig,
    RootsSegmentConfig,
    RootsTrainConfig,
)

Frames = Annotated[Path, typer.Option(help="Table of pictures of stage roots-read (Parquet).")]
Masks = Annotated[Path, typer.Option(help="Table of masks of stage roots-segment (Parquet).")]
Rejected = Annotated[Path, typer.Option(help="Table of what cannot be used, with reasons, to write (Parquet).")]
Groups = Annotated[
    list[Path] | None, typer.Option(help="Table (.csv) of groups: plate, group and, if wanted, plant; may be repeated.")
]
Shard = Annotated[int, typer.Option(min=0, help="Number of the shard, from 0.")]
Shards = Annotated[int, typer.Option(min=1, help="Number of shards that the plates are shared among.")]
Device = Annotated[Literal["auto", "cpu", "cuda"], typer.Option(help="Device; auto takes CUDA where it is available.")]


@with_options(RootsCohortConfig)
def roots_cohort(
    plate: Annotated[str, typer.Option(help="Name of the plate: first-N or second-N (a group each), or train-N.")],
    output: Annotated[Path, typer.Option(help="Folder of pictures to write; one of an earlier run is replaced.")],
    truth: Annotated[Path, typer.Option(help="Folder of true masks, graphs and traits to write.")],
    *,
    roots_cohort_config: RootsCohortConfig,
) -> None:
    """Make one virtual plate: pictures of growing plants, with true masks, graphs and traits."""
    from cxrfactory.roots.cohort.build import write_plate

    write_plate(plate, output, truth, roots_cohort_config)


@with_options(RootsExamplesConfig)
def roots_examples(
    output: Annotated[Path, typer.Option(help="Table of pictures with masks to write (Parquet).")],
    plate: Annotated[
        list[str] | None, typer.Option(help="Folders of a virtual plate as PICTURES=TRUTH; repeat for each.")
    ] = None,
    labelled: Annotated[
        Path | None, typer.Option(help="Folder of pictures with RSML files of the same name that people drew.")
    ] = None,
    *,
    roots_examples_config: RootsExamplesConfig,
) -> None:
    """Collect the pictures with masks that networks of roots learn from."""
    from cxrfactory.errors import CxrError
    from cxrfactory.roots.segment.examples import PlateTruth, write_examples

    plates = []
    for each in plate or []:
        pictures, sign, truth = each.partition("=")
        if not sign or not pictures or not truth:
            raise CxrError(f"--plate: found '{each}'; expected PICTURES=TRUTH, two folders of stage roots-cohort")
        tables = Path(truth)
        plates.append(PlateTruth(Path(pictures).parent, tables / "frames.parquet", tables / "masks.parquet"))
    if not plates and labelled is None:
        raise CxrError("there is nothing to learn from; give --plate or --labelled")
    write_examples(output, plates, labelled, shrink=roots_examples_config.shrink)


@with_options(RootsTrainConfig)
def roots_train(
    examples: Annotated[Path, typer.Option(help="Table of stage roots-examples.")],
    network: Annotated[RootNetwork, typer.Option(help="Network to train.")],
    output: Annotated[Path, typer.Option(help="Weights to write (.safetensors); the card is written beside them.")],
    history: Annotated[Path, typer.Option(help="Table of the course of the training to write (.csv).")],
    device: Device = "cpu",
    *,
    roots_train_config: RootsTrainConfig,
) -> None:
    """Train a network that finds roots in pictures."""
    from cxrfactory.models.device import choose_device
    from cxrfactory.train.roots.run import train_roots

    train_roots(examples, network, output, history, roots_train_config, choose_device(device))


@with_options(RootsReadConfig)
def roots_read(
    root: Annotated[
        list[Path], typer.Option(help="Folder with a folder of pictures for each plate, or one plate; may be repeated.")
    ],
    frames: Annotated[Path, typer.Option(help="Table of pictures to write (Parquet).")],
    plants: Annotated[Path, typer.Option(help="Table of plants to write (Parquet).")],
    rejected: Rejected,
    plants_table: Annotated[
        Path | None, typer.Option(help="Table (.csv) of plants: plate, plant, seed_x, seed_y; by default found later.")
    ] = None,
    groups: Groups = None,
    interval_minutes: Annotated[
        float, typer.Option(min=1e-9, help="Minutes between pictures where neither names nor EXIF give times.")
    ] = RootsCohortConfig.model_fields["interval_minutes"].default,
    *,
    roots_read_config: RootsReadConfig,
) -> None:
    """Read plates: pictures in the order of time, scale, movements of the camera, plants and groups."""
    from cxrfactory.roots.reading.run import ReadingOutputs, write_reading

    outputs = ReadingOutputs(frames, plants, rejected)
    write_reading(root, outputs, roots_read_config, interval_minutes, plants_table, groups or [])


@with_options(RootsSegmentConfig)
def roots_segment(
    frames: Frames,
    weights: Annotated[
        list[Path], typer.Option(help="Trained weights (.safetensors); with several, the mean of their answers counts.")
    ],
    shard: Shard,
    plate_shards: Shards,
    output: Annotated[Path, typer.Option(help="Table of masks to write (Parquet).")],
    rejected: Rejected,
    *,
    roots_segment_config: RootsSegmentConfig,
) -> None:
    """Find the roots in the pictures of the plates of one shard, with the evidence of earlier pictures."""
    from cxrfactory.roots.segment.shard import segment_plates

    segment_plates(frames, weights, output, rejected, roots_segment_config, shard, plate_shards)


@with_options(RootsGraphConfig)
def roots_graphs(
    frames: Frames,
    plants: Annotated[Path, typer.Option(help="Table of plants of stage roots-read.")],
    masks: Masks,
    shard: Shard,
    plate_shards: Shards,
    found: Annotated[Path, typer.Option(help="Table of the shard's plants, given or found, to write (Parquet).")],
    nodes: Annotated[Path, typer.Option(help="Table of nodes to write (Parquet).")],
    edges: Annotated[Path, typer.Option(help="Table of edges to write (Parquet).")],
    traits: Annotated[Path, typer.Option(help="Table of traits to write (Parquet).")],
    laterals: Annotated[Path, typer.Option(help="Table of laterals to write (Parquet).")],
    groups: Groups = None,
    *,
    roots_graph_config: RootsGraphConfig,
) -> None:
    """Make the labelled graph of every plant at every time, and its traits."""
    from cxrfactory.roots.graphs.shard import GraphOutputs, write_graphs

    outputs = GraphOutputs(nodes=nodes, edges=edges, traits=traits, laterals=laterals, plants=found)
    write_graphs(frames, plants, masks, outputs, roots_graph_config, shard, plate_shards, groups or [])


@with_options(RootsGraphConfig)
def roots_files(
    frames: Frames,
    nodes: Annotated[Path, typer.Option(help="Table of nodes of stage roots-graphs.")],
    edges: Annotated[Path, typer.Option(help="Table of edges of stage roots-graphs.")],
    masks: Masks,
    shard: Shard,
    plate_shards: Shards,
    output: Annotated[Path, typer.Option(help="Folder of files to write; one of an earlier run is replaced.")],
    pictures: Annotated[Path, typer.Option(help="Table of the plants' pictures to write (Parquet).")],
    *,
    roots_graph_config: RootsGraphConfig,
) -> None:
    """Write the graphs as RSML and GraphML, and draw them over the pictures of the plates."""
    from cxrfactory.roots.graphs.files import write_files
    from cxrfactory.roots.graphs.pictures import write_pictures

    write_files(frames, nodes, edges, output, roots_graph_config, shard, plate_shards)
    write_pictures(frames, masks, pictures, roots_graph_config.keep_pictures, shard, plate_shards)


def roots_growth(
    traits: Annotated[list[Path], typer.Option(help="Traits of stage roots-graphs; repeat for each shard.")],
    laterals: Annotated[list[Path], typer.Option(help="Laterals of stage roots-graphs; repeat for each shard.")],
    output: Annotated[Path, typer.Option(help="Folder of tables and figures to write; replaced if it is there.")],
) -> None:
    """Measure growth over time: speeds, daily rhythm, crossing of lengths; compare groups of plants."""
    from cxrfactory.roots.growth.run import write_growth

    write_growth(traits, laterals, output)
