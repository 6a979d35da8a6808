"""One network, many images: landmarks from the latent mean, and their spread over latent samples.

On a CPU every image runs alone in one thread, and images run side by side: that is the fastest way there,
and it makes a result independent of batch, shard and number of cores, to the bit.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8

from cxrfactory.errors import CxrError
from cxrfactory.models.device import choose_device, single_threaded
from cxrfactory.models.inputs import to_input, to_pixels
from cxrfactory.models.registry import LANDMARK_MODELS, ModelKind, model_kind, segmenter_from_card
from cxrfactory.tables.keys import seed_of
from cxrfactory.tables.streaming import in_order

Picture = TypeVar("Picture")
_AHEAD = 3  # images a thread: so that none waits while one is read or a result written


@dataclass(frozen=True)
class Prediction:
    """Landmarks of one image, (x, y) pixels of the frame that was asked for.

    Attributes
    ----------
    landmarks
        Decoded from the mean of the latent distribution: what is published.
    mean, std
        Over latent samples, per coordinate.
    latent
        Mean of the latent distribution.
    """

    landmarks: Float32[np.ndarray, "nodes 2"]
    mean: Float32[np.ndarray, "nodes 2"]
    std: Float32[np.ndarray, "nodes 2"]
    latent: Float32[np.ndarray, " latent"]


class Predictor:
    """A trained segmenter ready for images.

    Parameters
    ----------
    tensors, card
        As read by :func:`cxrfactory.tables.weights.read_weights`.
    samples
        Latent samples for mean and standard deviation.
    precision
        ``fp32``, or ``bf16`` for the convolutions (two blocks, latent layers and decoder always run in fp32).
    device
        ``auto``, ``cpu`` or ``cuda``.
    source
        The weights' name, for errors.

    Raises
    ------
    CxrError
        If the weights do not fit their card, or a setting is unknown.
    """

    def __init__(
        self,
        tensors: dict[str, np.ndarray],
        card: dict[str, Any],
        samples: int = 20,
        precision: str = "fp32",
        device: str = "cpu",
        source: str = "weights",
    ) -> None:
        if samples < 2:
            raise CxrError(f"samples is {samples}; expected at least 2, for a standard deviation")
        if precision not in ("fp32", "bf16"):
            raise CxrError(f"precision is '{precision}'; expected 'fp32' or 'bf16'")
        if model_kind(card["segmenter"]) is not ModelKind.LANDMARK:
            raise CxrError(
                f"{source}: {card['segmenter']} has no latent code; expected weights of a landmark model "
                f"({', '.join(LANDMARK_MODELS)})"
            )
        self.network = segmenter_from_card(card, tensors, source).for_inference()
        self.graph, self.input_size = self.network.graph, self.network.input_size
        self.samples, self.device = samples, choose_device(device)
        self.network.to(self.device)
        if precision == "bf16":
            self.network.encoder.to_bf16()

    def predict(self, images: UInt8[np.ndarray, "b h w"], image_ids: list[str], size: int) -> list[Prediction]:
        """Predict a batch of square images.

        Parameters
        ----------
        images
            8-bit, preprocessed.
        image_ids
            Seed the latent samples.
        size
            Side of the frame in which landmarks are returned.
        """
        batch = np.stack([to_input(image, self.input_size) for image in images])[:, None]
        codes = np.stack([self._noise(image_id) for image_id in image_ids])
        with torch.inference_mode():
            tensor = torch.from_numpy(batch).to(self.device, memory_format=torch.channels_last)
            encoded = self.network.encode(tensor)
            spread = torch.exp(0.5 * encoded.logvar).unsqueeze(1)
            z = encoded.mu.unsqueeze(1) + torch.from_numpy(codes).to(self.device) * spread
            positions = self.network.decode(encoded, z)[0]
            positions, latent = positions.cpu().numpy(), encoded.mu.cpu().numpy()
        return [
            self._collect(to_pixels(each.astype(np.float64), size), code)
            for each, code in zip(positions, latent, strict=True)
        ]

    def _noise(self, image_id: str) -> Float32[np.ndarray, "s latent"]:
        rng = np.random.default_rng(seed_of(image_id, "latent"))
        drawn = rng.standard_normal((self.samples, self.network.latent), dtype=np.float32)
        return np.concatenate([np.zeros((1, self.network.latent), np.float32), drawn])  # first: the mean

    @staticmethod
    def _collect(points: Float[np.ndarray, "s n 2"], latent: np.ndarray) -> Prediction:
        drawn = points[1:]
        return Prediction(
            points[0].astype(np.float32),
            drawn.mean(axis=0).astype(np.float32),
            drawn.std(axis=0, ddof=1).astype(np.float32),
            latent,
        )

    def run(
        self,
        images: Iterable[tuple[str, Picture]],
        size: int,
        batch_size: int = 16,
        workers: int = 1,
        load: Callable[[Picture], UInt8[np.ndarray, "h w"]] = lambda image: image,
    ) -> Iterator[tuple[str, Prediction]]:
        """Predict a stream of (id, image), in order; few are taken before their turn.

        Parameters
        ----------
        images
            What ``load`` makes a square 8-bit image of, all of one size; without ``load``, the images.
        size
            Side of the frame of the landmarks.
        batch_size
            Images in one pass on CUDA. On the CPU images always run alone.
        workers
            Threads: of the network on the CPU, of ``load`` everywhere.
        load
            Such as decoding a PNG; runs in the threads.
        """

        def loaded(item: tuple[str, Picture]) -> tuple[str, UInt8[np.ndarray, "h w"]]:
            return item[0], load(item[1])

        def alone(item: tuple[str, Picture]) -> tuple[str, Prediction]:
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
