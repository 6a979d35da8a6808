"""Shards of a CT release to projected studies."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from cxrfactory.imaging.volume.orientation import VolumeLayout
    from cxrfactory.projection.integrals import AttenuationCurve

Axes = Annotated[
    str | None,
    typer.Option(help="Sides to which the stored axes grow (e.g. RAS), for volumes that state no orientation."),
]
SpacingMm = Annotated[str | None, typer.Option(help="Voxel size along the stored axes, mm: three numbers, 1,1,3.")]
BodyOnly = Annotated[bool, typer.Option(help="Set the table and all outside the body to air.")]
WithoutArms = Annotated[bool, typer.Option(help="Set arms that air separates from the trunk to air, too.")]
CurveHu = Annotated[str | None, typer.Option(help="CT numbers of an attenuation curve's nodes, comma-separated.")]
CurveMuPerMm = Annotated[str | None, typer.Option(help="Attenuation there, 1/mm, comma-separated.")]
SourceDetectorMm = Annotated[
    float | None, typer.Option(help="Cone beam: distance of the source from the detector, mm (needs nanodrr).")
]
SourceObjectMm = Annotated[
    float | None, typer.Option(help="Cone beam: distance of the source from the middle of the scan, mm.")
]
Device = Annotated[str, typer.Option(help="cpu, or a torch device such as cuda.")]
Threads = Annotated[int, typer.Option(min=1, help="Threads; the result does not depend on it.")]


def project_shard(
    manifest: Annotated[Path, typer.Option(help="Manifest of the CT release (ingest-scans).")],
    root: Annotated[Path, typer.Option(help="Folder of the release.")],
    shard: Annotated[int, typer.Option(help="Which shard, from 0.")],
    images: Annotated[Path, typer.Option(help="Pictures to write (.parquet).")],
    masks: Annotated[Path, typer.Option(help="Masks to write (.parquet).")],
    studies: Annotated[Path, typer.Option(help="Table of projected studies to write (.parquet).")],
    rejected: Annotated[Path, typer.Option(help="Table of rejected studies to write (.parquet).")],
    shards: Annotated[int, typer.Option(help="How many shards the release has.")] = 1,
    names: Annotated[str | None, typer.Option(help="Name table, relative to the root.")] = None,
    follow_links: Annotated[bool, typer.Option(help="Let links in the release lead out of its folder.")] = False,
    size: Annotated[int, typer.Option(min=1, help="Side of the square pictures, px.")] = 384,
    axes: Axes = None,
    spacing_mm: SpacingMm = None,
    body_only: BodyOnly = False,
    without_arms: WithoutArms = False,
    curve_hu: CurveHu = None,
    curve_mu_per_mm: CurveMuPerMm = None,
    source_detector_mm: SourceDetectorMm = None,
    source_object_mm: SourceObjectMm = None,
    device: Device = "cpu",
    threads: Threads = 1,
) -> None:
    """Project the studies of one shard of a CT release into pictures and masks of taxonomy classes."""
    from cxrfactory.drr.recipe import ProjectionRecipe
    from cxrfactory.drr.shard import project_shard as run
    from cxrfactory.logs import about_shard

    beam = (_curve(curve_hu, curve_mu_per_mm), source_detector_mm, source_object_mm, device)
    recipe = ProjectionRecipe(size, body_only, without_arms, *beam, threads)
    outputs = {"images": images, "masks": masks, "studies": studies, "rejected": rejected}
    layout = _layout(axes, spacing_mm)
    with about_shard(images):
        run(manifest, root, shard, shards, outputs, recipe, names, layout, follow_links)


def _layout(axes: str | None, spacing_mm: str | None) -> "VolumeLayout | None":
    from cxrfactory.imaging.volume.orientation import VolumeLayout

    if not _together("axes", axes, "spacing-mm", spacing_mm):
        return None
    return VolumeLayout(_numbers("spacing-mm", spacing_mm, 3), axes)  # type: ignore[arg-type]


def _curve(hu: str | None, mu_per_mm: str | None) -> "AttenuationCurve | None":
    from cxrfactory.projection.integrals import AttenuationCurve

    if not _together("curve-hu", hu, "curve-mu-per-mm", mu_per_mm):
        return None
    return AttenuationCurve(_numbers("curve-hu", hu), _numbers("curve-mu-per-mm", mu_per_mm))  # type: ignore[arg-type]


def _numbers(option: str, text: str, count: int | None = None) -> tuple[float, ...]:
    from cxrfactory.errors import CxrError

    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError:
        found = ()
    if not found or count not in (None, len(found)):
        raise CxrError(f"--{option} {text}: expected {count or 'some'} numbers with commas between them")
    return found


def _together(first: str, one: object, second: str, other: object) -> bool:
    from cxrfactory.errors import CxrError

    if (one is None) != (other is None):
        raise CxrError(f"--{first} and --{second} go together; give both or neither")
    return one is not None
