"""Export of a pixel segmenter as a program that runs without this package."""

from pathlib import Path

from cxrfactory.models.pixel.segmenter import PixelSegmenter
from cxrfactory.tables.atomic import atomic_path


def export_program(network: PixelSegmenter, path: str | Path) -> None:
    """Write a network as a program of ``torch.export`` (``.pt2``).

    The program takes one image ``[1, 1, rows, columns]`` of the network's ``input_size`` as float32 and returns the
    logits ``[1, organs, rows, columns]``. ``torch.export.load(path).module()`` runs it where only PyTorch is installed.

    Parameters
    ----------
    network
        The network; it is put into evaluation mode.
    path
        File to write.

    Examples
    --------
    >>> from cxrfactory.models import build_model
    >>> network = build_model("unext", {"width": 2, "organs": ["heart"], "input_size": 64})
    >>> export_program(network, "heart.pt2")  # doctest: +SKIP
    """
    import torch

    image = torch.zeros(1, 1, *network.input_size)
    with torch.no_grad():
        program = torch.export.export(network.eval(), (image,))
    with atomic_path(Path(path)) as temporary:
        torch.export.save(program, temporary)
