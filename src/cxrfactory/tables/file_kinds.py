"""What a file may hold by its name, and for names of tables, texts and packed files by its first bytes.

A name is a weak mark: DICOM objects are stored as ``1.2.840.113619.2.json`` or ``.txt``. A file whose name says that it
is no image is therefore opened, and one that begins like an image is an image.
"""

import zlib

# Signatures of picture formats; a DICOM file has its mark behind a preamble of 128 bytes, or begins with group 2 or 8.
PICTURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
HEAD_BYTES = 144
_PACKED_BYTES = 4096  # of a gzip file, enough to inflate a head

TABLES = (
    ".csv", ".tsv", ".txt", ".md", ".json", ".jsonl", ".html", ".htm", ".xml", ".pdf", ".parquet", ".npy", ".npz",
    ".xls", ".xlsx", ".yaml", ".yml", ".log",
)  # fmt: skip
ARCHIVES = (".zip", ".tar", ".tgz", ".tbz2", ".txz", ".7z", ".rar", ".gz", ".bz2", ".xz", ".zst")
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


def begins_like_image(head: bytes) -> bool:
    """Return whether the first :data:`HEAD_BYTES` bytes of a file are those of DICOM, JPEG, PNG or TIFF."""
    if head[128:132] == b"DICM" or head.startswith(PICTURES):
        return True
    return len(head) >= 8 and head[:2] in (b"\2\0", b"\x08\0") and head[3:4] == b"\0"


def is_table_name(name: str) -> bool:
    """Return whether a name ends like that of a table, a text or another document, packed by gzip or not."""
    lower = name.lower()
    return lower.removesuffix(".gz").endswith(TABLES)


def is_archive_name(name: str) -> bool:
    """Return whether a name ends like that of an archive or a packed file."""
    return name.lower().endswith(ARCHIVES)


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
