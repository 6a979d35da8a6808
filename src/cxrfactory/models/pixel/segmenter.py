"""What all pixel segmenters share: named organs in a fixed order, any image size, settings for the weights card."""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from cxrfactory.anatomy.graph import DEFINITIONS, JSRT, landmark_graph
from cxrfactory.errors import CxrError
from cxrfactory.models.networks import PixelNetwork
from cxrfactory.models.normalise import build_normaliser
from cxrfactory.models.pixel.exclusive import OUTPUTS, Exclusive
from cxrfactory.tables.weights import NetworkSettings

GRAPH = "lungs-heart"  # its organs are segmented where the settings name none
INPUT_SIZE = 256
SHARED = ("organs", "definition", "input_size", "normalise", "outputs")
# Settings of landmark models that a shared config section may also hold; pixel models ignore them.
LANDMARK_ONLY = ("segmenter", "graph", "igsc", "latent", "passes", "coordinates", "channels")


class PixelSegmenter(PixelNetwork):
    """A pixel network with its organs, its input size and its input normalisation.

    Parameters
    ----------
    body
        Network from ``[b, 1, h, w]`` to logits ``[b, organs, h, w]``.
    name
        Registered name, for error messages.
    organs
        Names of the output maps, in their order.
    definition
        What the organs include, a key of :data:`cxrfactory.anatomy.graph.DEFINITIONS`.
    input_size
        (rows, columns) that images are scaled to. The network accepts any size, but performs best at this one.
    multiple
        ``body`` needs sides that are multiples of this number. Other images are padded, and their logits cropped.
    normalise
        Normalisation of the grey values (:mod:`cxrfactory.models.normalise`).
    options
        The network's own settings, as :meth:`settings` returns them.
    """

    def __init__(
        self,
        body: nn.Module,
        name: str,
        organs: tuple[str, ...],
        definition: str,
        input_size: tuple[int, int],
        multiple: int,
        normalise: str,
        options: NetworkSettings,
    ) -> None:
        super().__init__()
        self.name, self.organs, self.input_size, self.multiple = name, organs, input_size, multiple
        self.normalise, self.normaliser, self.options = normalise, build_normaliser(normalise), options
        self.definition = definition
        self.body = body

    def forward(self, image: Float[Tensor, "b 1 h w"]) -> Float[Tensor, "b o h w"]:
        """Compute the logits of every organ, in the order of ``organs``; organs are independent of each other.

        Raises
        ------
        CxrError
            If the image is not ``[b, 1, h, w]``.
        """
        if image.ndim != 4 or image.shape[1] != 1:
            raise CxrError(f"{self.name}: image is {list(image.shape)}; expected [batch, 1, rows, columns]")
        rows, columns = image.shape[-2:]
        x = self.normaliser(image)
        bottom, right = -rows % self.multiple, -columns % self.multiple
        if bottom or right:
            x = nn.functional.pad(x, (0, right, 0, bottom), mode="replicate")
        return self.body(x)[..., :rows, :columns]

    @torch.inference_mode()
    def masks(self, image: Float[Tensor, "b 1 h w"]) -> Bool[Tensor, "b o h w"]:
        """Compute the mask of every organ (sigmoid output of at least 0.5); the masks of two organs may overlap."""
        return self(image) >= 0

    def for_inference(self) -> "PixelSegmenter":
        """Return the network in evaluation mode (running statistics, no dropout), with channels last."""
        return self.eval().to(memory_format=torch.channels_last)

    def settings(self) -> NetworkSettings:
        """Return what the builder needs to make this network again; it is part of the weights card."""
        shared = {"organs": list(self.organs), "definition": self.definition}
        return shared | {"input_size": list(self.input_size), "normalise": self.normalise} | self.options


def build_pixel(
    name: str,
    settings: NetworkSettings,
    defaults: NetworkSettings,
    body: Callable[[int, NetworkSettings], tuple[nn.Module, int]],
) -> PixelSegmenter:
    """Check the settings and make the segmenter.

    Parameters
    ----------
    name
        Registered name.
    settings
        ``organs`` and ``definition`` (or ``graph``, whose organs and definition are then used), ``input_size`` (a
        side, or [rows, columns]), ``normalise``, ``outputs`` (``sigmoid`` or ``softmax``), and any key of ``defaults``.
    defaults
        The network's own settings; it may also override defaults of the shared settings.
    body
        Function from the number of outputs and the network's own settings to the network and its ``multiple``.

    Raises
    ------
    CxrError
        If a setting is unknown or has an invalid value.
    """
    unknown = sorted(set(settings) - set(defaults) - set(SHARED) - set(LANDMARK_ONLY))
    if unknown:
        known = ", ".join(sorted({*SHARED, "graph", *defaults}))
        raise CxrError(f"{name}: unknown setting '{unknown[0]}'; expected any of {known}")
    given = {key: value for key, value in settings.items() if key not in LANDMARK_ONLY}
    # Older settings name neither a definition nor a graph; they date from when there was only one definition.
    definition = landmark_graph(settings["graph"]).definition if "graph" in settings else JSRT
    merged = {"definition": definition, "input_size": INPUT_SIZE, "normalise": "none"} | defaults | given
    if merged["definition"] not in DEFINITIONS:
        raise CxrError(f"{name}: definition is {merged['definition']!r}; expected one of {', '.join(DEFINITIONS)}")
    if "organs" not in given and ("graph" in settings or "organs" not in defaults):
        merged["organs"] = landmark_graph(settings.get("graph", GRAPH)).organs
    organs = _organs(name, merged["organs"])
    options = {key: merged[key] for key in defaults if key not in SHARED}
    outputs = merged.get("outputs", OUTPUTS[0])
    if outputs not in OUTPUTS:
        raise CxrError(f"{name}: outputs is {outputs!r}; expected one of {', '.join(OUTPUTS)}")
    exclusive = outputs != OUTPUTS[0]
    network, multiple = body(len(organs) + exclusive, options)
    if exclusive:  # the card of a network with sigmoids does not name them
        network, options = Exclusive(network), options | {"outputs": outputs}
    size = input_size_of(name, merged["input_size"])
    return PixelSegmenter(network, name, organs, merged["definition"], size, multiple, merged["normalise"], options)


def positive(name: str, key: str, value: Any) -> int:
    """Return ``value`` if it is a positive whole number.

    Raises
    ------
    CxrError
        If it is not one.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise CxrError(f"{name}: {key} is {value!r}; expected a positive whole number")
    return value


def share(name: str, key: str, value: Any) -> float:
    """Return ``value`` as a probability in [0, 1).

    Raises
    ------
    CxrError
        If it is not one.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise CxrError(f"{name}: {key} is {value!r}; expected at least 0 and below 1")
    return float(value)


def _organs(name: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, str) or not value or not all(isinstance(organ, str) and organ for organ in value):
        raise CxrError(f"{name}: organs is {value!r}; expected a list of organ names")
    if len(set(value)) < len(value):
        raise CxrError(f"{name}: organs {list(value)} names one twice; expected every organ once")
    return tuple(value)


def input_size_of(name: str, value: Any) -> tuple[int, int]:
    """Return the setting ``input_size``, which is a side or [rows, columns], as (rows, columns).

    Raises
    ------
    CxrError
        If it is neither.
    """
    pair = (value, value) if isinstance(value, int) else tuple(value)
    if len(pair) != 2:
        raise CxrError(f"{name}: input_size is {value!r}; expected a side or [rows, columns]")
    return positive(name, "input_size", pair[0]), positive(name, "input_size", pair[1])
