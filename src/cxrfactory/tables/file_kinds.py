"""What a file may hold by its name, and for names of tables, texts and packed files by its first bytes.

A name is a weak mark: DICOM objects are stored as ``1.2.840.113619.2.json`` or ``.txt``. A file whose name says that it
is no image is therefore opened, and one that begins like an image is an image.
"""

import zlib

# Signatures of picture formats.
PICTURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
HEAD_BYTES = 144
_PACKED_BYTES = 4096  # of a gzip file, enough to inflate a head

TABLES = (
    ".csv", ".tsv", ".txt", ".md", ".json", ".jsonl", ".html", ".htm", ".xml", ".pdf", ".parquet", ".npy", ".npz",
    ".xls", ".xlsx", ".yaml", ".yml", ".log",
)  # fmt: skip
ARCHIVES = (".zip", ".tar", ".tgz", ".tbz2", ".txz", ".7z", ".rar", ".gz", ".bz2", ".xz", ".zst")
_PACKED_VOLUMES = (".nii.gz", ".img.gz", ".mha.gz", ".nrrd.gz")
_TARS = (".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst", ".tgz")

# Files and folders of operating systems and file servers; some of the folders hold small copies of pictures.
SYSTEM_FILES = {"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "picasa.ini", "zbthumbnail.info"}
ZONE_MARK = ":zone.identifier"  # end of the files in which Windows notes that a file was downloaded
SYSTEM_FOLDERS = {
    "__macosx",
    "@eadir",
    "#recycle",
    "#snapshot",
    "$recycle.bin",
    "system volume information",
    "lost+found",
}

# Ends that editors and DICOM tools append to the name of a file when they keep its former content.
BACKUPS = ("~", ".bak", ".orig")


def backup_of(name: str) -> str | None:
    """Return the name of the file that a name is a backup copy of; None for other names."""
    if not name.endswith(BACKUPS):
        return None
    return next(name[: -len(end)] for end in BACKUPS if name.endswith(end)) or None


def looks_like_dicom(head: bytes) -> bool:
    """Return whether the first bytes of a file are those of DICOM.

    The mark at byte 128 wins over the mark of every other format at byte 0, because the standard leaves the 128 bytes
    before it to any use (PS3.10 7.1): a file may be a TIFF for one program and a DICOM object for another.

    Parameters
    ----------
    head
        The first 132 bytes or more.

    Returns
    -------
    True for the mark DICM at byte 128 (or at byte 0, where the preamble is missing), and for an object without preamble
    that begins with an element of group 2 or 8 in either byte order.
    """
    if head[128:132] == b"DICM" or head.startswith(b"DICM"):
        return True
    if len(head) < 8:
        return False
    if head[:2] == b"\0\x08" and head[2] == 0:  # big endian, which only explicit VR can be
        return head[4:6].isalpha() and head[4:6].isupper()
    return head[:2] in (b"\x02\x00", b"\x08\x00") and head[3] == 0


def begins_like_image(head: bytes) -> bool:
    """Return whether the first :data:`HEAD_BYTES` bytes of a file are those of DICOM, JPEG, PNG or TIFF."""
    return looks_like_dicom(head) or head.startswith(PICTURES)


def is_table_name(name: str) -> bool:
    """Return whether a name ends like that of a table, a text or another document, packed by gzip or not."""
    lower = name.lower()
    return lower.removesuffix(".gz").endswith(TABLES)


def is_archive_name(name: str) -> bool:
    """Return whether a name ends like that of an archive or a packed file."""
    return name.lower().endswith(ARCHIVES)


def is_volume_name(name: str) -> bool:
    """Return whether a name ends like that of a file of a packed volume (NIfTI, MetaImage), which holds no film."""
    return name.lower().endswith(_PACKED_VOLUMES)


def holds_image(path: str) -> bool:
    """Return whether a file begins like an image; ``.gz`` of one file is inflated, an archive of several is not.

    A file that cannot be read holds none.
    """
    lower = path.lower()
    try:
        with open(path, "rb") as stream:
            head = stream.read(HEAD_BYTES)
            if lower.endswith(".gz") and not lower.endswith(_TARS) and head.startswith(b"\x1f\x8b"):
                packed = head + stream.read(_PACKED_BYTES)
                head = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(packed, HEAD_BYTES)
    except (OSError, zlib.error):
        return False
    return begins_like_image(head)
