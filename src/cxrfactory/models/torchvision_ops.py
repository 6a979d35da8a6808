"""Import of torchvision with a torch that its compiled operators do not fit.

A CPU build of torch is often combined with the index's torchvision, which is built for CUDA. Torchvision then cannot
load its compiled operators, and its import stops at ``operator torchvision::nms does not exist``. This package does not
use that operator: segmentation-models-pytorch needs only torchvision's networks. This module therefore declares the two
operators that the import requires, without an implementation; calling one is still an error. Where torchvision's own
operators are available, nothing is declared.
"""

from importlib import import_module

# The declarations of a torch library are removed with its object, so the object is kept.
_declared: list[object] = []
_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


def import_torchvision() -> bool:
    """Import torchvision, and declare its missing operators if it cannot be imported without them.

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
