"""The architectures of the RadGenome-Anatomy benchmark: names in the paper and here, sizes, and what differs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Architecture:
    """One row of the table.

    Attributes
    ----------
    paper
        Name in the paper's tables.
    name
        Registered name.
    family
        Family in the paper: CNN, Transformer, Mamba, KAN or SAM.
    builder
        ``module:function`` within this package.
    source
        Where the layers come from: a package, or "own" for a module written from the architecture's paper.
    natural
        Side in pixels that the network has by default.
    multiple
        Number that the input sides must be multiples of; other images are padded unless the network is ``fixed``.
    fixed
        Whether the network reads only images of its ``input_size``.
    parameters, outputs
        Millions of parameters that are published or were measured before, and the number of outputs of that count.
    reference
        Where that count comes from.
    tolerance
        Largest accepted difference from it, as a share.
    tiny
        Settings of a small network, for tests.
    remark
        What differs from the paper, or an empty text.
    """

    paper: str
    name: str
    family: str
    builder: str
    source: str
    natural: int
    multiple: int
    fixed: bool
    parameters: float
    outputs: int
    reference: str
    tolerance: float
    tiny: dict[str, object]
    remark: str = ""


ZOO = (
    Architecture(
        paper="U-Net",
        name="unet-resnet34",
        family="CNN",
        builder="from_smp:unet",
        source="segmentation-models-pytorch",
        natural=384,
        multiple=32,
        fixed=False,
        parameters=24.5,
        outputs=210,
        reference="measured before",
        tolerance=0.005,
        tiny={"encoder": "mobilenet_v2"},
    ),
    Architecture(
        paper="U-Net++",
        name="unet-plus-plus-resnet34",
        family="CNN",
        builder="from_smp:unet_plus_plus",
        source="segmentation-models-pytorch",
        natural=384,
        multiple=32,
        fixed=False,
        parameters=26.1,
        outputs=210,
        reference="measured before",
        tolerance=0.005,
        tiny={"encoder": "mobilenet_v2"},
    ),
    Architecture(
        paper="DeepLabV3+",
        name="deeplabv3-plus",
        family="CNN",
        builder="from_smp:deeplab",
        source="segmentation-models-pytorch",
        natural=384,
        multiple=32,
        fixed=False,
        parameters=22.5,
        outputs=210,
        reference="measured before",
        tolerance=0.005,
        tiny={"encoder": "mobilenet_v2"},
        remark="Training batches need two images.",
    ),
    Architecture(
        paper="PointRend",
        name="pointrend",
        family="CNN",
        builder="pointrend:build",
        source="segmentation-models-pytorch (FPN), own point head",
        natural=384,
        multiple=32,
        fixed=False,
        parameters=23.2,
        outputs=210,
        reference="FPN alone, measured before",
        tolerance=0.02,
        tiny={"encoder": "mobilenet_v2", "hidden": 16},
        remark="One loss on the final map trains both heads; the paper draws training points at random.",
    ),
    Architecture(
        paper="nnU-Net",
        name="nnunet",
        family="CNN",
        builder="nnunet:build",
        source="dynamic-network-architectures",
        natural=384,
        multiple=64,
        fixed=False,
        parameters=33.8,
        outputs=210,
        reference="measured before, with the heads of the deep supervision",
        tolerance=0.01,
        tiny={"width": 2},
        remark="The network only, without nnU-Net's planning, augmentation and deep supervision.",
    ),
    Architecture(
        paper="UNeXt",
        name="unext",
        family="CNN",
        builder="unext:build",
        source="own",
        natural=384,
        multiple=32,
        fixed=False,
        parameters=1.47,
        outputs=1,
        reference="paper",
        tolerance=0.005,
        tiny={"width": 2},
    ),
    Architecture(
        paper="PIDNet",
        name="pidnet",
        family="CNN",
        builder="pidnet:build",
        source="own",
        natural=384,
        multiple=64,
        fixed=False,
        parameters=7.6,
        outputs=19,
        reference="paper, PIDNet-S",
        tolerance=0.005,
        tiny={"width": 4},
        remark="Without the auxiliary heads and the boundary loss. Training batches need two images.",
    ),
    Architecture(
        paper="UPerNet",
        name="upernet",
        family="Transformer",
        builder="from_smp:upernet",
        source="segmentation-models-pytorch, timm",
        natural=384,
        multiple=32,
        fixed=False,
        parameters=36.8,
        outputs=210,
        reference="measured before, Swin-T encoder",
        tolerance=0.005,
        tiny={"encoder": "mobilenet_v2"},
        remark="Training batches need two images.",
    ),
    Architecture(
        paper="TransUNet",
        name="transunet",
        family="Transformer",
        builder="trans_unet:build",
        source="own, on timm",
        natural=224,
        multiple=16,
        fixed=True,
        parameters=105.28,
        outputs=9,
        reference="paper, R50-ViT-B/16",
        tolerance=0.005,
        tiny={"embed": 64, "depth": 1, "width": 32},
    ),
    Architecture(
        paper="SegFormer",
        name="segformer",
        family="Transformer",
        builder="from_smp:segformer",
        source="segmentation-models-pytorch",
        natural=384,
        multiple=32,
        fixed=False,
        parameters=24.8,
        outputs=210,
        reference="measured before, mit_b2",
        tolerance=0.005,
        tiny={"encoder": "mit_b0"},
    ),
    Architecture(
        paper="Swin-UNet",
        name="swin-unet",
        family="Transformer",
        builder="swin_unet:build",
        source="own, on timm",
        natural=224,
        multiple=32,
        fixed=True,
        parameters=27.17,
        outputs=9,
        reference="paper",
        tolerance=0.005,
        tiny={"embed": 24},
    ),
    Architecture(
        paper="TopFormer",
        name="topformer",
        family="Transformer",
        builder="topformer:build",
        source="own",
        natural=384,
        multiple=64,
        fixed=False,
        parameters=5.1,
        outputs=150,
        reference="paper, Base",
        tolerance=0.01,
        tiny={"width": 0.25},
    ),
    Architecture(
        paper="Mask2Former",
        name="mask2former",
        family="Transformer",
        builder="mask2former:build",
        source="transformers",
        natural=384,
        multiple=32,
        fixed=False,
        parameters=47.5,
        outputs=210,
        reference="measured before, Swin-T",
        tolerance=0.005,
        tiny={"embed": 24, "hidden": 32, "layers": 2},
        remark="One fixed query per structure, without matching and class head.",
    ),
    Architecture(
        paper="SeaFormer",
        name="seaformer",
        family="Transformer",
        builder="seaformer:build",
        source="own",
        natural=384,
        multiple=64,
        fixed=False,
        parameters=8.6,
        outputs=150,
        reference="paper, Base",
        tolerance=0.01,
        tiny={"width": 0.25},
    ),
    Architecture(
        paper="VMUNet",
        name="vmunet",
        family="Mamba",
        builder="vm_unet:build",
        source="own",
        natural=256,
        multiple=32,
        fixed=False,
        parameters=27.43,
        outputs=1,
        reference="paper",
        tolerance=0.005,
        tiny={"embed": 8, "states": 2},
        remark="The scan is plain PyTorch: the full size is for a GPU, and CPUs run a test size.",
    ),
    Architecture(
        paper="U-Mamba",
        name="u-mamba",
        family="Mamba",
        builder="u_mamba:build",
        source="own, on dynamic-network-architectures",
        natural=384,
        multiple=64,
        fixed=False,
        parameters=52.3,
        outputs=210,
        reference="own count; no published number was at hand",
        tolerance=0.005,
        tiny={"width": 2},
        remark="The variant Bot; Enc is a setting and is for a GPU. Without deep supervision.",
    ),
    Architecture(
        paper="U-KAN",
        name="u-kan",
        family="KAN",
        builder="u_kan:build",
        source="own",
        natural=384,
        multiple=32,
        fixed=False,
        parameters=25.36,
        outputs=1,
        reference="paper",
        tolerance=0.005,
        tiny={"width": 1},
    ),
    Architecture(
        paper="Med-SAM-A",
        name="med-sam-adapter",
        family="SAM",
        builder="med_sam_adapter:build",
        source="transformers, own adapters",
        natural=1024,
        multiple=16,
        fixed=True,
        parameters=100.3,
        outputs=210,
        reference="own count, of which 10.7 are trained; SAM ViT-B has 93.7",
        tolerance=0.005,
        tiny={"embed": 64, "depth": 4},
        remark="Learned prompts. The weights of SAM are a file given by the user; random otherwise.",
    ),
    Architecture(
        paper="S-SAM",
        name="s-sam",
        family="SAM",
        builder="s_sam:build",
        source="transformers, own adapters",
        natural=1024,
        multiple=16,
        fixed=True,
        parameters=121.7,
        outputs=210,
        reference="own count with the singular vectors, of which 0.17 are trained; SAM ViT-B has 93.7",
        tolerance=0.005,
        tiny={"embed": 64, "depth": 4},
        remark="Learned prompts. The weights of SAM are a file given by the user; random otherwise.",
    ),
)
# Registered name -> "module:function", as the registry holds them.
BUILDERS = {each.name: f"cxrfactory.models.pixel.zoo.{each.builder}" for each in ZOO}


def markdown_table() -> str:
    """Return the table of the architectures as docs/zoo.md shows it."""
    lines = [
        "| In the paper | Registered name | Family | Layers from | Sides in pixels | Parameters (M) | Remark |",
        "|---|---|---|---|---|---|---|",
    ]
    for each in ZOO:
        how = "fixed, a multiple of" if each.fixed else "any, padded to multiples of"
        sides = f"{how} {each.multiple}; default {each.natural}"
        outputs = f"{each.outputs} output{'s' if each.outputs > 1 else ''}"
        count = f"{each.parameters:g} with {outputs} ({each.reference}; within {100 * each.tolerance:g} %)"
        cells = [each.paper, f"`{each.name}`", each.family, each.source, sides, count, each.remark]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
