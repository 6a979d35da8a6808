"""The landmark graph, which describes organs as closed contours of numbered nodes.

Node counts and order are those of the JSRT annotations of van Ginneken et al. (2006) as used by
HybridGNet and CheXmask: 44 right lung, 50 left lung, 26 heart, then 23 + 23 clavicle nodes. Right and left
are the patient's: the right lung lies on the image's left in a frontal view.

Data sets disagree on what a lung includes, so each graph belongs to one definition of the organs. Landmarks, masks and
scores of different definitions are never mixed, because the same node marks a different border in each.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cxrfactory.anatomy.organs import CLAVICLES, HEART, LUNGS, NODE_COUNTS, ORGAN_NODES, ORGANS
from cxrfactory.errors import CxrError

# Label codes of the labelled set -> graph whose nodes it annotates. M is for images that have masks only.
LABEL_GRAPHS = {
    "L": "lungs",
    "LH": "lungs-heart",
    "LHC": "lungs-heart-clavicles",
    "W": "whole-lungs",
    "H": "heart",
    "C": "clavicles",
    "M": "none",
}

_GRAPH_ORGANS = {
    "lungs": LUNGS,
    "lungs-heart": ORGANS,
    "lungs-heart-clavicles": tuple(ORGAN_NODES),
    "whole-lungs": LUNGS,
    "heart": (HEART,),
    "clavicles": CLAVICLES,
    "none": (),
}

# What the organs include. The landmark sets and CheXmask use JSRT's definition; V7's masks cover whole lungs.
JSRT = "jsrt"
WHOLE_LUNGS = "whole-lungs"
DEFINITIONS = {
    JSRT: "lungs without the part behind the heart and the mediastinum, down to the visible diaphragm (JSRT, CheXmask)",
    WHOLE_LUNGS: "lungs with the part behind the heart (V7)",
}


@dataclass(frozen=True)
class LandmarkGraph:
    """Closed contours, one per organ; nodes are numbered consecutively in the order of ``organs``.

    Attributes
    ----------
    name
        ``lungs``, ``lungs-heart``, ``lungs-heart-clavicles`` or ``whole-lungs``; labels also have ``heart``,
        ``clavicles`` and ``none``.
    organs
        Organ names in node order.
    """

    name: str
    organs: tuple[str, ...]

    @property
    def nodes(self) -> int:
        """Number of nodes (94, 120 or 166; 26, 46 and 0 for labels of the heart, the clavicles and masks alone)."""
        return sum(ORGAN_NODES[organ] for organ in self.organs)

    @property
    def definition(self) -> str:
        """Key of :data:`DEFINITIONS`; only graphs of one definition may be trained, scored or drawn together."""
        return WHOLE_LUNGS if self.name == WHOLE_LUNGS else JSRT

    @property
    def definition_text(self) -> str:
        """One line of text that states what the organs include."""
        organs = ", ".join(organ.replace("_", " ") for organ in self.organs)
        return f"{organs}; {DEFINITIONS[self.definition]}"

    @property
    def slices(self) -> dict[str, slice]:
        """Slice of each organ's nodes."""
        found, start = {}, 0
        for organ in self.organs:
            found[organ] = slice(start, start + ORGAN_NODES[organ])
            start += ORGAN_NODES[organ]
        return found

    @property
    def pooled_counts(self) -> list[int]:
        """Number of nodes of each organ at half resolution: pairs of neighbours merge, an odd last node stays alone."""
        return [(ORGAN_NODES[organ] + 1) // 2 for organ in self.organs]

    def adjacency(self) -> Float[np.ndarray, "nodes nodes"]:
        """Return the symmetric 0/1 adjacency of the full graph: one cycle per organ, no edges between organs."""
        return _cycles([ORGAN_NODES[organ] for organ in self.organs])

    def pooled_adjacency(self) -> Float[np.ndarray, "pooled pooled"]:
        """Return the adjacency of the graph at half resolution."""
        return _cycles(self.pooled_counts)

    def pooling(self) -> Float[np.ndarray, "pooled nodes"]:
        """Return the matrix that averages pairs of consecutive nodes per organ (Gaggion's thesis, graph unpooling)."""
        matrix = np.zeros((sum(self.pooled_counts), self.nodes))
        row = 0
        for organ, count in zip(self.organs, self.pooled_counts, strict=True):
            start, stop = self.slices[organ].start, self.slices[organ].stop
            for pair in range(count):
                members = [node for node in (start + 2 * pair, start + 2 * pair + 1) if node < stop]
                matrix[row, members] = 1 / len(members)
                row += 1
        return matrix

    def unpooling(self) -> Float[np.ndarray, "nodes pooled"]:
        """Return the matrix that doubles the nodes of each organ by linear interpolation along its cycle.

        Coarse node i lies midway between the fine nodes 2i and 2i + 1. Each fine node therefore takes 3/4 of its own
        coarse node and 1/4 of the neighbour on its side. An unpaired last node copies its coarse node.
        """
        matrix = np.zeros((self.nodes, sum(self.pooled_counts)))
        offset = 0
        for organ, count in zip(self.organs, self.pooled_counts, strict=True):
            where = self.slices[organ]
            for local in range(ORGAN_NODES[organ]):
                own = local // 2
                alone = local == ORGAN_NODES[organ] - 1 and local % 2 == 0
                side = own if alone else (own - 1 if local % 2 == 0 else own + 1) % count
                matrix[where.start + local, offset + own] += 0.75
                matrix[where.start + local, offset + side] += 0.25
            offset += count
        return matrix


def _cycles(counts: list[int]) -> Float[np.ndarray, "nodes nodes"]:
    total = sum(counts)
    matrix = np.zeros((total, total))
    start = 0
    for count in counts:
        nodes = np.arange(count)
        following = (nodes + 1) % count
        matrix[start + nodes, start + following] = 1
        matrix[start + following, start + nodes] = 1
        start += count
    return matrix


def landmark_graph(name: str) -> LandmarkGraph:
    """Return the graph with a given name.

    Raises
    ------
    CxrError
        If there is no graph with that name.
    """
    if name not in _GRAPH_ORGANS:
        raise CxrError(f"unknown graph '{name}'; expected one of {', '.join(_GRAPH_ORGANS)}")
    return LandmarkGraph(name, _GRAPH_ORGANS[name])


def slices_within(nodes: int) -> dict[str, slice]:
    """Return the slices of the organs of JSRT's definition that a number of landmarks holds whole.

    Examples
    --------
    >>> list(slices_within(120))
    ['right_lung', 'left_lung', 'heart']
    """
    slices = landmark_graph("lungs-heart-clavicles").slices
    return {organ: where for organ, where in slices.items() if where.stop <= nodes}


def graph_of_nodes(nodes: int, where: str | None = None) -> LandmarkGraph:
    """Return the graph of JSRT's definition with a given number of nodes (94, 120 or 166).

    Parameters
    ----------
    nodes
        Number of landmarks of an image.
    where
        File and image, for the error message.

    Raises
    ------
    CxrError
        If no graph has this number of nodes.
    """
    if nodes not in NODE_COUNTS:
        place = f"{where}: " if where else ""
        raise CxrError(f"{place}{nodes} landmarks an image; expected one of {list(NODE_COUNTS)}")
    return landmark_graph(("lungs", "lungs-heart", "lungs-heart-clavicles")[NODE_COUNTS.index(nodes)])


def graph_of_labels(labels: str, where: str) -> LandmarkGraph:
    """Return the graph that a label code annotates.

    Parameters
    ----------
    labels
        A key of :data:`LABEL_GRAPHS`.
    where
        File and image, for the error message.

    Raises
    ------
    CxrError
        If the code is unknown.
    """
    if labels not in LABEL_GRAPHS:
        raise CxrError(f"{where}: labels '{labels}'; expected one of {', '.join(LABEL_GRAPHS)}")
    return landmark_graph(LABEL_GRAPHS[labels])
