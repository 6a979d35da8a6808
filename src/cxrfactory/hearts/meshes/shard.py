"""Write what is known of the meshes of one shard: rows, masks in the slices, the slices themselves, mesh files."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Float, UInt8

from cxrfactory.config.hearts import HeartsMeshesConfig
from cxrfactory.errors import CxrError
from cxrfactory.geometry.mesh.labelled import LabelledMesh
from cxrfactory.hearts.case_table import SHORT_AXIS, read_cases
from cxrfactory.hearts.infer.shard import PREDICTIONS
from cxrfactory.hearts.meshes.measured import DENSITY_G_PER_ML, WALL, Anatomy, flags_of, pumping, quality
from cxrfactory.hearts.meshes.plain_files import write_obj, write_stl
from cxrfactory.hearts.meshes.vtk_xml import write_vtp, write_vtu
from cxrfactory.hearts.views import LONG_AXIS, HeartViews, ImagePlane
from cxrfactory.imaging.drawing.png import encode_png
from cxrfactory.logs import get_logger, progress
from cxrfactory.tables.folders import replaced_folder
from cxrfactory.tables.hearts import HEART_MASKS, HEART_SLICES, HEARTS
from cxrfactory.tables.parquet import read_table, table_writer
from cxrfactory.tables.paths import is_plain_name
from cxrfactory.tables.rle import rle_encode

log = get_logger(__name__)

Key = tuple[str, str]  # case and frame


@dataclass(frozen=True)
class Found:
    """The mesh that a network found for a case.

    Attributes
    ----------
    positions_mm
        Position of each node of the template, float64.
    std_mm
        Standard deviation of each node over latent samples; zeros where no samples were drawn.
    """

    positions_mm: Float[np.ndarray, "nodes 3"]
    std_mm: Float[np.ndarray, " nodes"]


def read_meshes(path: str | Path, anatomy: Anatomy) -> dict[Key, Found]:
    """Read the table of an inference, and place the inner nodes that the network does not place.

    Raises
    ------
    CxrError
        If the table is unreadable, or a mesh has not as many nodes as the template or its surfaces.
    """
    found = {}
    frame = read_table(path, PREDICTIONS, columns=["case_id", "frame", "vertices", "vertices_std"])
    for case, name, vertices, std in frame.itertuples(index=False):
        try:
            positions = anatomy.filling(np.asarray(vertices, np.float64).reshape(-1, 3))
        except (CxrError, ValueError) as error:
            raise CxrError(f"{path}: case '{case}', frame '{name}': {error}") from error
        found[case, name] = Found(positions, _spread(np.asarray(std, np.float64), anatomy))
    return found


def _spread(std: Float[np.ndarray, " given"], anatomy: Anatomy) -> Float[np.ndarray, " nodes"]:
    """Return the deviation of all nodes; that of an inner node without one is the mean of the surfaces."""
    nodes = len(anatomy.template.vertices_mm)
    if len(std) == nodes:
        return std
    spread = np.full(nodes, std.mean() if len(std) else 0.0)
    if len(std):
        spread[anatomy.filling.surface_nodes] = std
    return spread


def write_meshes(
    template: LabelledMesh,
    cases: str | Path,
    meshes: str | Path,
    outputs: Mapping[str, Path],
    settings: HeartsMeshesConfig,
    split: str | None = None,
) -> int:
    """Measure and write the meshes of one shard; return their number.

    Parameters
    ----------
    template
        The template that the meshes share.
    cases
        Table of the shard's cases.
    meshes
        Table of the meshes that a network found; cases without a mesh were rejected there.
    outputs
        Files to write: ``hearts``, ``masks``, ``slices`` (tables), and ``files`` (a folder).
    settings
        What is written, and limits of the flags.
    split
        Split of the cases; None for all cases.

    Raises
    ------
    CxrError
        If a table is unreadable, a mesh has no case, or a case's name cannot name a file.
    """
    anatomy = Anatomy(template)
    found = read_meshes(meshes, anatomy)
    volumes: dict[str, dict[str, dict[str, float]]] = {}
    for (case, frame), each in found.items():
        volumes.setdefault(case, {})[frame] = anatomy.volumes_ml(each.positions_mm)
    left = set(found)
    with (
        table_writer(outputs["hearts"], HEARTS) as rows,
        table_writer(outputs["masks"], HEART_MASKS) as masks,
        table_writer(outputs["slices"], HEART_SLICES) as slices,
        replaced_folder(outputs["files"]) as folder,
    ):
        for case in progress(read_cases(cases, None if split is None else [split]), f"meshes of {meshes}", len(found)):
            views = case.views
            key = (views.case_id, views.frame)
            if key not in found:
                continue
            left.discard(key)
            mesh = found[key]
            _write(rows, HEARTS, [_row(anatomy, views, mesh, volumes[views.case_id], settings)])
            _write(masks, HEART_MASKS, list(_mask_rows(anatomy, views, mesh)))
            _write(slices, HEART_SLICES, list(_slice_rows(views)))
            write_files(folder, _stem(views), anatomy, mesh, settings.stl)
    if left:
        case, frame = min(left)
        raise CxrError(f"{meshes}: case '{case}', frame '{frame}' is not in {cases}; the two are of different runs")
    log.info("wrote %d meshes", len(found))
    return len(found)


def write_files(folder: Path, stem: str, anatomy: Anatomy, mesh: Found, stl: bool) -> None:
    """Write the files of one mesh: VTP, VTU, OBJ and, on request, an STL file for each part.

    Parameters
    ----------
    folder
        Folder whose subfolders ``vtp``, ``vtu``, ``obj`` and ``stl`` receive the files.
    stem
        Name of the files without suffix.
    anatomy, mesh
        Template and mesh.
    stl
        Whether to write STL files too.
    """
    kinds = ("vtp", "vtu", "obj", *(["stl"] if stl else []))
    for kind in kinds:
        (folder / kind).mkdir(parents=True, exist_ok=True)
    template = anatomy.template
    faces, sides = template.interfaces
    kept, numbered = np.unique(faces, return_inverse=True)
    std = mesh.std_mm.astype(np.float32)
    inner_outer = {"inner": np.ascontiguousarray(sides[:, 0]), "outer": np.ascontiguousarray(sides[:, 1])}
    write_vtp(folder / "vtp" / f"{stem}.vtp", mesh.positions_mm[kept], numbered.reshape(faces.shape), inner_outer,
              {"std_mm": std[kept]})  # fmt: skip
    write_vtu(folder / "vtu" / f"{stem}.vtu", mesh.positions_mm, template.tetrahedra,
              {"part": template.tetrahedron_parts}, {"std_mm": std})  # fmt: skip
    write_obj(folder / "obj" / f"{stem}.obj", mesh.positions_mm, anatomy.surfaces)
    for name, surface in anatomy.surfaces.items() if stl else ():
        write_stl(folder / "stl" / f"{stem}-{name}.stl", mesh.positions_mm, surface)


def _stem(views: HeartViews) -> str:
    for what, name in (("case", views.case_id), ("frame", views.frame)):
        if not is_plain_name(name):
            raise CxrError(f"{what} '{name}'; expected letters, digits, '.', '_', '-' only: it names files")
    return f"{views.case_id}-{views.frame}"


def _write(writer: Any, schema: pa.Schema, rows: list[dict[str, Any]]) -> None:
    if rows:
        writer.write_table(pa.Table.from_pylist(rows, schema=schema))


def _row(
    anatomy: Anatomy,
    views: HeartViews,
    mesh: Found,
    volumes_ml: Mapping[str, Mapping[str, float]],
    settings: HeartsMeshesConfig,
) -> dict[str, Any]:
    own = volumes_ml[views.frame]
    long_axis = [name for name in LONG_AXIS if name in views.long_axis]
    row: dict[str, Any] = {
        "case_id": views.case_id,
        "patient_id": views.patient_id,
        "frame": views.frame,
        "views": [*(["sax"] if views.short_axis else []), *long_axis],
        "slices": len(views.short_axis),
        "vertices": mesh.positions_mm.astype(np.float32).reshape(-1),
        "std_mm": mesh.std_mm.astype(np.float32),
        "mean_std_mm": float(mesh.std_mm.mean()),
        **{f"{name}_ml": value for name, value in own.items()},
        "lv_mass_g": own[WALL] * DENSITY_G_PER_ML,
        **pumping(volumes_ml),
        **quality(anatomy, mesh.positions_mm),
    }
    return row | {"flags": flags_of(row, long_axis, settings.largest_std_mm, settings.least_slices)}


def _planes(views: HeartViews) -> list[tuple[str, int, ImagePlane]]:
    """Return view, number and plane of all slices of a case."""
    planes = [(SHORT_AXIS, number, plane) for number, plane in enumerate(views.short_axis)]
    return planes + [(name, 0, views.long_axis[name]) for name in LONG_AXIS if name in views.long_axis]


def _mask_rows(anatomy: Anatomy, views: HeartViews, mesh: Found) -> Iterator[dict[str, Any]]:
    """Yield the masks that are not empty, slice by slice."""
    for view, number, plane in _planes(views):
        height, width = plane.pixels.shape
        for part, mask in anatomy.masks(mesh.positions_mm, plane).items():
            if mask.any():
                yield {
                    "case_id": views.case_id,
                    "frame": views.frame,
                    "view": view,
                    "slice": number,
                    "part": part,
                    "height": height,
                    "width": width,
                    "rle": rle_encode(mask),
                    "area_mm2": float(mask.sum() * plane.spacing_mm[0] * plane.spacing_mm[1]),
                }


def _slice_rows(views: HeartViews) -> Iterator[dict[str, Any]]:
    for view, number, plane in _planes(views):
        height, width = plane.pixels.shape
        yield {
            "case_id": views.case_id,
            "frame": views.frame,
            "view": view,
            "slice": number,
            "height": height,
            "width": width,
            "origin_mm": np.asarray(plane.origin_mm, np.float64).tolist(),
            "across": np.asarray(plane.across, np.float64).tolist(),
            "down": np.asarray(plane.down, np.float64).tolist(),
            "spacing_mm": [float(step) for step in plane.spacing_mm],
            "thickness_mm": float(plane.thickness_mm),
            "png": encode_png(eight_bits(plane)),
        }


def eight_bits(plane: ImagePlane) -> UInt8[np.ndarray, "rows columns"]:
    """Return a plane's grey values stretched from its percentiles 1 and 99 to 0 and 255."""
    pixels = np.asarray(plane.pixels, np.float64)
    low, high = np.percentile(pixels, [1, 99])
    return np.rint(np.clip((pixels - low) / ((high - low) or 1), 0, 1) * 255).astype(np.uint8)
