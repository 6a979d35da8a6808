"""Small networks that tell which of four orientations of a radiograph is the upright one, and whether it is mirrored.

Each gives every picture one number, which is high for a picture as it should be. The versions of an image compete by
these numbers, so an image that is turned by 90 degrees gets the same four probabilities in another order, and a
mirrored one the opposite probability. The networks were trained on the images that the cards of their weights name
(``benchmarks/train_orientation.py``).
"""

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from cxrfactory.errors import CxrError
from cxrfactory.models.device import single_threaded
from cxrfactory.models.inputs import to_input
from cxrfactory.models.normalise import Equalise
from cxrfactory.tables.weights import NetworkSettings, read_weights

ORIENTATION = "orientation"  # name of the network in the cards of its weights
ORIENTATION_WEIGHTS = "pretrained-orientation"
SIDES = "sides"
SIDES_WEIGHTS = "pretrained-sides"
CLOCKWISE_DEGREES = (0, 270, 180, 90)  # rotation that np.rot90 applies with 0 to 3 quarter turns
CHANNELS = (16, 32, 48, 64)
INPUT_SIZE = 64  # pixels
DRAWN_SIZE = 256  # side to which larger images are reduced in 8 bits first, as those of the training were, pixels


class OrientationNet(nn.Module):
    """Score how upright pictures are.

    Parameters
    ----------
    input_size
        Side of the pictures in pixels, a multiple of 16.
    channels
        Channels of the four convolutions, each of which halves the side.
    """

    def __init__(self, input_size: int = INPUT_SIZE, channels: tuple[int, ...] = CHANNELS) -> None:
        super().__init__()
        self.input_size, self.channels = input_size, tuple(channels)
        self.normaliser = Equalise()  # its template stays zero; training shows positives and negatives
        steps: list[nn.Module] = []
        for inputs, outputs in zip((1, *channels[:-1]), channels, strict=True):
            steps += [nn.Conv2d(inputs, outputs, 3, stride=2, padding=1), nn.GroupNorm(4, outputs), nn.ReLU()]
        self.body = nn.Sequential(*steps)
        self.hidden = nn.Linear(channels[-1] * (input_size // 16) ** 2, 32)
        self.last = nn.Linear(32, 1)

    def settings(self) -> NetworkSettings:
        """Return the arguments that make this :class:`OrientationNet` again."""
        return {"input_size": self.input_size, "channels": list(self.channels)}

    def forward(self, images: Float[Tensor, "b 1 s s"]) -> Float[Tensor, "b 4"]:
        """Return the logits of the number of quarter turns by ``rot90`` that set each image upright."""
        ranks = self.normaliser(images) - 0.5
        turned = torch.stack([torch.rot90(ranks, turn, (2, 3)) for turn in range(4)], dim=1)
        return self.score(turned.flatten(0, 1)).reshape(-1, 4)

    def score(self, ranks: Float[Tensor, "b 1 s s"]) -> Float[Tensor, " b"]:
        """Score single versions of equalised, centred images."""
        features = self.body(ranks).flatten(1)
        return self.last(torch.relu(self.hidden(features)))[:, 0]


class SideNet(OrientationNet):
    """Score whether pictures show the patient's left on the right-hand side, with the layers of the base class."""

    def forward(self, images: Float[Tensor, "b 1 s s"]) -> Float[Tensor, "b 2"]:
        """Return the logits of each image as it is and of its mirror image."""
        ranks = self.normaliser(images) - 0.5
        both = torch.stack([ranks, torch.flip(ranks, (3,))], dim=1)
        return self.score(both.flatten(0, 1)).reshape(-1, 2)


class _Check:
    """A network with its weights, for one square 8-bit image at a time, on the CPU."""

    def __init__(self, weights: str, name: str, network: type[OrientationNet]) -> None:
        tensors, card = read_weights(weights)
        if card["segmenter"] != name:
            raise CxrError(f"{weights}: weights of '{card['segmenter']}'; expected those of '{name}'")
        self.network = network(**card["settings"])
        self.network.load_state_dict({key: torch.from_numpy(value.copy()) for key, value in tensors.items()})
        self.network.eval()

    def probabilities(self, image: UInt8[np.ndarray, "s s"]) -> Float[np.ndarray, " versions"]:
        """Return the probability of each version of an image."""
        side = DRAWN_SIZE
        small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA) if image.shape[0] > side else image
        values = torch.from_numpy(to_input(small, self.network.input_size))[None, None]
        with single_threaded(), torch.inference_mode():
            return torch.softmax(self.network(values)[0].double(), dim=0).numpy()


class OrientationCheck(_Check):
    """The network of the orientation with its weights, for one square 8-bit image at a time, on the CPU.

    Parameters
    ----------
    weights
        Weights of an :class:`OrientationNet`, by path or by a name of the package.

    Raises
    ------
    CxrError
        If the weights are missing, or those of another network.
    """

    def __init__(self, weights: str = ORIENTATION_WEIGHTS) -> None:
        super().__init__(weights, ORIENTATION, OrientationNet)

    def __call__(self, image: UInt8[np.ndarray, "s s"]) -> Float[np.ndarray, "4"]:
        """Return the probability, for 0 to 3 quarter turns by ``np.rot90``, that the turn sets the image upright."""
        return self.probabilities(image)


class SideCheck(_Check):
    """The network of the sides with its weights, for one upright frontal film at a time, on the CPU.

    Parameters
    ----------
    weights
        Weights of a :class:`SideNet`, by path or by a name of the package.

    Raises
    ------
    CxrError
        If the weights are missing, or those of another network.
    """

    def __init__(self, weights: str = SIDES_WEIGHTS) -> None:
        super().__init__(weights, SIDES, SideNet)

    def __call__(self, image: UInt8[np.ndarray, "s s"]) -> float:
        """Return the probability that the film is mirrored; a heart that lies on the right looks the same."""
        return float(self.probabilities(image)[1])
