"""Keyed pseudonyms of ids, and the private folder that maps them back: its key, ``keys.csv`` and links to the films.

A pseudonym is the first 128 bits of HMAC-SHA256 (RFC 2104, FIPS 198-1) of the kind of id and the id itself, under a
random key of 256 bits. Without the key, nobody can compute the pseudonym of a guessed id. The same key gives the same
pseudonyms, so that a later run adds to earlier ones. The private folder stays with the owner of the ids: it lies
outside the results, and only its owner can read its files.
"""

import csv
import hashlib
import hmac
import io
import os
import re
import secrets
import stat
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from cxrfactory.errors import CxrError

KEY, KEYS, FILMS = "key", "keys.csv", "films"
_KEY_BYTES, _PSEUDONYM_BYTES = 32, 16
_KEPT_ENDING = ".gz"  # readers unpack files of this name
_LINK = re.compile(rf"[0-9a-f]{{{2 * _PSEUDONYM_BYTES}}}({re.escape(_KEPT_ENDING)})?")
_OTHERS = stat.S_IRWXG | stat.S_IRWXO

COLUMNS = (
    "image_id", "patient_id", "study_id", "original_image_id", "original_path", "original_patient_id",
    "original_study_id",
)  # fmt: skip


class Pseudonyms:
    """Pseudonyms under one key.

    Parameters
    ----------
    key
        The secret key, 32 bytes.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def of(self, kind: str, original: str) -> str:
        """Return the pseudonym of an id, 32 hexadecimal digits.

        Parameters
        ----------
        kind
            What the id names (``image``, ``patient``, ``study``). The same text has another pseudonym for each kind.
        original
            The id. Bytes of file names that are not UTF-8 may be surrogates, as in :func:`os.fsdecode`.
        """
        text = f"{kind}\0{original}".encode("utf-8", "surrogateescape")
        return hmac.new(self._key, text, hashlib.sha256).digest()[:_PSEUDONYM_BYTES].hex()

    def link_name(self, image: str, original: str) -> str:
        """Return the name of the link to a film, given the pseudonym of its id and its original path."""
        return image + (_KEPT_ENDING if original.lower().endswith(_KEPT_ENDING) else "")


def open_pseudonyms(folder: str | Path) -> Pseudonyms:
    """Return the pseudonyms of a private folder; the folder and its key are made if they are missing.

    Two programs may call this at the same time: both get the same key.

    Raises
    ------
    CxrError
        If the folder cannot be made, or if the key is damaged, lost, or can be read by other users.
    """
    folder = Path(folder)
    try:
        if not folder.is_dir():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(folder / ".gitignore", b"*\n")
        if not (folder / KEY).exists():
            if (folder / KEYS).exists():
                raise CxrError(
                    f"{folder / KEY}: the key is missing, but {KEYS} of an earlier run is there; bring the key back "
                    "from a copy (another key gives other pseudonyms), or name another private folder"
                )
            _make_key(folder)
        return Pseudonyms(_read_key(folder / KEY))
    except OSError as error:
        raise CxrError(
            f"{folder}: the private folder of the pseudonyms cannot be used ({error.strerror}); expected a folder that "
            "you may write into, outside the results and the images"
        ) from error


def write_keys(folder: str | Path, rows: Sequence[Mapping[str, str | None]]) -> None:
    """Write ``keys.csv``, which maps pseudonyms back; only its owner can read it (mode 600).

    Rows of earlier runs stay, because what was made of them may have left already.

    Parameters
    ----------
    folder
        The private folder.
    rows
        One mapping of :data:`COLUMNS` for each image.

    Raises
    ------
    CxrError
        If the file of an earlier run has other columns, so that it is not overwritten.
    """
    path = Path(folder) / KEYS
    known = {str(row["image_id"]): row for row in _earlier(path)}
    known |= {str(row["image_id"]): row for row in rows}
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(known[name] for name in sorted(known))
    _write(path, stream.getvalue().encode("utf-8", "surrogateescape"))


def link_films(folder: str | Path, films: Mapping[str, Path]) -> Path:
    """Make the folder of links to the films, and return it; links of an earlier run that are not wanted are removed.

    Parameters
    ----------
    folder
        The private folder.
    films
        File to point to, by the name of its link.

    Raises
    ------
    CxrError
        If the file system has no symbolic links, or if the folder holds other files.
    """
    target = Path(folder) / FILMS
    target.mkdir(mode=0o700, exist_ok=True)
    there = os.listdir(target)
    if not all(_LINK.fullmatch(name) and (target / name).is_symlink() for name in there):
        raise CxrError(f"{target}: holds other files than links of an earlier run; name another private folder")
    target.chmod(0o700)
    for name in there:
        if name not in films:
            (target / name).unlink()
    for name, film in films.items():
        link, wanted = target / name, os.path.abspath(film)
        if link.is_symlink():
            if os.readlink(link) == wanted:
                continue
            link.unlink()
        try:
            link.symlink_to(wanted)
        except OSError as error:
            raise CxrError(
                f"{target}: no links can be made here ({error.strerror}); expected a private folder on a file system "
                "with symbolic links"
            ) from error
    return target


def _make_key(folder: Path) -> None:
    """Write a new key; a key that another program has made in the meantime stays."""
    temporary = _private_file(folder, f"{secrets.token_hex(_KEY_BYTES)}\n".encode())
    try:
        os.link(temporary, folder / KEY)
    except FileExistsError:
        pass
    except OSError:  # a file system without hard links
        if not (folder / KEY).exists():
            os.replace(temporary, folder / KEY)
    finally:
        temporary.unlink(missing_ok=True)


def _read_key(path: Path) -> bytes:
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        raise CxrError(f"{path}: not a regular file; expected the key of the pseudonyms")
    if status.st_mode & _OTHERS:
        raise CxrError(
            f"{path}: other users can read the key (mode {stat.S_IMODE(status.st_mode):03o}); expected mode 600, "
            "so say: chmod 600"
        )
    text = path.read_bytes().strip()
    try:
        key = bytes.fromhex(text.decode("ascii"))
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise CxrError(
            f"{path}: damaged: {len(text)} characters; expected {2 * _KEY_BYTES} hexadecimal digits; bring the key "
            "back from a copy (another key gives other pseudonyms)"
        )
    return key


def _earlier(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as stream:
        reader = csv.DictReader(stream)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise CxrError(f"{path}: other columns than those of a table of keys; move the file away")
        return list(reader)


def _write(path: Path, data: bytes) -> None:
    temporary = _private_file(path.parent, data)
    try:
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _private_file(folder: Path, data: bytes) -> Path:
    """Write a temporary file that only its owner can read (mkstemp makes it with mode 600), and return its path."""
    handle, name = tempfile.mkstemp(prefix=".new.", dir=folder)
    with os.fdopen(handle, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    return Path(name)
