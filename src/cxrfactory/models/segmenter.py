"""Any trained segmenter as an object that finds masks, landmarks and their spread in square 8-bit images.

For a landmark network, :meth:`Segmenter.__call__` decodes the latent mean of one image and fills the contours; for a
pixel network, it enlarges the logits. :meth:`Segmenter.run` and :meth:`Segmenter.predict` also decode latent samples,
which give the spread of every landmark, and do not fill contours.

On a CPU, every image runs alone in one thread, and several images run in parallel. This is the fastest way on a CPU,
and it makes a result independent of batch, shard and number of cores, to the bit.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Protocol, TypeVar

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8

from cxrfactory.anatomy.graph import LandmarkGraph
from cxrfactory.anatomy.loops import without_loops
from cxrfactory.anatomy.raster import landmarks_to_masks
from cxrfactory.errors import CxrError
from cxrfactory.models.device import single_threaded
from cxrfactory.models.evidence import Evidence, evidence_of
from cxrfactory.models.inputs import to_input, to_pixels
from cxrfactory.models.networks import Encoded, HasDenseHead, LandmarkNetwork
from cxrfactory.models.registry import LANDMARK_MODELS, ModelKind, model_kind, segmenter_from_card
from cxrfactory.models.trained import TrainedNetwork, logits_to_masks
from cxrfactory.tables.keys import seed_of
from cxrfactory.tables.streaming import in_order
from cxrfactory.tables.weights import WeightsCard

Masks = dict[str, UInt8[np.ndarray, "size size"]]
Picture = TypeVar("Picture")
PRECISIONS = ("fp32", "bf16")
_AHEAD = 3  # images prefetched per thread, so that no thread waits while an image is read or a result is written


@dataclass(frozen=True)
class Segmentation:
    """Result of a segmenter for one image.

    Attributes
    ----------
    masks
        Organ name to a mask of 0 and 1 in the requested frame.
    landmarks
        (x, y) in pixels of that frame, in the order of ``graph``; None for a pixel network.
    graph
        Landmark graph that names the landmarks; None for a pixel network.
    """

    masks: Masks
    landmarks: Float[np.ndarray, "nodes 2"] | None = None
    graph: LandmarkGraph | None = None


@dataclass(frozen=True)
class SampledLandmarks:
    """Landmarks of one image with their spread, (x, y) in pixels of the requested frame.

    Attributes
    ----------
    landmarks
        Landmarks decoded from the mean of the latent distribution; these are published.
    mean, std
        Mean and standard deviation of every coordinate over the latent samples.
    latent
        Mean of the latent distribution.
    evidence
        Agreement of the landmarks with the network's other answers; None for a network without a dense head, and for
        numbers that are not finite.
    """

    landmarks: Float32[np.ndarray, "nodes 2"]
    mean: Float32[np.ndarray, "nodes 2"]
    std: Float32[np.ndarray, "nodes 2"]
    latent: Float32[np.ndarray, " latent"]
    evidence: Evidence | None = None


class Segments(Protocol):
    """Interface of a segmenter: a :class:`Segmenter`, nnU-Net, or either followed by a post-processor."""

    device: torch.device
    parameters: int

    @property
    def definition(self) -> str:
        """What the organs include, a key of :data:`cxrfactory.anatomy.graph.DEFINITIONS`."""

    @property
    def organs(self) -> tuple[str, ...]:
        """Names of the organs that it segments, in its order."""

    def __call__(self, image: UInt8[np.ndarray, "s s"], size: int) -> Segmentation:
        """Segment one square image; masks are in a frame of ``size`` x ``size`` pixels."""


class Segmenter(TrainedNetwork):
    """A trained landmark or pixel network that is ready for images.

    Parameters
    ----------
    tensors, card
        Weights and card, as read by :func:`cxrfactory.tables.weights.read_weights`.
    device
        ``auto``, ``cpu`` or ``cuda``.
    source
        Name of the weights, for error messages.
    samples
        Number of latent samples for the spread of the landmarks; None where :meth:`run` and :meth:`predict` are not
        used.
    precision
        ``fp32``, or ``bf16`` for the convolutions (the first two blocks, the latent layers and the decoder always run
        in fp32).

    Attributes
    ----------
    graph
        Landmark graph that names the landmarks; None for a pixel network.
    input_size
        Side of the network's input in pixels, or (rows, columns).

    Raises
    ------
    CxrError
        If the weights do not fit their card, a setting is invalid, or latent samples (or bf16) are requested of a
        network without a latent code.
    """

    def __init__(
        self,
        tensors: dict[str, np.ndarray],
        card: WeightsCard,
        device: str = "cpu",
        source: str = "weights",
        samples: int | None = None,
        precision: str = "fp32",
    ) -> None:
        if samples is not None and samples < 2:
            raise CxrError(f"samples is {samples}; expected at least 2, for a standard deviation")
        if precision not in PRECISIONS:
            raise CxrError(f"precision is '{precision}'; expected 'fp32' or 'bf16'")
        self._name, self.samples = card["segmenter"], samples
        if samples is not None or precision == "bf16":
            self._check_latent(source)
        super().__init__(segmenter_from_card(card, tensors, source).for_inference(), device, source)
        if precision == "bf16":
            self.network.to_bf16()
        self.graph = self.network.graph if isinstance(self.network, LandmarkNetwork) else None
        self.input_size = self.network.input_size

    @property
    def definition(self) -> str:
        """What the organs include, a key of :data:`cxrfactory.anatomy.graph.DEFINITIONS`."""
        return self.network.definition

    @property
    def organs(self) -> tuple[str, ...]:
        """Names of the organs that the network segments, in its order."""
        return self.network.organs

    def __call__(self, image: UInt8[np.ndarray, "s s"], size: int) -> Segmentation:
        """Segment one square preprocessed image.

        Parameters
        ----------
        image
            8-bit image ``[s, s]``.
        size
            Side of the frame of masks and landmarks, in pixels.

        Raises
        ------
        ImageError
            If the network's output contains numbers that are not finite.
        """
        tensor = torch.from_numpy(to_input(image, self.input_size))[None, None].to(self.device)
        with single_threaded(), torch.inference_mode():
            answer = self.network(tensor)
        if self.graph is None:
            return self._from_logits(answer[0].float().cpu().numpy(), size)
        return self._from_landmarks(answer[0][0].float().cpu().numpy(), size)

    def latent_mean(self, image: UInt8[np.ndarray, "s s"]) -> Float32[np.ndarray, " latent"]:
        """Return the mean of the latent distribution of one square preprocessed image.

        Raises
        ------
        CxrError
            If the network has no latent code.
        """
        self._check_latent(self.source)
        batch = torch.from_numpy(to_input(image, self.input_size)[None, None])
        with single_threaded(), torch.inference_mode():
            return self.network.encode(self._on_device(batch)).mu[0].cpu().numpy()

    def predict(self, images: UInt8[np.ndarray, "b h w"], image_ids: list[str], size: int) -> list[SampledLandmarks]:
        """Find the landmarks of a batch of square images, with their spread.

        Parameters
        ----------
        images
            Preprocessed 8-bit images.
        image_ids
            Identifiers of the images; they seed the latent samples.
        size
            Side of the frame in which landmarks are returned, in pixels.

        Raises
        ------
        CxrError
            If the segmenter was opened without ``samples``.
        """
        batch = np.stack([to_input(image, self.input_size) for image in images])[:, None]
        codes = np.stack([self._noise(image_id) for image_id in image_ids])
        with torch.inference_mode():
            encoded = self.network.encode(self._on_device(torch.from_numpy(batch)))
            spread = torch.exp(0.5 * encoded.logvar).unsqueeze(1)
            z = encoded.mu.unsqueeze(1) + torch.from_numpy(codes).to(self.device) * spread
            positions, intermediate = self.network.decode(encoded, z)
            evidence = self._evidence(encoded, positions[:, 0], intermediate)
            positions, latent = positions.cpu().numpy(), encoded.mu.cpu().numpy()
        return [
            self._collect(to_pixels(each.astype(np.float64), size), code, found)
            for each, code, found in zip(positions, latent, evidence, strict=True)
        ]

    def _evidence(
        self, encoded: Encoded, landmarks: torch.Tensor, intermediate: list[torch.Tensor]
    ) -> list[Evidence | None]:
        """Return the evidence about the landmarks ``[b, nodes, 2]`` of each image, which the latent mean gives."""
        if not isinstance(self.network, HasDenseHead):
            return [None] * len(landmarks)
        stages = (intermediate[self.network.start_stage][:, 0], intermediate[self.network.shape_stage][:, 0])
        logits = encoded.logits[:, : len(self.organs)]
        columns = [each.float().cpu().numpy() for each in (landmarks, *stages, logits, encoded.mu)]
        return [evidence_of(*rows, self.graph) for rows in zip(*columns, strict=True)]

    def run(
        self,
        images: Iterable[tuple[str, Picture]],
        size: int,
        batch_size: int = 1,
        workers: int = 1,
        load: Callable[[Picture], UInt8[np.ndarray, "h w"]] = lambda image: image,
    ) -> Iterator[tuple[str, SampledLandmarks]]:
        """Find landmarks in a stream of images; yields in input order and prefetches a bounded number of images.

        Parameters
        ----------
        images
            Pairs of an id and the argument of ``load``. All images must have one size. Without ``load``, the second
            item is the image itself.
        size
            Side of the frame of the landmarks, in pixels.
        batch_size
            Images per pass on CUDA. On the CPU, images always run alone.
        workers
            Number of threads; they run the network on the CPU, and ``load`` on any device.
        load
            Function that returns a square 8-bit image, such as a decoder of PNG files; it runs in the threads.
        """

        def loaded(item: tuple[str, Picture]) -> tuple[str, UInt8[np.ndarray, "h w"]]:
            return item[0], load(item[1])

        def alone(item: tuple[str, Picture]) -> tuple[str, SampledLandmarks]:
            return item[0], self.predict(load(item[1])[None], [item[0]], size)[0]

        if self.device.type == "cuda":
            with ThreadPoolExecutor(workers) as pool:
                stream = in_order(pool, loaded, images, 2 * batch_size)
                while chunk := list(islice(stream, batch_size)):
                    ids = [image_id for image_id, _ in chunk]
                    yield from zip(ids, self.predict(np.stack([each for _, each in chunk]), ids, size), strict=True)
            return
        with single_threaded(), ThreadPoolExecutor(workers) as pool:
            yield from in_order(pool, alone, images, _AHEAD * workers)

    def _from_landmarks(self, fractions: Float[np.ndarray, "nodes 2"], size: int) -> Segmentation:
        self.check_finite(fractions)
        points = self._sound(to_pixels(fractions.astype(np.float64), size))
        return Segmentation(landmarks_to_masks(points, self.graph, size, size), points, self.graph)

    def _from_logits(self, logits: Float[np.ndarray, "organs h w"], size: int) -> Segmentation:
        self.check_finite(logits)
        return Segmentation(dict(zip(self.organs, logits_to_masks(logits, size), strict=True)))

    def _on_device(self, batch: torch.Tensor) -> torch.Tensor:
        return batch.to(self.device, memory_format=torch.channels_last)

    def _noise(self, image_id: str) -> Float32[np.ndarray, "s latent"]:
        if self.samples is None:
            raise CxrError(f"{self.source}: opened without latent samples; give samples for the spread of landmarks")
        rng = np.random.default_rng(seed_of(image_id, "latent"))
        drawn = rng.standard_normal((self.samples, self.network.latent), dtype=np.float32)
        return np.concatenate([np.zeros((1, self.network.latent), np.float32), drawn])  # the first row gives the mean

    def _check_latent(self, source: str) -> None:
        if model_kind(self._name) is not ModelKind.LANDMARK:
            raise CxrError(
                f"{source}: {self._name} has no latent code; expected weights of a landmark model "
                f"({', '.join(LANDMARK_MODELS)})"
            )

    def _collect(
        self, points: Float[np.ndarray, "s n 2"], latent: np.ndarray, evidence: Evidence | None
    ) -> SampledLandmarks:
        drawn = points[1:]
        return SampledLandmarks(
            self._sound(points[0]).astype(np.float32),
            drawn.mean(axis=0).astype(np.float32),
            drawn.std(axis=0, ddof=1).astype(np.float32),
            latent,
            evidence,
        )

    def _sound(self, points: Float[np.ndarray, "nodes 2"]) -> Float[np.ndarray, "nodes 2"]:
        """Take small loops out of the contours of a network that moves each node along its normal, to a border."""
        if not isinstance(self.network, HasDenseHead):
            return points
        return np.concatenate([without_loops(points[where]) for where in self.graph.slices.values()])
