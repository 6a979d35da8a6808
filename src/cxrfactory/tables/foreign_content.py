"""What a file that should hold a film or a volume holds instead, by its first bytes: pointers, web pages, archives."""

import re

HEAD_BYTES = 144  # that are looked at

_Kinds = tuple[tuple[re.Pattern[bytes], str], ...]

# Begin of the content, and what it is and what to do about it. The first that fits counts.
_UNPACK = "unpack it, and give its files"
_STAND_INS: _Kinds = tuple(
    (re.compile(begin, re.IGNORECASE | re.DOTALL), told)
    for begin, told in (
        (rb"version https://git-lfs", "a pointer of Git LFS; fetch the file itself (git lfs pull)"),
        (rb"(\.git)?/annex/objects/", "a pointer of git-annex; fetch the file itself (git annex get)"),
        (
            rb"(\xef\xbb\xbf)?\s*(<\?xml[^>]*>\s*|<!--.{0,60}?-->\s*)*<(!doctype html|html|head|body)\b",
            "a web page, as servers send it for an error or a login; download the file again",
        ),
        (rb"\s*<\?xml", "an XML text, as servers send it for an error; give the file itself"),
        (rb"PK\x03\x04", f"a ZIP archive; {_UNPACK}"),
        (rb"7z\xbc\xaf\x27\x1c|Rar!", f"an archive; {_UNPACK}"),
        (rb"%PDF", "a PDF document; give the file that it was made from"),
    )
)
_AS_PNG, _PROJECT = "save it as PNG", "give films; a CT with its labels is projected (python -m cxrfactory project)"
_OTHER_FORMATS: _Kinds = tuple(
    (re.compile(begin, re.DOTALL), told)
    for begin, told in (
        (rb"GIF8", f"a GIF picture; {_AS_PNG}"),
        (rb"BM.{4}\0\0\0\0", f"a BMP picture; {_AS_PNG}"),
        (rb"RIFF.{4}WEBP", f"a WebP picture; {_AS_PNG}"),
        (rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51", f"a JPEG 2000 picture; {_AS_PNG}"),
        (rb".{4}ftyp(hei|mif|avif)", f"a HEIC or AVIF picture; {_AS_PNG}"),
        (rb"\x93NUMPY|\x89HDF", f"an array of NumPy or HDF5; {_AS_PNG}"),
        (rb"\x5c\x01\0\0|\0\0\x01\x5c|\x1c\x02\0\0|\0\0\x02\x1c", f"a NIfTI volume; {_PROJECT}"),
        (rb"NRRD000", f"an NRRD volume; {_PROJECT}"),
        (rb"\s*ObjectType\s*=\s*Image", f"a MetaImage volume; {_PROJECT}"),
    )
)


def stand_in(head: bytes) -> str | None:
    """Return what stands in place of a film or a volume and what to do, such as ``a ZIP archive; unpack it, ...``.

    Parameters
    ----------
    head
        The first 100 bytes or more; fewer only if the file has no more.

    Returns
    -------
    The words for a message; None if the content is not known.
    """
    return _told(_STAND_INS, head)


def instead_of_film(head: bytes) -> str | None:
    """Return what a file is that is no film, as :func:`stand_in`, and also the formats that are not read as films."""
    return _told(_STAND_INS + _OTHER_FORMATS, head)


def _told(kinds: _Kinds, head: bytes) -> str | None:
    return next((told for begin, told in kinds if begin.match(head)), None)
