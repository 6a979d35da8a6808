"""Torchvision beside a torch that its compiled operators do not fit.

A CPU build of torch with the index's torchvision, which is built for CUDA, is a common mix. Torchvision then cannot
load its compiled operators, and its import stops at ``operator torchvision::nms does not exist``, although nothing
here uses that operator: segmentation-models-pytorch needs torchvision's networks only. The two operators that the
import asks for are declared, without code behind them; calling one is still an error. Where torchvision's own are
there, nothing is declared.
"""

from importlib import import_module

# A library's declarations end with its object.
_declared: list[object] = []
_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


def import_torchvision() -> bool:
    """Import torchvision, declaring its missing operators if it cannot be imported without.

    Returns
    -------
    bool
        Whether operators had to be declared, now or earlier.

    Raises
    ------
    RuntimeError
        If the import fails for another reason.
    """
    try:
        import_module("torchvision")
    except RuntimeError as error:
        if _declared or "operator torchvision::nms does not exist" not in str(error):
            raise
        import torch

        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(name + _SCHEMA)
        _declared.append(library)
        import_module("torchvision")
    return bool(_declared)
