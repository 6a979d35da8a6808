"""Plates in folders: each folder that holds pictures is a plate, and every file is a picture, refused, or told."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cxrfactory.errors import CxrError
from cxrfactory.tables.file_kinds import HEAD_BYTES, begins_like_image, is_table_name
from cxrfactory.tables.listing import Aside, list_folder, told

_PICTURES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff")
# Pictures of kinds that are not read: they are refused by name, so that no picture is left out unseen.
_OTHER_PICTURES = (".bmp", ".gif", ".webp", ".heic", ".heif", ".avif", ".jp2")
_OTHER_PICTURES += (".nef", ".cr2", ".cr3", ".dng", ".arw", ".orf", ".rw2", ".raf", ".pef")
_THUMBNAIL = re.compile(r"(?<![a-z])thumb(?:s|nails?)?(?![a-z])", re.IGNORECASE)


@dataclass
class PlateFiles:
    """The files of one plate.

    Attributes
    ----------
    name
        Name of the plate: that of its folder, or of the folders below the given one, joined by ``__``.
    folder
        Folder of the pictures.
    pictures
        Files to read, by name.
    refused
        Path and reason of files that may be pictures and cannot be used.
    """

    name: str
    folder: Path
    pictures: list[Path] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)


def find_plates(roots: Sequence[Path]) -> tuple[list[PlateFiles], str]:
    """Find the plates of some folders.

    Parameters
    ----------
    roots
        Folders. A folder that itself holds pictures is a plate, and so is each folder below it that does.

    Returns
    -------
    The plates by name, and the files that were left aside in words.

    Raises
    ------
    CxrError
        If a folder is missing, two plates have one name, or there is no plate.
    """
    plates: dict[str, PlateFiles] = {}
    aside: list[Aside] = []
    others: Counter[str] = Counter()
    for root in roots:
        for plate in _plates_of(Path(root), aside, others):
            if plate.name in plates:
                raise CxrError(
                    f"two plates are named '{plate.name}': {plates[plate.name].folder} and {plate.folder}; "
                    "rename one of the folders"
                )
            plates[plate.name] = plate
    if not plates:
        found = ", ".join(str(root) for root in roots)
        left = f"; left aside: {told(aside)}" if aside else ""
        raise CxrError(f"{found}: no pictures (JPEG, PNG or TIFF){left}; expected a folder of pictures for each plate")
    parts = [told(aside)] if aside else []
    parts += [f"{count} {what}{'s'[: count != 1]}" for what, count in sorted(others.items())]
    return [plates[name] for name in sorted(plates)], ", ".join(parts) or "none"


def single_plates(paths: Sequence[Path]) -> list[PlateFiles]:
    """Return each picture as a plate, named after its file, without the suffix where that tells the files apart."""
    stems = Counter(Path(path).stem for path in paths)
    named: dict[str, Path] = {}
    for path in (Path(path) for path in paths):
        name = path.stem if stems[path.stem] == 1 else path.name
        if name in named:
            raise CxrError(f"two pictures are named '{name}': {named[name]} and {path}; rename one of them")
        named[name] = path
    return [PlateFiles(name, named[name].parent, [named[name]]) for name in sorted(named)]


def _plates_of(root: Path, aside: list[Aside], others: Counter[str]) -> list[PlateFiles]:
    listing = list_folder(root)
    plates: dict[Path, PlateFiles] = {}

    def plate_of(folder: Path) -> PlateFiles:
        parts = folder.relative_to(root).parts
        return plates.setdefault(folder, PlateFiles("__".join(parts) or root.resolve().name, folder))

    for entry in listing.files:
        folder, name = entry.path.parent, entry.path.name
        kind = _kind(entry.path)
        if any(_THUMBNAIL.search(part) for part in entry.path.relative_to(root).parts):
            others["thumbnail" if kind is not None else "file that is no picture"] += 1
        elif kind is None:
            others["file that is no picture"] += 1
        elif not str(entry.path).isprintable() or not _is_utf8(str(entry.path)):
            plate_of(folder).refused.append((entry.relative, "name with signs that cannot be printed; rename it"))
        elif kind == "other":
            suffix = Path(name).suffix.lower()
            plate_of(folder).refused.append((str(entry.path), f"{suffix} file; expected JPEG, PNG or TIFF; convert it"))
        else:
            plate_of(folder).pictures.append(entry.path)
    for each in listing.aside:
        folder = root / Path(each.relative).parent
        if each.named and folder in plates:
            plates[folder].refused.append((str(root / each.relative), each.text))
        else:
            aside.append(each)
    for folder in [folder for folder, plate in plates.items() if not plate.pictures and not plate.refused]:
        del plates[folder]
    return _checked_names(list(plates.values()))


def _checked_names(plates: list[PlateFiles]) -> list[PlateFiles]:
    counts = defaultdict(list)
    for plate in plates:
        counts[plate.name].append(plate.folder)
    for name, folders in counts.items():
        if len(folders) > 1:
            raise CxrError(f"two plates are named '{name}': {folders[0]} and {folders[1]}; rename one of the folders")
    return plates


def _kind(path: Path) -> str | None:
    """Return ``picture``, ``other`` for a picture of a kind that is not read, or None for a file of another use."""
    suffix = path.suffix.lower()
    if suffix in _OTHER_PICTURES:
        return "other"
    if suffix in _PICTURES:
        return "picture"
    if is_table_name(path.name):  # listed only because it begins like an image
        return "picture"
    try:
        with path.open("rb") as stream:
            return "picture" if begins_like_image(stream.read(HEAD_BYTES)) else None
    except OSError:
        return None


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
