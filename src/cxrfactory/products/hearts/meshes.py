"""The meshes of the product for the browser: the template's surfaces, and the nodes of one case and frame."""

from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Int

from cxrfactory.errors import CxrError
from cxrfactory.geometry.mesh.labelled import LabelledMesh, read_labelled_mesh
from cxrfactory.products.browsed_meshes import PicturePlane, PlacedMesh
from cxrfactory.products.hearts.frame_rows import frame_rows

_PLANE = ["origin_mm", "across", "down", "spacing_mm", "height", "width"]


class HeartMeshes:
    """Meshes of hearts.

    Parameters
    ----------
    folder
        Folder of the product.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def surfaces(self) -> dict[str, Int[np.ndarray, "faces 3"]]:
        """Return the closed surface of each part."""
        return {name: self._template.surface(name) for name in self._template.parts}

    def mesh(self, image_id: str) -> PlacedMesh:
        """Return the mesh of a slice ``<case_id>/<frame>/<view>-<slice>``, and where the slice lies."""
        group, _, plane = image_id.rpartition("/")
        case, _, frame = group.rpartition("/")
        view, _, number = plane.rpartition("-")
        nodes = self._template.surface_nodes
        row = self._row("hearts.parquet", ["vertices", "std_mm"], {"case_id": case, "frame": frame})
        place = {"case_id": case, "frame": frame, "view": view, "slice": int(number)}
        return PlacedMesh(
            np.asarray(row["vertices"], np.float32).reshape(-1, 3)[:nodes],
            np.asarray(row["std_mm"], np.float32)[:nodes],
            _plane(self._row("slices.parquet", _PLANE, place)),
        )

    @cached_property
    def _template(self) -> LabelledMesh:
        return read_labelled_mesh(self._folder / "template.npz")

    def _row(self, name: str, columns: list[str], place: dict) -> dict:
        keys = [each for each in place if each not in ("case_id", "frame")]
        for rows in frame_rows(self._folder / name, place["case_id"], place["frame"], [*keys, *columns]):
            for row in rows.to_dict("records"):
                if all(row[each] == place[each] for each in keys):
                    return row
        raise CxrError(f"{self._folder / name}: no row of {'/'.join(map(str, place.values()))}; make the product again")


def _plane(row: dict) -> PicturePlane:
    """Return the borders of a picture whose ``origin_mm`` is the centre of its pixel [0, 0]."""
    across, down = (np.asarray(row[name], np.float64) for name in ("across", "down"))
    step_x, step_y = row["spacing_mm"]
    corner = np.asarray(row["origin_mm"], np.float64) - across * step_x / 2 - down * step_y / 2
    return PicturePlane(corner, across * step_x * row["width"], down * step_y * row["height"])
