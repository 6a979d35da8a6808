"""Mask2Former with a Swin-T encoder and one fixed query per structure.

Cheng et al., "Masked-attention mask transformer for universal image segmentation" (CVPR 2022), section 3. The network
comes from ``transformers``. In the paper, queries are assigned to segments by matching, and a class head names them.
Here query number k always answers for structure k: there is no matching, no class head and no "no object" class, and
structures may overlap. The masks of the last decoder layer, at a quarter of the size, are the output.
"""

from torch import Tensor, nn

from cxrfactory.models.pixel.segmenter import PixelSegmenter, positive
from cxrfactory.models.pixel.zoo.parts import Size, build_zoo, resize, zoo_package
from cxrfactory.tables.weights import NetworkSettings

NAME = "mask2former"
DEPTHS, HEADS, WINDOW = [2, 2, 6, 2], [3, 6, 12, 24], 7
FEED_FORWARD, DECODER_LAYERS = 8, 9  # width of the decoder's feed-forward part in units of ``hidden``; its layers


def build(settings: NetworkSettings) -> PixelSegmenter:
    """Make the network from its settings: ``embed``, ``hidden``, ``layers`` and the shared ones.

    ``embed`` is the number of channels of the encoder, a multiple of 24. ``hidden`` is that of the decoders, a multiple
    of 32. ``layers`` is the number of layers of the mask decoder.
    """
    return build_zoo(NAME, settings, {"embed": 96, "hidden": 256, "layers": DECODER_LAYERS}, _body)


def _body(outputs: int, options: NetworkSettings, _size: Size) -> tuple[nn.Module, int]:
    transformers = zoo_package(NAME, "transformers")
    hidden = positive(NAME, "hidden", options["hidden"])
    backbone = transformers.SwinConfig(
        num_channels=1,
        embed_dim=positive(NAME, "embed", options["embed"]),
        depths=DEPTHS,
        num_heads=HEADS,
        window_size=WINDOW,
        drop_path_rate=0.0,
        out_features=["stage1", "stage2", "stage3", "stage4"],
    )
    config = transformers.Mask2FormerConfig(
        backbone_config=backbone,
        num_queries=outputs,
        feature_size=hidden,
        mask_feature_size=hidden,
        hidden_dim=hidden,
        encoder_feedforward_dim=4 * hidden,
        dim_feedforward=FEED_FORWARD * hidden,
        decoder_layers=positive(NAME, "layers", options["layers"]) + 1,  # the library counts the queries' own masks
    )
    return FixedQueries(transformers.Mask2FormerModel(config)), 32


class FixedQueries(nn.Module):
    """Mask2Former without class head; query k is structure k.

    Parameters
    ----------
    network
        Mask2Former of ``transformers``.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        # The decoder reads the encoder's four levels, not its normalised end, which would never be trained.
        network.pixel_level_module.encoder.swin.layernorm = nn.Identity()

    def forward(self, image: Tensor) -> Tensor:
        """Compute the logits ``[b, outputs, h, w]`` of an image ``[b, 1, h, w]``."""
        masks = self.network(pixel_values=image).masks_queries_logits[-1]
        return resize(masks, image.shape[-2:])
