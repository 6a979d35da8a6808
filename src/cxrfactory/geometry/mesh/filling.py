"""Place the inner nodes of a tetrahedral mesh between the nodes of its surfaces, as a membrane under tension would."""

from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from cxrfactory.errors import CxrError
from cxrfactory.geometry.mesh.labelled import LabelledMesh
from cxrfactory.geometry.mesh.surface import edges


class Filling:
    """Positions of all nodes of a template from those of its surfaces.

    Each inner node is the same weighted mean of its neighbours as in the template (weights: one over the squared length
    of the edge), plus the template's own offset from that mean, scaled with the heart. So the template's own surfaces
    give the template, and a moved or scaled one gives the moved or scaled template.

    Parameters
    ----------
    template
        The mesh whose tetrahedra are kept.
    """

    def __init__(self, template: LabelledMesh) -> None:
        self.template = template

    @cached_property
    def surface_nodes(self) -> Int[np.ndarray, " surface"]:
        """Indices of the nodes of all surfaces, ascending."""
        return np.unique(self.template.interfaces[0])

    @cached_property
    def _inner(self) -> np.ndarray:
        return np.setdiff1d(np.arange(len(self.template.vertices_mm)), self.surface_nodes)

    @cached_property
    def _solver(self) -> tuple[Any, Any]:
        """Return the factorised system of the inner nodes, and the matrix that couples them to the surface nodes."""
        from scipy import sparse
        from scipy.sparse.linalg import splu

        tets, places = self.template.tetrahedra, np.asarray(self.template.vertices_mm, np.float64)
        pairs = edges(tets)
        weights = 1 / ((places[pairs[:, 0]] - places[pairs[:, 1]]) ** 2).sum(1)
        nodes = len(places)
        one = sparse.coo_matrix((weights, (pairs[:, 0], pairs[:, 1])), (nodes, nodes))
        joined = (one + one.T).tocsr()
        system = (sparse.diags(np.asarray(joined.sum(1)).ravel()) - joined).tocsr()[self._inner]
        return splu(system[:, self._inner].tocsc()), system[:, self.surface_nodes]

    @cached_property
    def _offsets(self) -> np.ndarray:
        """Template's inner nodes less those that the membrane alone would give."""
        places = np.asarray(self.template.vertices_mm, np.float64)
        return places[self._inner] - self._membrane(places[self.surface_nodes])

    def _membrane(self, surface: np.ndarray) -> np.ndarray:
        solver, coupling = self._solver
        return solver.solve(-(coupling @ surface))

    def __call__(self, positions_mm: Float[np.ndarray, "given 3"]) -> Float[np.ndarray, "nodes 3"]:
        """Return the positions of all nodes, float64.

        Parameters
        ----------
        positions_mm
            Positions of :attr:`surface_nodes` in their order, or of all nodes, which are returned as they are.

        Raises
        ------
        CxrError
            If the number of positions is neither of the two.
        """
        given, nodes = np.asarray(positions_mm, np.float64), len(self.template.vertices_mm)
        if given.shape == (nodes, 3):
            return given
        if given.shape != (len(self.surface_nodes), 3):
            raise CxrError(
                f"{given.shape} positions; expected those of the template's {nodes} nodes or of its "
                f"{len(self.surface_nodes)} surface nodes, three numbers each"
            )
        if not len(self._inner):
            return given
        turned = _linear_part(np.asarray(self.template.vertices_mm, np.float64)[self.surface_nodes], given)
        filled = np.empty((nodes, 3))
        filled[self.surface_nodes] = given
        filled[self._inner] = self._membrane(given) + self._offsets @ turned
        return filled


def _linear_part(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the matrix that maps centred source to centred target positions best in the least squares."""
    return np.linalg.lstsq(source - source.mean(0), target - target.mean(0), rcond=None)[0]
