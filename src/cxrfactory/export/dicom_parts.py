"""Parts that DICOM segmentations and reports have in common: the library, coded concepts, the algorithm."""

import logging
import warnings
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from cxrfactory import __version__
from cxrfactory.anatomy.snomed import PRIVATE_SCHEME, Code, plain_text, private_code
from cxrfactory.errors import CxrError
from cxrfactory.export.dicom_source import MANUFACTURER, MODEL, derived_uid
from cxrfactory.products.opened import OpenedProduct
from cxrfactory.tables.key_values import parse_json

_LEARNED = Code("DCM", "123110", "Artificial Intelligence")
_PROJECTED = private_code("Projection of CT labels")


def instance(uid: str, series_number: int, description: str) -> dict[str, Any]:
    """Return what every object of ours says of itself: its series, its UID, and the equipment.

    Parameters
    ----------
    uid
        UID of the object, from which that of its series is derived.
    series_number, description
        Number and description of the series.
    """
    return {
        "series_instance_uid": derived_uid(uid, "series"),
        "series_number": series_number,
        "series_description": description,
        "sop_instance_uid": uid,
        "instance_number": 1,
        "manufacturer": MANUFACTURER,
        "manufacturer_model_name": MODEL,
        "software_versions": __version__,
        "transfer_syntax_uid": ExplicitVRLittleEndian,
    }


@dataclass(frozen=True)
class Algorithm:
    """What made the masks.

    Attributes
    ----------
    name
        Name for viewers.
    family
        Kind of algorithm (CID 7162).
    weights_sha256
        SHA-256 of the network's weights, or None if there was no network.
    """

    name: str
    family: Code
    weights_sha256: str | None

    @property
    def parameters(self) -> dict[str, str]:
        """Facts beside the version, by name."""
        return {} if self.weights_sha256 is None else {"weights_sha256": self.weights_sha256}


def highdicom() -> ModuleType:
    """Import highdicom, and silence its messages and warnings, which quote header values.

    Raises
    ------
    CxrError
        If it is not installed.
    """
    try:
        import highdicom
    except ImportError as error:
        raise CxrError('DICOM exports need highdicom; install it: pip install "cxrfactory[dicom]"') from error
    logging.getLogger("highdicom").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", module=r"highdicom\.")
    return highdicom


def algorithm_of(product: OpenedProduct) -> Algorithm:
    """Return what made the masks of a product, by its ``weights.json``.

    Raises
    ------
    CxrError
        If ``weights.json`` is not readable.
    """
    card = product.folder / "weights.json"
    if not card.is_file():
        return Algorithm("cxrfactory projection of CT labels", _PROJECTED, None)
    values = _card(card)
    name = plain_text(f"cxrfactory {values.get('segmenter', 'segmenter')}")
    return Algorithm(name, _LEARNED, plain_text(str(values.get("sha256", "unknown"))))


def concept(code: Code) -> Any:
    """Return highdicom's form of a code."""
    return highdicom().sr.CodedConcept(code.value, code.scheme, code.meaning)


def identification(algorithm: Algorithm) -> Any:
    """Return the Algorithm Identification Sequence of an algorithm."""
    return highdicom().AlgorithmIdentificationSequence(
        name=algorithm.name,
        family=concept(algorithm.family),
        version=__version__,
        source=MANUFACTURER,
        parameters=algorithm.parameters or None,
    )


def private_scheme() -> Dataset:
    """Return the item of the Coding Scheme Identification Sequence that explains our private codes."""
    item = Dataset()
    item.CodingSchemeDesignator = PRIVATE_SCHEME
    item.CodingSchemeName = "Names of cxrfactory that have no public code"
    item.CodingSchemeResponsibleOrganization = "cxrfactory"
    return item


def _card(path: Path) -> dict[str, Any]:
    try:
        values = parse_json(path.read_text(encoding="utf-8"), path)
    except UnicodeDecodeError as error:
        raise CxrError(f"{path}: not UTF-8 text; expected the card of the weights") from error
    return values if isinstance(values, dict) else {}
