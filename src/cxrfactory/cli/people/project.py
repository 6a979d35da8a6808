"""Project one chest CT."""

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


def project(
    ct: Annotated[Path, typer.Option(help="CT in HU: NIfTI, NRRD, MHA, or a folder of one DICOM series.")],
    labels: Annotated[Path, typer.Option(help="Label volume, or a folder of one binary volume a structure.")],
    output: Annotated[Path, typer.Option(help="Folder for PA.png, LL.png, PA_16.png, LL_16.png, masks.parquet.")],
    names: Annotated[
        Path | None, typer.Option(help="Names of the label values: CSV with columns id and name, or JSON.")
    ] = None,
    size: Annotated[str, typer.Option(help="Side of the square pictures, px; native keeps the voxel grid.")] = "384",
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
    """Project one CT and its labels into PA and lateral (LL) radiographs and masks.

    Both views show the head up. PA: the patient's right is on the left of the picture. LL: the patient faces left.
    Rays are parallel. PA.png and LL.png run from the darkest to the brightest pixel of each picture (8 bit);
    PA_16.png and LL_16.png hold the path integral of the attenuation, 4096 counts for 1, the same for every CT.
    masks.parquet has one row a structure and view, empty ones too: source_id is the label's value, class_id the
    taxonomy's number (empty outside it), rle 1-based "start length" pairs row by row, lengths in pixels.
    """
    from cxrfactory.drr.recipe import ProjectionRecipe
    from cxrfactory.drr.single_study import project as run
    from cxrfactory.errors import CxrError

    if size != "native" and not (size.isdigit() and int(size) > 0):
        raise CxrError(f"--size {size}: expected a number of pixels above 0, or native")
    side = None if size == "native" else int(size)
    beam = (_curve(curve_hu, curve_mu_per_mm), source_detector_mm, source_object_mm, device)
    recipe = ProjectionRecipe(side, body_only, without_arms, *beam, threads)
    run(ct, labels, output, names, recipe, _layout(axes, spacing_mm))


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
