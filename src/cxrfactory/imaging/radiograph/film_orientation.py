"""How a film lies in its file, by the statements of its header, and the turn to the usual display.

``PatientOrientation`` (0020,0020) names where the rows and the columns run to (PS3.3 C.7.6.1.1.1); the usual display of
a frontal film is ``L\\F``. ``ImageOrientationPatient`` (0020,0037), which converters write into secondary captures,
says the same in numbers. ``FieldOfViewHorizontalFlip`` (0018,7034) and ``FieldOfViewRotation`` tell what the detector
did to the image before it was stored; PatientOrientation already includes it (PS3.3 C.8.11.4), so it is no statement
about the stored pixels, and it turns nothing here.
"""

import dataclasses
import re
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from cxrfactory.errors import ImageError
from cxrfactory.imaging.radiograph.image import Radiograph
from cxrfactory.imaging.radiograph.screening import AS_DEFAULT, HeaderChecks
from cxrfactory.imaging.turns import ORIENTATIONS, USUAL, displayed, lies_on_its_side
from cxrfactory.imaging.vocabulary.words import default_vocabulary

if TYPE_CHECKING:
    import pydicom

_AXES = {"L": "across", "R": "across", "A": "through", "P": "through", "H": "along", "F": "along"}
_LETTERS_OF_AXES = (("L", "R"), ("P", "A"), ("H", "F"))  # DICOM's x, y and z grow towards the first of each
_LEAST_COSINE = 0.8  # a direction that lies further than 37 degrees off every axis of the patient names none
_PLACEHOLDER = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)  # the identity, which converters write where they know nothing
_EXIF_ORIENTATION = 0x0112


def turned_back(radiograph: Radiograph, dataset: "pydicom.Dataset", checks: HeaderChecks = AS_DEFAULT) -> Radiograph:
    """Turn a frontal film to the usual display where its header says that it is stored in another way.

    Parameters
    ----------
    radiograph
        The film as stored.
    dataset
        Its header.
    checks
        ``orientation`` decides: ``turn``, ``reject`` or ``ignore``.

    Returns
    -------
    Radiograph
        The film in the usual display, with :attr:`Radiograph.orientation` and a note where it was turned.

    Raises
    ------
    ImageError
        If the header names another plane than the frontal one, directions that exclude each other, or two orientations;
        or, with ``reject``, another one than the usual.
    """
    if checks.orientation == "ignore":
        return _as_stored(radiograph, dataset)
    notes: list[str] = []
    stated = {
        name: found
        for name, found in (
            ("PatientOrientation", _by_letters(dataset, radiograph.view, notes)),
            ("ImageOrientationPatient", _by_numbers(dataset, notes)),
        )
        if found is not None
    }
    if len(set(stated.values())) > 1:
        said = " and ".join(f"{name} {_shown(value)}" for name, value in stated.items())
        raise ImageError(f"two orientations in one header: {said}; expected one; {_ADVICE}")
    orientation = next(iter(stated.values()), USUAL)
    if not stated and _flag(dataset, "FieldOfViewHorizontalFlip") == "YES":
        notes.append("FieldOfViewHorizontalFlip is YES without a PatientOrientation; the pixels are used as stored")
    if orientation == USUAL:
        return dataclasses.replace(radiograph, notes=(*radiograph.notes, *notes)) if notes else radiograph
    said = f"{next(iter(stated))} is {_shown(orientation)}"
    if checks.orientation == "reject":
        raise ImageError(f"film stored mirrored or turned: {said}; expected L\\F; set preprocess.orientation to turn")
    notes.append(f"turned back: {said}; landmarks and masks refer to the pixels as stored")
    return _turned(radiograph, orientation, notes)


_ADVICE = "where the film is stored as usual, set preprocess.orientation to ignore"


def frontal_orientation(dataset: "pydicom.Dataset") -> str | None:
    """Return the orientation of a frontal film by ``PatientOrientation``; None if it states none of a frontal film."""
    values = _values(dataset)
    if len(values) != 2 or not all(_readable(value) for value in values):
        return None
    row, column = (value[0] for value in values)
    return row + column if {_AXES[row], _AXES[column]} == {"across", "along"} else None


def exif_orientation(picture: Image.Image, kind: str) -> int:
    """Return the orientation, 1 to 8, that the EXIF data of an open picture ask for; 1 without a valid one."""
    try:
        if kind == "PNG" and "exif" not in picture.info:
            return 1  # data behind the pixels count for nothing: reading them would decode the picture twice
        value = picture.getexif().get(_EXIF_ORIENTATION, 1)
    except Exception:  # the picture's own reader reports what is damaged
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def turned_by_exif(radiograph: Radiograph, number: int, checks: HeaderChecks = AS_DEFAULT) -> Radiograph:
    """Turn a picture to the display that its EXIF data ask for, as viewers do.

    Parameters
    ----------
    radiograph
        The picture as stored.
    number
        Orientation of EXIF, 1 to 8.
    checks
        ``orientation`` decides: ``turn``, ``reject`` or ``ignore``.

    Raises
    ------
    ImageError
        With ``reject``, if the picture is not stored as it is displayed.
    """
    said = f"EXIF orientation {number}"
    if number == 1:
        return radiograph
    if checks.orientation == "reject":
        raise ImageError(f"picture stored mirrored or turned: {said}; set preprocess.orientation to turn")
    if checks.orientation == "ignore":
        note = f"{said}: viewers show it mirrored or turned; its pixels are used as stored, as orientation says"
        return dataclasses.replace(radiograph, notes=(*radiograph.notes, note))
    note = f"{said}: turned as viewers show it; landmarks and masks refer to the pixels as stored"
    return _turned(radiograph, ORIENTATIONS[number - 1], [note])


def _turned(radiograph: Radiograph, orientation: str, notes: list[str]) -> Radiograph:
    spacing = radiograph.spacing_mm
    if spacing is not None and lies_on_its_side(orientation):
        spacing = spacing[::-1]
    changes = {
        "pixels": np.ascontiguousarray(displayed(radiograph.pixels, orientation)),
        "spacing_mm": spacing,
        "orientation": orientation,
        "notes": (*radiograph.notes, *notes),
    }
    if radiograph.padding is not None:
        changes["padding"] = np.ascontiguousarray(displayed(radiograph.padding, orientation))
    return dataclasses.replace(radiograph, **changes)


def _as_stored(radiograph: Radiograph, dataset: "pydicom.Dataset") -> Radiograph:
    values = _values(dataset)
    if values in ([], ["L", "F"]):
        return radiograph
    note = f"PatientOrientation is {_quoted(values)}; its pixels are used as stored, as orientation says"
    return dataclasses.replace(radiograph, notes=(*radiograph.notes, note))


def _by_letters(dataset: "pydicom.Dataset", view: str | None, notes: list[str]) -> str | None:
    """Return the orientation by PatientOrientation; None if the header has none, or says that it is not known."""
    values = _values(dataset)
    if not values:
        return None
    quoted = _quoted(values)
    if default_vocabulary().says_not_known(" ".join(values)):
        notes.append("PatientOrientation says that it is not known; the pixels are used as stored")
        return None
    if len(values) != 2 or not all(_readable(value) for value in values):
        raise ImageError(f"PatientOrientation is {quoted}, not two directions such as L\\F; {_ADVICE}")
    row, column = (value[0] for value in values)
    planes = {_AXES[row], _AXES[column]}
    if planes == {"across", "along"}:
        return row + column
    if planes == {"through", "along"}:
        against = f", but the view {view}" if view else ""
        raise ImageError(f"side view: PatientOrientation is {quoted}{against}; expected such as L\\F; {_ADVICE}")
    if planes == {"across", "through"}:
        raise ImageError(f"axial plane: PatientOrientation is {quoted}; expected such as L\\F; {_ADVICE}")
    raise ImageError(f"PatientOrientation is {quoted}: both on one line; expected such as L\\F; {_ADVICE}")


def _by_numbers(dataset: "pydicom.Dataset", notes: list[str]) -> str | None:
    """Return the orientation by ImageOrientationPatient; None if the header has none, or the identity of converters."""
    try:
        given = dataset.get("ImageOrientationPatient")
        cosines = np.array([] if given is None else [float(each) for each in np.atleast_1d(given)])
    except (TypeError, ValueError):
        cosines = np.array([np.nan])
    if not len(cosines) or tuple(np.round(cosines, 6)) == _PLACEHOLDER:
        return None
    if len(cosines) != 6 or not np.isfinite(cosines).all() or not cosines.any():
        notes.append("ImageOrientationPatient is not two directions and is ignored")
        return None
    row, column = _letter(cosines[:3]), _letter(cosines[3:])
    planes = {_AXES.get(row), _AXES.get(column)}
    if planes == {"across", "along"}:
        return row + column
    if planes == {"through", "along"}:
        raise ImageError(f"side view by ImageOrientationPatient ({row}\\{column}); expected a frontal view; {_ADVICE}")
    notes.append("ImageOrientationPatient names no plane of a film and is ignored")
    return None


def _letter(direction: np.ndarray) -> str:
    """Return the letter of the axis that a direction follows; empty if it follows none closely."""
    length = float(np.linalg.norm(direction))
    axis = int(np.argmax(np.abs(direction)))
    if length == 0 or abs(direction[axis]) / length < _LEAST_COSINE:
        return ""
    return _LETTERS_OF_AXES[axis][0 if direction[axis] > 0 else 1]


def _values(dataset: "pydicom.Dataset") -> list[str]:
    """Return the values of PatientOrientation in capitals; empty if none is filled."""
    given = dataset.get("PatientOrientation")
    many = [] if given is None else [given] if isinstance(given, str) else list(given)
    values = [str(each).strip().upper() for each in many]
    if len(values) == 1:  # some writers put the separator of another notation into one value
        values = [each for each in re.split(r"[\\/,; ]+", values[0]) if each]
    return values if any(values) else []


def _readable(value: str) -> bool:
    """Return whether a value is one to three letters of different axes; the main direction is the first."""
    axes = [_AXES.get(letter) for letter in value]
    return 1 <= len(value) <= 3 and None not in axes and len(set(axes)) == len(axes)


def _quoted(values: list[str]) -> str:
    """Return values that consist of direction letters; other text is described by its length."""
    plain = all(len(value) <= 3 and set(value) <= set(_AXES) for value in values)
    return "\\".join(values) if plain else f"a text of {len('/'.join(values))} signs"


def _shown(orientation: str) -> str:
    return f"{orientation[0]}\\{orientation[1]}"


def _flag(dataset: "pydicom.Dataset", name: str) -> str:
    return str(dataset.get(name) or "").strip().upper()
