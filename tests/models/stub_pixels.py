"""A pixel network whose answer can be told without it: every organ is where the image is brighter than a threshold."""

import torch
from torch import nn

from cxrfactory.models.networks import PixelNetwork


class Threshold(PixelNetwork):
    definition = "jsrt"

    def __init__(self, organs, input_size):
        super().__init__()
        self.organs, self.input_size = tuple(organs), tuple(input_size)
        self.threshold = nn.Parameter(torch.tensor(0.5))

    def settings(self):
        return {"organs": list(self.organs), "input_size": list(self.input_size)}

    def forward(self, image):
        return (image - self.threshold).expand(-1, len(self.organs), -1, -1)


def build(settings):
    return Threshold(settings["organs"], settings["input_size"])


def card(organs, input_size):
    settings = {"organs": list(organs), "input_size": list(input_size)}
    return {"segmenter": "threshold", "settings": settings, "normalisation": "", "data": {}, "metrics": {}}
