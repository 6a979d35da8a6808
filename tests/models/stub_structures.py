"""A pixel network of structures whose answer can be told without it: each structure has a grey value of its own."""

import numpy as np
import torch
from torch import nn

from cxrfactory.models.networks import PixelNetwork
from cxrfactory.tables.weights import write_weights

STEP = 20  # difference of the grey values of two structures
SURE = 8.0  # logit inside a structure; outside it is the negative


class Bands(PixelNetwork):
    """Structure number i, from 1, is where the image has the grey value 20 i."""

    definition = "jsrt"

    def __init__(self, organs, input_size):
        super().__init__()
        self.organs, self.input_size = tuple(organs), tuple(input_size)
        self.unused = nn.Parameter(torch.zeros(1))

    def settings(self):
        return {"organs": list(self.organs), "input_size": list(self.input_size)}

    def forward(self, image):
        value = STEP / 255 * torch.arange(1, len(self.organs) + 1, dtype=image.dtype).reshape(1, -1, 1, 1)
        return torch.where((image - value).abs() < STEP / 255 / 2, SURE, -SURE)


def build(settings):
    return Bands(settings["organs"], settings["input_size"])


def use_bands(monkeypatch):
    """Make the network known as ``bands`` to the registry.

    The stub knows exact grey values, which a moved film has not: the changed copies are the film itself here. The mean
    over moved films has tests of its own.
    """
    monkeypatch.setattr("cxrfactory.models.anatomy.network.CHANGES", ((1.0, 0.0, 0.0),))
    monkeypatch.setitem(
        __import__("cxrfactory.models.registry", fromlist=["PIXEL_MODELS"]).PIXEL_MODELS,
        "bands",
        "tests.models.stub_structures:build",
    )


def write_bands(path, organs, side=64, entry=None):
    """Write weights of the network, with the entry ``anatomy`` in their card if one is given."""
    settings = {"organs": list(organs), "input_size": [side, side]}
    card = {"segmenter": "bands", "settings": settings, "normalisation": "", "data": {}, "metrics": {}}
    write_weights(path, {"unused": np.zeros(1, np.float32)}, card | ({} if entry is None else {"anatomy": entry}))
    return path


def film(boxes, side=64):
    """A film with rectangles: number of the structure -> (top, left, bottom, right)."""
    image = np.zeros((side, side), np.uint8)
    for number, (top, left, bottom, right) in boxes.items():
        image[top:bottom, left:right] = STEP * number
    return image
