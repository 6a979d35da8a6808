"""Trainings by the names of the config: which views, mesh and regularisers a network has."""

from dataclasses import replace

from cxrfactory.config.hearts import HeartNetwork, HeartsTrainConfig
from cxrfactory.models.hybridvnet.losses import LossWeights
from cxrfactory.models.hybridvnet.network import NetworkSettings
from cxrfactory.train.hearts.settings import HeartTraining

VALIDATIONS = 4  # of a training; the checkpoints of an interrupted training are written at these


def training_of(network: HeartNetwork, config: HeartsTrainConfig) -> HeartTraining:
    """Return the training of a network.

    Parameters
    ----------
    network
        ``multi-view``: all views, nodes of the surfaces. ``single-view``: the short axis alone. ``volume``: all nodes
        of the tetrahedra, with their own regulariser. ``published``: its decoder sees the code alone.
        ``pca``: point-distribution model with pose. A name that ends in ``no-deep``, ``no-laplacian`` or
        ``no-tetrahedra`` leaves this term of the loss out.
    config
        Settings of the config.
    """
    volume = network.startswith("volume")
    weights = LossWeights(
        kl=config.kl_weight,
        deep=config.deep_weight,
        laplacian=0.0 if volume else config.laplacian_weight,
        edge=config.edge_weight,
        normal=config.normal_weight,
        tetrahedra=config.tetrahedra_weight if volume else 0.0,
    )
    for term, name in (("no-deep", "deep"), ("no-laplacian", "laplacian"), ("no-tetrahedra", "tetrahedra")):
        if network.endswith(term):
            weights = replace(weights, **{name: 0.0})
    sizes = NetworkSettings()
    if network == "single-view":
        sizes = replace(sizes, views=())
    elif network == "published":
        sizes = replace(sizes, windows=0)
    return HeartTraining(
        model="pca" if network == "pca" else "hybridvnet",
        network=sizes,
        weights=weights,
        epochs=config.epochs,
        batch_size=config.train_batch_size,
        learning_rate=config.learning_rate,
        validate_every=max(1, config.epochs // VALIDATIONS),
        drop_views=config.drop_views,
        seed=config.seed,
    )
