"""Tables of releases. ``make`` gets the release's root, writes its tables, and returns the release's name.

``expected`` of what is kept: rows of the manifest, and how many of them are included.
"""

# One case a line reads better than the same over five.
# ruff: noqa: E501

import gzip
import io
from pathlib import Path

import numpy as np

from .case import KEPT, REFUSED, Case, flipped

NIH, NIH_TABLE = "chestx-ray8", "Data_Entry_2017_v2020.csv"
MIMIC, MIMIC_TABLE = "mimic-cxr-jpg", "mimic-cxr-2.0.0-metadata.csv"
NIH_HEADER = "Image Index,Finding Labels,Patient ID,Patient Age,Patient Gender,View Position\n"
NIH_ROWS = "1.png,No Finding,1,58,M,PA\n2.png,Edema|Mass,1,59,M,AP\n3.png,Hernia,2,7,F,PA\n"
NIH_TEXT = NIH_HEADER + NIH_ROWS
MIMIC_HEADER = "dicom_id,subject_id,study_id,ViewPosition\n"
MIMIC_ROWS = "a,10000032,50000001,PA\nb,10000032,50000001,LATERAL\nc,10000764,50000002,AP\n"
# Of each release the table with a header and no row.
HEADERS = {
    "mimic-cxr-jpg": (MIMIC_TABLE, MIMIC_HEADER),
    "chestx-ray8": (NIH_TABLE, NIH_HEADER),
    "chexpert": ("train.csv", "Path,Sex,Age,Frontal/Lateral,AP/PA,Edema\n"),
    "padchest": (
        "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv",
        "ImageID,ImageDir,StudyDate_DICOM,StudyID,PatientID,PatientBirth,PatientSex_DICOM,Projection,Labels\n",
    ),
    "vindr-cxr": ("annotations/image_labels_train.csv", "image_id,rad_id,Edema\n"),
    "candid-ptx": ("Pneumothorax_reports.csv", "SOPInstanceUID,filename,EncodedPixels\n"),
    "indiana-cxr": (
        "nlmcxr_dicom_metadata.csv",
        "imageid,Patient ID,Patient's Sex,Patient's Birth Date,Study Date,View Position\n",
    ),
}


def _case(name, outcome, table, data, says="", slug=NIH, counts=None, bomb=False):
    def make(root: Path) -> str:
        path = root / table
        path.parent.mkdir(parents=True, exist_ok=True)
        found = data()
        path.write_bytes(found.encode() if isinstance(found, str) else found)
        return slug

    return Case(name, outcome, make, says, None if counts is None else np.array(counts), bomb)


def _nih(name, outcome, data, says="", counts=None, **more):
    return _case(f"nih {name}", outcome, NIH_TABLE, data, says, NIH, counts, **more)


def _nih_kept(name, data, counts=(3, 3)):
    return _nih(name, KEPT, data, counts=counts)


def _nih_refused(name, data, says, **more):
    return _nih(name, REFUSED, data, says, **more)


def _mimic(name, outcome, data, says="", counts=None):
    return _case(f"mimic {name}", outcome, MIMIC_TABLE, data, says, MIMIC, counts)


def _row(image="9.png", labels="Mass", patient="9", age="50", sex="F", view="PA"):
    return NIH_TEXT + ",".join((image, labels, patient, age, sex, view)) + "\n"


def _two_tables(root: Path) -> str:
    (root / NIH_TABLE).write_text(NIH_TEXT)
    with gzip.open(root / f"{NIH_TABLE}.gz", "wt") as stream:
        stream.write(NIH_HEADER)
    return NIH


def _folder_as_table(root: Path) -> str:
    (root / NIH_TABLE).mkdir(parents=True)
    return NIH


def _many_views(root: Path) -> str:
    rows = "".join(f"{n},1,1,view number {n}\n" for n in range(60_000))
    (root / MIMIC_TABLE).write_text(MIMIC_HEADER + rows)
    return MIMIC


def _many_labels(root: Path) -> str:
    names = ",".join(f"label {n}" for n in range(100))
    cells = ",".join("1" if n == 99 else "0" for n in range(100))
    (root / "train.csv").write_text(
        f"Path,Sex,Age,Frontal/Lateral,AP/PA,{names}\np/patient1/study1/v.jpg,F,5,Frontal,AP,{cells}\n"
    )
    return "chexpert"


def _packed_zeros(mebibytes: int) -> bytes:
    stream = io.BytesIO()
    with gzip.GzipFile(fileobj=stream, mode="wb", compresslevel=9) as packed:
        packed.write(NIH_TEXT.encode())
        for _ in range(mebibytes):
            packed.write(b"x" * (1 << 20))
    return stream.getvalue()


_PACKED = gzip.compress(NIH_TEXT.encode(), mtime=0)

NIHS = [
    _nih_kept("sound", lambda: NIH_TEXT),
    _nih_kept("BOM", lambda: "\ufeff" + NIH_TEXT),
    _nih_kept("line ends of Windows", lambda: NIH_TEXT.replace("\n", "\r\n")),
    _nih_kept("line ends of an old Macintosh", lambda: NIH_TEXT.replace("\n", "\r")),
    _nih_kept("without the last line end", lambda: NIH_TEXT.rstrip("\n")),
    _nih_kept("empty lines between", lambda: NIH_TEXT.replace("\n", "\n\n")),
    _nih_kept("quoted cells", lambda: "\n".join(",".join(f'"{c}"' for c in row.split(",")) for row in NIH_TEXT.split("\n")[:-1])),
    _nih_kept("a line break within a cell", lambda: _row(labels='"Mass\nEdema"'), (4, 4)),
    _nih_kept("a quote within a cell", lambda: _row(labels='"say ""Mass"""'), (4, 4)),
    _nih_kept("columns in another order and more of them", lambda: "x,View Position,Patient Gender,Patient Age,Patient ID,Finding Labels,Image Index\n0,PA,F,3,1,Mass,1.png\n", (1, 1)),
    _nih_kept("latin-1 in a column that is not read", lambda: b"note," + NIH_HEADER.encode() + b"Mu\xf1oz,1.png,Mass,1,3,F,PA\n", (1, 1)),
    _nih_kept("a cell of a megabyte", lambda: _row(labels="x" * 1_000_000), (4, 4)),
    _nih_kept("age of text", lambda: _row(age="old"), (4, 4)),
    _nih_kept("negative age", lambda: _row(age="-3"), (4, 4)),
    _nih_kept("age of 400 digits", lambda: _row(age="9" * 400), (4, 4)),
    _nih_kept("age in other digits", lambda: _row(age="٤٢"), (4, 4)),
    _nih_kept("age of infinity", lambda: _row(age="inf"), (4, 4)),
    _nih_kept("sex of nonsense", lambda: _row(sex="?"), (4, 4)),
    _nih_kept("view of nonsense", lambda: _row(view="XX"), (4, 4)),
    _nih_kept("mixed types in the patient's column", lambda: _row(patient="1.0"), (4, 4)),
    _nih_kept("cells of spaces", lambda: _row(labels="  ", patient="  ", age=" ", sex=" ", view=" "), (4, 4)),
    _nih_kept("image without a name", lambda: _row(image=""), (4, 3)),
    _nih_kept("image of spaces", lambda: _row(image="   "), (4, 3)),
    _nih_kept("image above the root", lambda: _row(image="../../etc/passwd"), (4, 3)),
    _nih_kept("image of an absolute path", lambda: _row(image="/etc/passwd"), (4, 3)),
    _nih_kept("image with a zero byte", lambda: _row(image="a\0b.png"), (4, 3)),
    _nih_kept("image with a line break", lambda: _row(image='"a\nb.png"'), (4, 3)),
    _nih_kept("image with a control character", lambda: _row(image="a\x1b[31mb.png"), (4, 3)),
    _nih_kept("image that is a folder", lambda: _row(image="."), (4, 3)),
    _nih_kept("numbers as images", lambda: _row(image="00012"), (4, 4)),
    _nih_kept("header alone", lambda: NIH_HEADER, (0, 0)),
    _nih_refused("no byte", lambda: "", "0 bytes"),
    _nih_refused("spaces alone", lambda: "   \n \n", "not a readable CSV|is missing"),
    _nih_refused("line ends alone", lambda: "\n\n\n", "not a readable CSV"),
    _nih_kept("semicolons", lambda: NIH_TEXT.replace(",", ";"), (3, 3)),
    _nih_kept("tabs", lambda: NIH_TEXT.replace(",", "\t"), (3, 3)),
    _nih_refused("without a header", lambda: NIH_ROWS, "is missing"),
    _nih_refused("a column missing", lambda: "\n".join(line.rpartition(",")[0] for line in NIH_TEXT.splitlines()), "'View Position' is missing"),
    _nih_refused("header in lower case", lambda: NIH_TEXT.lower(), "is missing"),
    _nih_refused("header with spaces", lambda: NIH_TEXT.replace("Image Index", " Image Index "), "'Image Index' is missing"),
    _nih_refused("a column twice", lambda: "Image Index," + NIH_HEADER + "9.png,1.png,Mass,1,3,F,PA\n", "twice"),
    _nih_refused("a cell too many", lambda: _row(view="PA,x"), "Expected 6 fields|cells"),
    _nih_refused("a cell too many in the first row", lambda: NIH_HEADER + "1.png,Mass,1,3,F,PA,x\n", "cells"),
    _nih_refused("cut within the last row", lambda: NIH_TEXT[:-12], "holds [0-9]+ cells"),
    _nih_refused("a row of one cell", lambda: NIH_TEXT + "4.png\n", "row 4 holds 1 cells"),
    _nih_refused("a quote that never ends", lambda: _row(labels='"Mass'), "not a readable CSV"),
    _nih_refused("an image twice", lambda: NIH_TEXT + NIH_ROWS, "stands already in row 1"),
    _nih_refused("latin-1 in a column that is read", lambda: _row(labels="ñ").encode("latin-1"), "row 4.*not UTF-8"),
    _nih_refused("UTF-16", lambda: NIH_TEXT.encode("utf-16"), "zero bytes"),
    _nih_refused("UTF-16 without a mark", lambda: NIH_TEXT.encode("utf-16-le"), "zero bytes"),
    _nih_refused("UTF-32", lambda: NIH_TEXT.encode("utf-32"), "zero bytes"),
    _nih_refused("a spreadsheet", lambda: b"PK\x03\x04" + bytes(range(256)) * 20, "an Excel workbook"),
    _nih_refused("a web page", lambda: "<!DOCTYPE html>\n<html><body>403</body></html>\n", "a web page"),
    _nih_refused("JSON", lambda: '[{"Image Index": "1.png"}]\n', "is missing"),
    _nih_refused("random bytes", lambda: np.random.default_rng(3).bytes(4000), "missing|CSV|cells"),
    _nih_refused("zeros", lambda: bytes(4000), "zero bytes"),
    _nih_kept("gzip under a plain name", lambda: _PACKED, (3, 3)),
]  # fmt: skip

PACKED = [
    _case("gz sound", KEPT, f"{NIH_TABLE}.gz", lambda: _PACKED, counts=(3, 3)),
    _case("gz of two streams", KEPT, f"{NIH_TABLE}.gz", lambda: _PACKED + gzip.compress(b"4.png,x,3,5,F,PA\n"), counts=(4, 4)),
    _case("gz that is plain text", KEPT, f"{NIH_TABLE}.gz", lambda: NIH_TEXT, counts=(3, 3)),
    _case("gz cut", REFUSED, f"{NIH_TABLE}.gz", lambda: _PACKED[:-20], "gzip"),
    _case("gz of a wrong checksum", REFUSED, f"{NIH_TABLE}.gz", lambda: flipped(_PACKED, -6), "gzip"),
    _case("gz of a flipped byte", REFUSED, f"{NIH_TABLE}.gz", lambda: flipped(_PACKED, 30), "gzip|CSV"),
    _case("gz of nothing", REFUSED, f"{NIH_TABLE}.gz", lambda: gzip.compress(b""), "CSV|empty"),
    _case("gz that inflates to a GiB", REFUSED, f"{NIH_TABLE}.gz", lambda: _packed_zeros(1024), "inflates|larger", bomb=True),
]  # fmt: skip

OTHERS = [
    _mimic("sound", KEPT, lambda: MIMIC_HEADER + MIMIC_ROWS, counts=(3, 2)),
    _mimic("view missing", KEPT, lambda: MIMIC_HEADER + "a,1,2,\nb,1,2,nan\n", counts=(2, 0)),
    _mimic("view unknown, of several lines", KEPT, lambda: MIMIC_HEADER + 'a,1,2,"P\nA"\n', counts=(1, 0)),
    _mimic("ids that leave the root", KEPT, lambda: MIMIC_HEADER + "a,../..,2,PA\nb,1,/etc,PA\n", counts=(2, 1)),
    _mimic("ids empty", KEPT, lambda: MIMIC_HEADER + ",,,PA\n", counts=(1, 0)),
    Case("mimic sixty thousand views that nobody knows", KEPT, _many_views, expected=np.array((60_000, 0))),
    Case("chexpert a hundred labels", KEPT, _many_labels, expected=np.array((1, 1))),
    Case("two forms of a table", KEPT, _two_tables, expected=np.array((3, 3))),
    Case("a folder of the table's name", REFUSED, _folder_as_table, "table"),
    Case("no table", REFUSED, lambda root: NIH, "table"),
    _case("chexpert a study twice", REFUSED, "train.csv", lambda: HEADERS["chexpert"][1] + "p/a.jpg,F,1,Frontal,AP,1\n" * 2, "stands already", "chexpert"),
    _case("chexpert side unknown", KEPT, "train.csv", lambda: HEADERS["chexpert"][1] + "p/a.jpg,F,1,Oblique,AP,1\np/b.jpg,F,1,,AP,1\n", "", "chexpert", (2, 0)),
    _case("padchest birth in other digits", KEPT, HEADERS["padchest"][0], lambda: HEADERS["padchest"][1] + "a.png,0,٢٠١٤٠٩١٥,s,p,١٩٣٠,F,PA,[]\n", "", "padchest", (1, 1)),
    _case("padchest labels that are code", KEPT, HEADERS["padchest"][0], lambda: HEADERS["padchest"][1] + "a.png,0,20140915,s,p,1930,F,PA,\"['x'] + [__import__('os')]\"\n", "", "padchest", (1, 1)),
    _case("candid rows that disagree", KEPT, HEADERS["candid-ptx"][0], lambda: HEADERS["candid-ptx"][1] + "1.2,P1_a,-1\n1.2,P2_a,5 3\n", "", "candid-ptx", (1, 1)),
    _case("vindr reader empty", KEPT, HEADERS["vindr-cxr"][0], lambda: HEADERS["vindr-cxr"][1] + "a,,1\na,,0\n,R1,1\n", "", "vindr-cxr", (2, 1)),
    *(
        _case(f"{slug} header alone", KEPT, table, lambda header=header: header, "", slug, (0, 0))
        for slug, (table, header) in HEADERS.items()
    ),
    *(
        _case(f"{slug} row of empty cells", KEPT, table, lambda header=header: header + "," * header.count(",") + "\n", "", slug, (1, 0))
        for slug, (table, header) in HEADERS.items()
    ),
    *(
        _case(f"{slug} cut within a row", REFUSED, table, lambda header=header: header + "," * header.count(",") + "\nx", "holds [0-9]+ cells", slug)
        for slug, (table, header) in HEADERS.items()
    ),
]  # fmt: skip

CASES = [*NIHS, *PACKED, *OTHERS]
