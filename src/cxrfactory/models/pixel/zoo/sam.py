"""The Segment Anything Model without a user's prompts: one learned prompt per structure.

Kirillov et al., "Segment anything" (ICCV 2023), section 3 and appendix A; the layers come from ``transformers``. The
image encoder is frozen, and med-sam-adapter and s-sam say how it adapts. In the place of points and boxes, the mask
decoder gets one learned token per structure, and one small network turns every token that it returns into a mask, as
the decoder's own mask tokens do. Weights of SAM are a file that the user gives (``weights``: the
``model.safetensors`` of a SAM ViT-B in the layout of ``transformers``); without it, the frozen encoder is random and
only good for tests.
"""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from cxrfactory.errors import CxrError
from cxrfactory.models.pixel.segmenter import PixelSegmenter, positive
from cxrfactory.models.pixel.zoo.parts import Size, build_zoo, check_multiple, check_size, resize, zoo_package
from cxrfactory.tables.weights import NetworkSettings

PATCH = 16
HEAD_WIDTH = 64
FEED_FORWARD = 4
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of the colours that SAM was trained on
DEFAULTS = {"embed": 768, "depth": 12, "weights": "", "input_size": 1024}


def build_sam(
    name: str,
    settings: NetworkSettings,
    defaults: NetworkSettings,
    adapt: Callable[["SamSegmenter", NetworkSettings], None],
) -> PixelSegmenter:
    """Make a SAM segmenter whose frozen encoder a function adapts.

    Parameters
    ----------
    name
        Registered name.
    settings
        ``embed`` (channels of the encoder, a multiple of 64), ``depth`` (its blocks, a multiple of 4), ``weights`` (a
        file, or an empty text), the keys of ``defaults`` and the shared ones.
    defaults
        The architecture's own settings.
    adapt
        Function that changes the network, given the settings.

    Raises
    ------
    CxrError
        If a setting has an invalid value, or the file does not hold the weights of such a network.
    """

    def body(outputs: int, options: NetworkSettings, size: Size) -> tuple[nn.Module, int]:
        check_multiple(name, size, PATCH)
        if size[0] != size[1]:
            raise CxrError(f"{name}: input_size is {size[0]} x {size[1]}; expected a square, which SAM reads")
        embed, depth = (positive(name, key, options[key]) for key in ("embed", "depth"))
        network = SamSegmenter(name, outputs, size[0], embed, depth, options["weights"])
        network.encoder.requires_grad_(False)
        adapt(network, options)
        options["weights"] = ""  # from now on, the network's own weights hold them
        return network, 1

    return build_zoo(name, settings, DEFAULTS | defaults, body)


class SamSegmenter(nn.Module):
    """SAM's encoder and mask decoder with one learned token per structure.

    Parameters
    ----------
    name
        Registered name, for error messages.
    outputs
        Number of structures.
    side
        Side of the input in pixels.
    embed, depth
        Channels and number of the encoder's blocks.
    weights
        File of SAM's weights, or an empty text.
    """

    def __init__(self, name: str, outputs: int, side: int, embed: int, depth: int, weights: str) -> None:
        super().__init__()
        transformers = zoo_package(name, "transformers")
        vision = transformers.SamVisionConfig(
            image_size=side,
            hidden_size=embed,
            num_hidden_layers=depth,
            num_attention_heads=max(1, embed // HEAD_WIDTH),
            mlp_dim=FEED_FORWARD * embed,
            initializer_range=0.02,  # the library's 1e-10 would give random weights that hide the image
            global_attn_indexes=[depth // 4 * quarter - 1 for quarter in range(1, 5)],
        )
        prompt = transformers.SamPromptEncoderConfig(image_size=side)
        sam = transformers.SamModel(
            transformers.SamConfig(vision_config=vision.to_dict(), prompt_encoder_config=prompt.to_dict())
        )
        if weights:
            load_sam(sam, Path(weights), name)
        self.name, self.size = name, (side, side)
        self.encoder, self.decoder = sam.vision_encoder, sam.mask_decoder.transformer
        self.enlarge = nn.Sequential(
            sam.mask_decoder.upscale_conv1,
            sam.mask_decoder.upscale_layer_norm,
            nn.GELU(),
            sam.mask_decoder.upscale_conv2,
            nn.GELU(),
        )
        self.to_mask = sam.mask_decoder.output_hypernetworks_mlps[0]
        width = sam.config.mask_decoder_config.hidden_size
        self.tokens = nn.Parameter(torch.randn(outputs, width) * width**-0.5)
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.register_buffer("no_prompt", sam.prompt_encoder.no_mask_embed.weight.detach().clone())
        self.register_buffer("position", sam.get_image_wide_positional_embeddings().detach().clone())
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(DEVIATION).view(1, 3, 1, 1), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """Compute the logits ``[b, outputs, h, w]`` of an image ``[b, 1, h, w]``."""
        check_size(self.name, image, self.size)
        x = self.encoder((image - self.mean) / self.deviation).last_hidden_state
        x = x + self.no_prompt[..., None, None]
        grid = x.shape[-2:]
        position = self.position.expand(x.shape[0], -1, -1, -1)
        tokens = self.tokens.expand(x.shape[0], 1, -1, -1)
        tokens, x = self.decoder(
            point_embeddings=tokens, image_embeddings=x, image_positional_embeddings=position, attention_similarity=None
        )[:2]
        x = self.enlarge(x.transpose(2, 3).reshape(x.shape[0], -1, *grid))
        masks = torch.einsum("bkc,bchw->bkhw", self.to_mask(tokens[:, 0]), x)
        return resize(masks + self.bias[:, None, None], self.size)


def load_sam(sam: nn.Module, path: Path, name: str) -> None:
    """Fill a SAM of ``transformers`` with the weights of a file; position embeddings are scaled to its input size.

    Raises
    ------
    CxrError
        If the file is missing or unreadable, or does not hold the weights of such a network.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        reason = " ".join(str(error).split())
        raise CxrError(f"{name}: weights {path} are not readable as safetensors ({reason[:100]})") from error
    for key, expected in sam.state_dict().items():
        found = tensors.get(key)
        if found is None:
            if "positional_embedding" in key or key.startswith("prompt_encoder"):
                continue  # prompts are learned here
            raise CxrError(f"{name}: weights {path} lack '{key}'; expected model.safetensors of a SAM ViT-B")
        if found.shape != expected.shape and key.endswith("pos_embed"):
            scaled = resize(found.permute(0, 3, 1, 2), tuple(expected.shape[1:3]))
            tensors[key] = scaled.permute(0, 2, 3, 1).contiguous()
        elif found.shape != expected.shape and "rel_pos" in key:
            scaled = nn.functional.interpolate(found.T[None], size=expected.shape[0], mode="linear")
            tensors[key] = scaled[0].T.contiguous()
        if tensors[key].shape != expected.shape:
            raise CxrError(
                f"{name}: weights {path}: '{key}' is {list(found.shape)}; expected {list(expected.shape)}, as "
                "embed and depth say"
            )
    sam.load_state_dict(tensors, strict=False)
