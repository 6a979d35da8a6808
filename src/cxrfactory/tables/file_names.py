"""Names of files as text: any name has a printable form, and any image id has a file name of its own.

Both mappings are one to one and depend on nothing but the name, so a run over more files gives the same names.
"""

import os
import re
import unicodedata
from hashlib import blake2b
from pathlib import Path

from cxrfactory.anatomy.organs import ORGAN_NODES

# Bytes of a stem. A file system allows 255 for a name; an organ, a suffix and a temporary part are appended to a stem.
LONGEST_STEM_BYTES = 200

# Unicode categories: control, format (zero width, writing direction), surrogates, line and paragraph separators.
_UNPRINTABLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_ESCAPE = re.compile(r"\\x([0-9a-f]{2})")
_STEM_CODES = re.compile(r"%(?=[01][0-9A-F]|25|2E|5F|7F|uD)")
_ORGAN_END = re.compile(rf"\.(?=(?:{'|'.join((*ORGAN_NODES, 'lungs'))})$)")
_NO_NAME = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_HASH_BYTES = 16
_HASHED = re.compile(rf"~[0-9a-f]{{{2 * _HASH_BYTES}}}$")


def printable_name(name: str) -> str:
    r"""Return a file name or path in printable UTF-8; :func:`name_on_disk` is its inverse.

    Bytes that are no UTF-8 and signs that cannot be seen (line ends, writing direction) become ``\xNN``, with the bytes
    of their UTF-8. A backslash that would be read as such an escape becomes ``\x5c``. Other names are unchanged.

    Parameters
    ----------
    name
        Name as the operating system gives it to Python, with surrogates for bytes that are no UTF-8.

    Examples
    --------
    >>> printable_name(os.fsdecode(b"Rx t\xf3rax.png"))
    'Rx t\\xf3rax.png'
    """
    if name.isascii() and name.isprintable() and "\\x" not in name:
        return name
    text = _ESCAPE.sub(r"\\x5cx\1", name)
    return "".join(_escaped(sign) if unicodedata.category(sign) in _UNPRINTABLE else sign for sign in text)


def name_on_disk(printable: str) -> str:
    """Return the name that a printable name stands for (:func:`printable_name`), as Python passes it to the system."""
    if "\\x" not in printable:
        return printable
    parts = _ESCAPE.split(printable)
    pieces = [os.fsencode(part) if place % 2 == 0 else bytes.fromhex(part) for place, part in enumerate(parts)]
    return os.fsdecode(b"".join(pieces))


def path_on_disk(root: str | Path, printable: str) -> Path:
    """Join a folder and a printable path relative to it."""
    return Path(root) / name_on_disk(printable)


def file_stem(image_id: str) -> str:
    """Return the stem of an image's output files; different ids have different stems.

    ``/`` becomes ``__``. An underscore that would make this ambiguous (``__`` in a name, ``_`` beside ``/``) becomes
    ``%5F``. The dot of an id that ends like the name of a mask (``.heart``) becomes ``%2E``, control characters become
    ``%NN``, surrogates ``%uNNNN``, and a ``%`` in front of such a code becomes ``%25``. A stem of more than
    :data:`LONGEST_STEM_BYTES` bytes is cut off and ends in ``~`` and 32 digits of a hash of the id.

    Examples
    --------
    >>> file_stem("a/b.png"), file_stem("a__b.png")
    ('a__b.png', 'a_%5Fb.png')
    """
    text = _NO_NAME.sub(lambda found: _code(found[0]), _STEM_CODES.sub("%25", image_id))
    parts = [part.replace("__", "_%5F") for part in text.split("/")]
    last = len(parts) - 1
    for place, part in enumerate(parts):
        if place > 0 and part.startswith("_"):
            part = f"%5F{part[1:]}"
        if place < last and part.endswith("_"):
            part = f"{part[:-1]}%5F"
        parts[place] = part
    stem = _ORGAN_END.sub("%2E", "__".join(parts))
    data = stem.encode("utf-8")
    if len(data) <= LONGEST_STEM_BYTES and not _HASHED.search(stem):
        return stem
    digits = blake2b(stem.encode("utf-8"), digest_size=_HASH_BYTES).hexdigest()
    short = data[: LONGEST_STEM_BYTES - len(digits) - 1].decode("utf-8", "ignore")
    return f"{short}~{digits}"


def _escaped(sign: str) -> str:
    try:
        data = os.fsencode(sign)
    except UnicodeEncodeError:  # a surrogate that no name on disk gives, for example from JSON
        data = sign.encode("utf-8", "surrogatepass")
    return "".join(f"\\x{byte:02x}" for byte in data)


def _code(sign: str) -> str:
    return f"%{ord(sign):02X}" if ord(sign) < 0x80 else f"%u{ord(sign):04X}"
