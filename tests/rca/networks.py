"""Small registration networks, written as weights files."""

import torch
from torch import nn

from cxrfactory.models.registration import REGISTRATION, RegistrationNet
from cxrfactory.tables.weights import write_weights


def tiny_network(seed=0, moving=0.0, input_size=32, channels=(4, 4, 6, 8, 8)):
    """An untrained network: nearly the identity, or with random answers of the size ``moving``."""
    before = torch.get_rng_state()
    torch.manual_seed(seed)
    network = RegistrationNet(input_size, channels)
    if moving:
        for layer in (network.affine, *(head.last for head in network.heads)):
            nn.init.normal_(layer.weight, std=moving)
        # Features of unit variance, as a trained network has.
        norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
        for norm in norms:
            norm.momentum = 1.0
        with torch.no_grad():
            network.train()(*torch.rand(2, 8, 1, input_size, input_size))
        for norm in norms:
            norm.momentum = 0.1
    torch.set_rng_state(before)
    return network.eval()


def write_network(path, network=None):
    """Write a network with its card."""
    network = tiny_network() if network is None else network
    card = {"segmenter": REGISTRATION, "settings": network.settings()}
    card |= {"normalisation": "ranks", "data": {}, "metrics": {}}
    write_weights(path, {name: value.numpy() for name, value in network.state_dict().items()}, card)
    return path


def write_segmenter(path, graph="lungs-heart"):
    """Write an untrained HybridGNet, by whose latent means references are found."""
    from cxrfactory.anatomy.graph import landmark_graph
    from cxrfactory.models.hybridgnet import HybridGNet

    before = torch.get_rng_state()
    torch.manual_seed(1)
    network = HybridGNet(landmark_graph(graph), input_size=64, latent=8, channels=(4, 4, 4, 4, 4, 4)).eval()
    torch.set_rng_state(before)
    card = {"segmenter": "hybridgnet", "settings": network.settings()}
    card |= {"normalisation": {}, "data": {}, "metrics": {}}
    write_weights(path, {name: value.numpy() for name, value in network.state_dict().items()}, card)
    return path
