"""A small HybridUNet whose normalisations and outputs are not those of fresh weights."""

import torch

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.models.hybrid_unet import HybridUNet

REGIONS = ("right_lung", "left_lung", "heart", "right_whole_lung")


def hybrid_unet(size=64, graph="lungs-heart", regions=REGIONS, seed=0, passes=2, width=4) -> HybridUNet:
    """Make one; its code depends on the image and its landmarks are spread over the picture."""
    torch.manual_seed(seed)
    network = HybridUNet(landmark_graph(graph), regions, size, width=width, passes=passes)
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.1)
            layer.running_var.uniform_(0.5, 2)
            layer.weight.data.uniform_(0.5, 1.5)
            layer.bias.data.normal_(0, 0.1)
    with torch.no_grad():
        network.mean_shape.copy_(rings(network.graph))
        for layer in (network.position1, network.position2, network.position3):
            layer.weight.normal_(0, 0.02)
        network.logvar.bias.fill_(1.0)
    return network


def rings(graph) -> torch.Tensor:
    """Return a mean shape: one circle for each organ, side by side; (x, y) as fractions of the side."""
    shape = torch.empty(graph.nodes, 2)
    for number, where in enumerate(graph.slices.values()):
        angles = torch.arange(where.stop - where.start) * 2 * torch.pi / (where.stop - where.start)
        centre = torch.tensor([(number + 1) / (len(graph.organs) + 1), 0.5])
        shape[where] = centre + 0.15 * torch.stack([torch.cos(angles), torch.sin(angles)], 1)
    return shape


def stored(network: HybridUNet) -> tuple[dict, dict]:
    """Return the tensors and the card of a network, as a weights file holds them."""
    card = {"segmenter": "hybrid-unet", "settings": network.settings(), "normalisation": "", "data": {}, "metrics": {}}
    return {name: value.numpy().copy() for name, value in network.state_dict().items()}, card
