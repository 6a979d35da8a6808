"""The reference sets that come with the package: virtual patients, for images whose owner has no labelled set.

Both definitions of the lungs have their set (``pretrained/references-*.parquet``, made by
``benchmarks/make_references.py``). A set holds the latent means of the weights in the package. For other weights of the
same definition, the latent means are computed when the set is opened, which takes as long as the pictures' inference.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from cxrfactory.anatomy.graph import JSRT, WHOLE_LUNGS, LandmarkGraph
from cxrfactory.anatomy.organs import HEART, ORGANS
from cxrfactory.errors import CxrError
from cxrfactory.rca.reference import Encode, ReferenceSet, read_reference
from cxrfactory.tables.parquet import stored_schema

PACKAGED = "pretrained"  # name of the package's references in options
WEIGHTS_KEY = "cxrfactory.weights"  # metadata of a set: SHA-256 of the weights whose latent means it holds
_FILES = {JSRT: "references-lungs-heart.parquet", WHOLE_LUNGS: "references-whole-lungs.parquet"}


def packaged_file(definition: str) -> Path:
    """Return the reference set of the package for a definition of the organs.

    Raises
    ------
    CxrError
        If the package has no set of this definition.
    """
    if definition not in _FILES:
        raise CxrError(f"the package has no references of the definition '{definition}'; give --reference your own")
    return Path(__file__).parents[1] / "pretrained" / _FILES[definition]


def packaged_references(graph: LandmarkGraph, weights_sha256: str, encode: Encode) -> ReferenceSet:
    """Open the reference set of the package that fits some weights.

    Parameters
    ----------
    graph
        Landmark graph of the weights. Without a heart, the references have none either.
    weights_sha256
        SHA-256 of the weights, as their card has it.
    encode
        Function of the weights from a square image to its latent mean; it is called for weights that are not those of
        the package.

    Raises
    ------
    CxrError
        If the package has no set of the definition of the graph.
    """
    path = packaged_file(graph.definition)
    known = read_reference(path)
    if (stored_schema(path).metadata or {}).get(WEIGHTS_KEY.encode()) != weights_sha256.encode():
        known = replace(known, latents=np.stack([encode(each.image) for each in known.references]))
    if HEART in graph.organs or not known.has_heart:
        return known
    heart = np.uint8(1 << ORGANS.index(HEART))
    lungs = [replace(each, codes=each.codes & ~heart) for each in known.references]
    return replace(known, references=lungs, has_heart=False)
