"""cxrfactory: chest-radiograph releases and chest CT in, anatomy-labelled datasets out.

``import cxrfactory as cxr`` loads no other library: each name below is imported when it is first used.

============================  ==========================================================================
``Segmenter``, ``segment``    radiographs to landmarks, masks, uncertainty and quality
``AnatomySegmenter``          radiographs to masks of ribs, vertebrae, lobes, vessels and others
``project``                   a chest CT with labels to radiographs and masks of two views
``read_radiograph``           JPEG, PNG, TIFF or DICOM to a grey image in which bone is bright
``open_product``              a finished product: its images with masks, scores and overlays
``read_chexmask``, ``write_chexmask``, ``rle_encode``, ``rle_decode``    the CheXmask format
``dice``, ``jaccard``, ``hausdorff``, ``hd95``, ``asd``, ``nsd``         agreement of two masks
``cardiothoracic_ratio``, ``landmark_mse``                               further measures
``CxrError``, ``ImageError``  the errors, one line each
============================  ==========================================================================
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from cxrfactory import renamed

__version__ = "0.1.0"

# Public name -> the module that it comes from.
_EXPORTS = {
    "AnatomySegmenter": "cxrfactory.door.anatomy",
    "CxrError": "cxrfactory.errors",
    "ImageError": "cxrfactory.errors",
    "OpenedProduct": "cxrfactory.products.opened",
    "ProductImage": "cxrfactory.products.opened",
    "ProjectedScan": "cxrfactory.door.projecting",
    "Quality": "cxrfactory.door.quality",
    "Radiograph": "cxrfactory.imaging.radiograph.image",
    "RefusedRadiograph": "cxrfactory.door.segmented",
    "SegmentedAnatomy": "cxrfactory.door.anatomy",
    "SegmentedRadiograph": "cxrfactory.door.segmented",
    "Segmenter": "cxrfactory.door.segmenter",
    "Structure": "cxrfactory.door.anatomy",
    "asd": "cxrfactory.metrics.distance",
    "cardiothoracic_ratio": "cxrfactory.metrics.cardiothoracic",
    "dice": "cxrfactory.metrics.overlap",
    "hausdorff": "cxrfactory.metrics.distance",
    "hd95": "cxrfactory.metrics.distance",
    "jaccard": "cxrfactory.metrics.overlap",
    "landmark_mse": "cxrfactory.metrics.landmarks",
    "nsd": "cxrfactory.metrics.distance",
    "open_product": "cxrfactory.door.product",
    "project": "cxrfactory.door.projecting",
    "read_chexmask": "cxrfactory.tables.chexmask",
    "read_radiograph": "cxrfactory.imaging.radiograph.reading",
    "rle_decode": "cxrfactory.tables.rle",
    "rle_encode": "cxrfactory.tables.rle",
    "segment": "cxrfactory.door.segmenter",
    "write_chexmask": "cxrfactory.tables.chexmask",
}

__all__ = [
    "AnatomySegmenter",
    "CxrError",
    "ImageError",
    "OpenedProduct",
    "ProductImage",
    "ProjectedScan",
    "Quality",
    "Radiograph",
    "RefusedRadiograph",
    "SegmentedAnatomy",
    "SegmentedRadiograph",
    "Segmenter",
    "Structure",
    "__version__",
    "asd",
    "cardiothoracic_ratio",
    "dice",
    "hausdorff",
    "hd95",
    "jaccard",
    "landmark_mse",
    "nsd",
    "open_product",
    "project",
    "read_chexmask",
    "read_radiograph",
    "rle_decode",
    "rle_encode",
    "segment",
    "write_chexmask",
]

if TYPE_CHECKING:
    from cxrfactory.door.anatomy import AnatomySegmenter, SegmentedAnatomy, Structure
    from cxrfactory.door.product import open_product
    from cxrfactory.door.projecting import ProjectedScan, project
    from cxrfactory.door.quality import Quality
    from cxrfactory.door.segmented import RefusedRadiograph, SegmentedRadiograph
    from cxrfactory.door.segmenter import Segmenter, segment
    from cxrfactory.errors import CxrError, ImageError
    from cxrfactory.imaging.radiograph.image import Radiograph
    from cxrfactory.imaging.radiograph.reading import read_radiograph
    from cxrfactory.metrics.cardiothoracic import cardiothoracic_ratio
    from cxrfactory.metrics.distance import asd, hausdorff, hd95, nsd
    from cxrfactory.metrics.landmarks import landmark_mse
    from cxrfactory.metrics.overlap import dice, jaccard
    from cxrfactory.products.opened import OpenedProduct, ProductImage
    from cxrfactory.tables.chexmask import read_chexmask, write_chexmask
    from cxrfactory.tables.rle import rle_decode, rle_encode


class _Door(ModuleType):
    """The package: its public names win over modules of the same name, such as those that an old import loads."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _EXPORTS and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


def __getattr__(name: str) -> Any:
    # Late, so that neither the import nor `--help` nor a dry run loads pandas, numba or torch.
    if name in _EXPORTS:
        found = getattr(import_module(_EXPORTS[name]), name)
        globals()[name] = found
        return found
    raise AttributeError(f"module 'cxrfactory' has no attribute '{name}'; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


sys.modules[__name__].__class__ = _Door
renamed.install()
