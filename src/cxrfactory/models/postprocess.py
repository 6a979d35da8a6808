"""Post-processors by name: they turn the masks of any segmenter into plausible masks."""

from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float, UInt8

from cxrfactory.errors import CxrError
from cxrfactory.models.device import single_threaded
from cxrfactory.models.segmenter import Masks, Segmentation, Segments
from cxrfactory.models.trained import TrainedNetwork, logits_to_masks
from cxrfactory.tables.weights import WeightsCard

if TYPE_CHECKING:
    from torch import nn

# Name -> "module:function"; the function makes the untrained network from its settings.
POST_PROCESSORS = {"post-dae": "cxrfactory.models.post_dae:build"}


def post_processor_from_card(card: WeightsCard, tensors: dict[str, np.ndarray], source: str) -> "nn.Module":
    """Make the post-processor that ``card`` describes and fill in its weights.

    Raises
    ------
    CxrError
        If the card is not that of a post-processor, or the weights do not fit it.
    """
    name = card["segmenter"]
    if name not in POST_PROCESSORS:
        raise CxrError(f"{source}: weights of '{name}'; expected a post-processor ({', '.join(POST_PROCESSORS)})")
    module, function = POST_PROCESSORS[name].split(":")
    network = getattr(import_module(module), function)(card["settings"])
    try:
        network.load_state_dict({key: torch.from_numpy(value.copy()) for key, value in tensors.items()})
    except RuntimeError as error:
        first = "; ".join(line.strip() for line in str(error).splitlines()[:2])
        raise CxrError(f"{source}: the weights do not fit their card ({first})") from error
    return network


class PostProcessor(TrainedNetwork):
    """A trained post-processor that is ready for masks.

    Parameters
    ----------
    tensors, card
        Weights and card, as read by :func:`cxrfactory.tables.weights.read_weights`.
    device
        ``auto``, ``cpu`` or ``cuda``.
    source
        Name of the weights, for error messages.

    Raises
    ------
    CxrError
        If the weights are not those of a post-processor or do not fit their card, or the device is unknown.
    """

    def __init__(
        self, tensors: dict[str, np.ndarray], card: WeightsCard, device: str = "cpu", source: str = "weights"
    ) -> None:
        super().__init__(post_processor_from_card(card, tensors, source).eval(), device, source)
        self.organs: tuple[str, ...] = self.network.organs
        self.definition: str = self.network.definition

    def __call__(self, masks: Masks) -> Masks:
        """Correct the masks of one image, in their own square frame.

        Parameters
        ----------
        masks
            Organ name to a mask ``[s, s]`` that is non-zero inside. Organs that are not given count as empty.

        Returns
        -------
        dict
            Masks of the same organs, 0 and 1.

        Raises
        ------
        CxrError
            If the network does not know an organ, or the masks are not square and of one size.
        ImageError
            If the network's output contains numbers that are not finite.
        """
        unknown = sorted(set(masks) - set(self.organs))
        if unknown or not masks:
            raise CxrError(f"{self.source}: masks of {sorted(masks)}; it mends {', '.join(self.organs)}")
        shapes = {mask.shape for mask in masks.values()}
        size = next(iter(shapes))[0]
        if shapes != {(size, size)}:
            raise CxrError(f"{self.source}: masks of shapes {sorted(shapes)}; expected square ones of one size")
        blank = np.zeros((size, size), np.uint8)
        known = np.stack([masks.get(organ, blank) != 0 for organ in self.organs])
        cover = torch.from_numpy(to_cover(known, self.network.input_size))[None].to(self.device)
        with single_threaded(), torch.inference_mode():
            logits = self.network(cover)[0].float().cpu().numpy()
        self.check_finite(logits)
        found = dict(zip(self.organs, logits_to_masks(logits, size), strict=True))
        return {organ: found[organ] for organ in masks}


class PostProcessed:
    """A segmenter followed by a post-processor; it is itself a segmenter and returns masks only, no landmarks.

    Raises
    ------
    CxrError
        If the two define the organs differently.
    """

    def __init__(self, segmenter: Segments, post: PostProcessor) -> None:
        self.definition, self.organs = segmenter.definition, segmenter.organs
        if post.definition != self.definition:
            raise CxrError(
                f"{post.source}: trained on masks of definition '{post.definition}', the segmenter's are of "
                f"'{self.definition}'; use a post-processor of that definition"
            )
        self.segmenter, self.post, self.device = segmenter, post, segmenter.device
        self.parameters = segmenter.parameters + post.parameters

    def __call__(self, image: UInt8[np.ndarray, "s s"], size: int) -> Segmentation:
        """Segment one square preprocessed image and correct its masks; errors are those of both networks."""
        return Segmentation(self.post(self.segmenter(image, size).masks))


def to_cover(masks: UInt8[np.ndarray, "o s s"], side: int) -> Float[np.ndarray, "o side side"]:
    """Compute the share of every pixel of a coarser (or finer) frame that the masks cover, as float32."""
    import cv2

    method = cv2.INTER_AREA if masks.shape[1] > side else cv2.INTER_LINEAR
    return np.stack([cv2.resize(each.astype(np.float32), (side, side), interpolation=method) for each in masks])
