"""A folder of 300 mixed files for the layout of one's own folder, and the check of what is made of it.

    python benchmarks/own_folder.py make FOLDER [FILES]
    snakemake --cores 2 FOLDER/results-private/chexmask --configfile FOLDER/private.yaml
    python benchmarks/own_folder.py check FOLDER private

``make`` takes real films from ``CXRFACTORY_REAL_DATA`` (PNG, JPEG, DICOM), wraps some in DICOM objects with views,
sexes and ages, and adds odd entries and three broken films. Every name of a file or folder and every id of the table
holds a word that is searched for. It writes four configs: ``plain`` and ``headers`` (without a table), ``listed`` (with
a table), ``private`` (with a table and pseudonyms).
``check`` prints the accounts, which must add up, and every place in the results where an original name or id stands.
"""

import csv
import os
import re
import shutil
import sys
from collections import Counter
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.privacy.marks import WORD, leaks

DATA = Path(os.environ.get("CXRFACTORY_REAL_DATA", ""))
FILES, WRAPPED, BROKEN = 300, 24, 3  # fewer files by a number behind the folder
SMALL = {"infer": {"weights": "pretrained"}, "preprocess": {"size": 512}, "rca": {"size": 128, "references": 3},
         "cohort": {"patients": 14, "labelled": 10, "release_size": 512, "scans": 1, "scan_spacing_mm": 8}}  # fmt: skip
COLUMNS = {"image_id": "Accession", "path": "Datei", "patient_id": "Patient", "study_id": "Studie",
           "view": "Projektion", "sex": "Geschlecht", "age": "Alter", "findings": "Befund"}  # fmt: skip
VIEWS = ("pa", "AP", "p.a.", "Thorax ap liegend", "lateral")


def make(folder: Path, files: int = FILES) -> None:
    """Write ``films`` and the configs."""
    root = folder / "films"
    nih, v7 = sorted((DATA / "nih").glob("*.png")), sorted((DATA / "v7_lungs/images").iterdir())
    dicom = sorted((DATA / "dicom_cxr").glob("*.dcm"))
    odd = _odd(root, nih[0])
    films = [*nih, *dicom, *v7][: files - odd - BROKEN - WRAPPED]
    rows = []
    for number, film in enumerate(films):
        rows.append(_place(root, number, film.read_bytes(), film.suffix))
    for number in range(WRAPPED):
        view = ("PA", "AP", "LL", "")[number % 4]
        data = _wrapped(nih[number % len(nih)], view, "MFO"[number % 3], 20 + 3 * number)
        rows.append(_place(root, len(rows), data, "" if number % 2 else ".dcm"))
    for number, data in enumerate((nih[1].read_bytes()[:9000], dicom[0].read_bytes()[:700], b"\0" * 5000)):
        rows.append(_place(root, len(rows), data, (".png", ".dcm", ".jpg")[number]))
    _table(root / f"{WORD}-list.csv", rows)
    common = {"layout": "folder", "root": str(root), "shards": 2}
    listed = {"table": f"{WORD}-list.csv", "columns": COLUMNS}
    headers = {name: "from-header" for name in ("view", "sex", "age", "patient", "study")}
    for name, more in (
        ("plain", {"view": "all-frontal", "patient": "folder-1"}),
        ("headers", headers),
        ("listed", listed),
        ("private", {**listed, "pseudonymise": True, "private": str(folder / "keys")}),
    ):
        config = {**SMALL, "results": str(folder / f"results-{name}"), "datasets": {f"own-{name}": {**common, **more}}}
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    print(f"{sum(path.is_file() or path.is_symlink() for path in root.rglob('*'))} files in {root}")


def check(folder: Path, name: str) -> int:
    """Print the accounts of a run; return the number of places with an original name, and of accounts that differ."""
    results = folder / f"results-{name}"
    summary = {row["item"]: int(row["images"]) for row in _rows(results / f"manifest/own-{name}.summary.csv")}
    for item, number in summary.items():
        print(f"{number:5d} {item}")
    product = results / "chexmask"
    kept = len(_rows(product / f"OriginalResolution/own-{name}.csv"))
    rejected = Counter(row["reason"] for row in _rows(product / "rejected.csv"))
    for reason, number in rejected.most_common():
        print(f"{number:5d} rejected: {reason}")
    wrong = summary["rows"] - kept - sum(rejected.values()) - summary["excluded"]
    print(f"{kept} kept + {sum(rejected.values())} rejected + {summary['excluded']} excluded of {summary['rows']} rows")
    places = [place for place in leaks(results) if not _of_pseudonym(place, folder / "keys/keys.csv")]
    for place in places[:20]:
        print(f"original: {place}")
    print(f"{len(places)} places with an original name or id")
    return abs(wrong) + (len(places) if name == "private" else 0)


def _of_pseudonym(place: str, keys: Path) -> bool:
    """Return whether digits that were found are a part of a pseudonym, whose digits may look like a date."""
    found = re.search(r": b'([0-9]{8}[0-9a-f]*)", place)
    return found is not None and keys.is_file() and found[1] in keys.read_text(encoding="utf-8")


def _place(root: Path, number: int, data: bytes, suffix: str) -> list[str]:
    patient, study = f"{WORD}-P{number // 2:04d}", f"{WORD}-S{number:04d}"
    path = f"{patient}/{study}/{WORD}-{number:04d}{suffix}"
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_bytes(data)
    view = VIEWS[number % len(VIEWS)] if number % 11 else ""
    return [f"{WORD}-A{number:05d}", path, patient, study, view, "MW"[number % 2], f"{20 + number % 70}", "Nodule|Mass"]


def _odd(root: Path, film: Path) -> int:
    """Write odd entries; return their number."""
    (root / ".snapshot").mkdir(parents=True)
    (root / "more").mkdir()
    shutil.copy(film, root / f".snapshot/{WORD}-old.png")
    shutil.copy(film, root / f".{WORD}-hidden.png")
    shutil.copy(film, root / f"more/{WORD}-unlisted.png")
    for ending, data in ((".zip", b"PK\x03\x04"), (".txt", b"x"), (".json", b"{}"), (".pdf", b"%PDF-1.4")):
        (root / f"{WORD}-notes{ending}").write_bytes(data)
    (root / "Thumbs.db").write_bytes(b"x")
    (root / f"{WORD}-empty.png").write_bytes(b"")
    (root / f"{WORD}-dangling.dcm").symlink_to(f"{WORD}-nowhere")
    (root / f"{WORD}-outside.png").symlink_to(film)
    (root / f"{WORD}-again.png").symlink_to(f"more/{WORD}-unlisted.png")
    with open(os.path.join(os.fsencode(root), f"{WORD}-t".encode() + b"\xf3rax.png"), "wb") as stream:
        stream.write(film.read_bytes())
    return 14  # with the table


def _wrapped(film: Path, view: str, sex: str, years: int) -> bytes:
    import cv2

    from tests.imaging.dicom_files import file_bytes, radiograph

    pixels = cv2.imread(str(film), cv2.IMREAD_GRAYSCALE)
    fields = {"PatientID": f"{WORD}-{film.stem}", "StudyInstanceUID": "1.2.826.86753090.1", "PatientSex": sex}
    return file_bytes(radiograph(pixels, 8, ViewPosition=view, PatientAge=f"{years:03d}Y", **fields))


def _table(path: Path, rows: list[list[str]]) -> None:
    """Write the table as a German spreadsheet does; some rows have no file, and some films are listed twice."""
    rows = [row for row in rows if int(row[0][-5:]) % 29]  # about ten films that no row names
    rows.append([f"{WORD}-A90000", f"{WORD}-gone/{WORD}.dcm", f"{WORD}-P9000", f"{WORD}-S9000", "pa", "M", "50", ""])
    rows.append([f"{WORD}-A90001", f"../{WORD}.dcm", f"{WORD}-P9000", f"{WORD}-S9001", "pa", "M", "50", ""])
    rows.append([f"{WORD}-A90002", rows[0][1], f"{WORD}-P9001", f"{WORD}-S9002", "pa", "M", "50", ""])
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.writer(stream, delimiter=";", lineterminator="\r\n")
        writer.writerow(COLUMNS.values())
        writer.writerows(rows)


def _rows(path: Path) -> list[dict[str, str]]:
    csv.field_size_limit(1 << 24)
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(Path(sys.argv[2]), *map(int, sys.argv[3:]))
    else:
        raise SystemExit(1 if check(Path(sys.argv[2]), sys.argv[3]) else 0)
