"""Quality scores of a segmentation, with or without reference images."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from cxrfactory.anatomy.graph import LandmarkGraph
from cxrfactory.door.network import Prediction
from cxrfactory.errors import CxrError, ImageError
from cxrfactory.imaging.drawing.png import encode_png

REGISTRATION_WEIGHTS = "pretrained-registration"
_SIZE = 256  # pixels; side at which RCA registers images, the default of the rca stage


@dataclass(frozen=True)
class Quality:
    """Scores of the reliability of one segmentation.

    Attributes
    ----------
    typicality
        Score of the image in (0, 1]. It is 1 for an image that resembles the chest radiographs on which the package's
        registration network was trained, and decreases with the distance from them. It depends only on the image, so it
        cannot distinguish a good from a bad segmentation of a typical radiograph. 99 % of the held-out radiographs
        have 1.
    dice_rca_mean, dice_rca_max
        Reverse classification accuracy (RCA): the estimated Dice of the masks, mean and maximum over the references, in
        [0, 1]. They are None if the segmenter has no reference images: RCA compares the segmentation with images whose
        masks are known, and the package does not contain such images.
    references
        Ids of the compared reference images; empty without references.
        Ids of the reference images that were compared; empty without references.

    Examples
    --------
    >>> segmenter.segment(film).quality.dice_rca_mean is None  # the segmenter was given no references
    True
    """

    typicality: float
    dice_rca_mean: float | None = None
    dice_rca_max: float | None = None
    references: tuple[str, ...] = ()


class TypicalityCheck:
    """Quality without reference images: only typicality, by the registration network of the package."""

    def __init__(self, device: str) -> None:
        from cxrfactory.models.device import choose_device
        from cxrfactory.rca.deep import open_registration

        self._device = choose_device(device)
        self._net = open_registration(REGISTRATION_WEIGHTS).to(self._device)

    def __call__(self, image: UInt8[np.ndarray, "size size"], prediction: Prediction, image_id: str) -> Quality:
        """Score a preprocessed image.

        Raises
        ------
        ImageError
            If the image has only one grey value.
        """
        import torch

        from cxrfactory.models.device import single_threaded
        from cxrfactory.models.inputs import to_input
        from cxrfactory.rca.score import resized

        if image.min() == image.max():
            raise ImageError(f"image has one grey value only ({image.min()}); nothing to compare")
        values = torch.from_numpy(to_input(resized(image, _SIZE), self._net.input_size))[None, None]
        with single_threaded(), torch.inference_mode():
            described = self._net.describe(values.to(self._device, memory_format=torch.channels_last))
            return Quality(float(self._net.typicality(described)))


class RcaCheck:
    """Quality with reference images: the scores of the ``rca`` stage for one image at a time.

    Parameters
    ----------
    references
        Table of the ``rca-reference`` stage (``results/rca/reference.parquet``), made with the segmenter's weights.
    graph
        Landmark graph of the segmenter.
    compare
        Number of references that an image is compared with: those with the most similar latent code.
    device
        ``auto``, ``cpu`` or ``cuda``.

    Raises
    ------
    CxrError
        If the table is unreadable, holds fewer references than ``compare``, or defines the organs differently.
    """

    def __init__(self, references: str | Path, graph: LandmarkGraph, compare: int, device: str) -> None:
        from cxrfactory.anatomy.graph import landmark_graph
        from cxrfactory.config.rca import AlignerConfig
        from cxrfactory.rca.aligners import build_aligner
        from cxrfactory.rca.reference import read_reference
        from cxrfactory.tables.parquet import stored_graph

        known = landmark_graph(stored_graph(references) or "lungs")
        if known.definition != graph.definition:
            raise CxrError(
                f"{references}: references by the definition '{known.definition}', the segmenter's is "
                f"'{graph.definition}'; make the references with the segmenter's weights"
            )
        self._known, self._compare = read_reference(references), compare
        if not 1 <= compare <= len(self._known.references):
            raise CxrError(f"{references}: {len(self._known.references)} references; compare={compare} does not fit")
        self._aligner = build_aligner(AlignerConfig(device=device))

    def __call__(self, image: UInt8[np.ndarray, "size size"], prediction: Prediction, image_id: str) -> Quality:
        """Score a preprocessed image and its prediction in the same frame.

        Raises
        ------
        ImageError
            If RCA cannot score the image.
        """
        from cxrfactory.rca.shard import ScoringJob, score_job

        job = ScoringJob(image_id, encode_png(image), prediction.landmarks.ravel(), prediction.latent, image.shape[0])
        _, row, reason = score_job(job, self._known, self._aligner, self._compare)
        if row is None:
            raise ImageError(f"RCA: {reason}")
        scores = (row["typicality"], row["dice_rca_mean"], row["dice_rca_max"])
        return Quality(*scores, tuple(row["references"]))
