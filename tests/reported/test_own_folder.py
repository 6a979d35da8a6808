"""Folders of one's own as hospitals have them: dialects of tables, paths, headers, odd files, pseudonyms."""

import gzip
import os
import stat
from collections.abc import Callable
from itertools import product
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from cxrfactory.config import DatasetConfig, parse_config
from cxrfactory.errors import CxrError
from cxrfactory.ingest.datasets import complete
from cxrfactory.ingest.one_dataset import ingest_dataset
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.schemas import MANIFEST
from tests.imaging.dicom_files import file_bytes, radiograph
from tests.reported import Case

KIND = "folder of one's own"
SOURCE = "nipype#656, datalad#3513, cnvkit#356, MIT-LCP/mimic-code#1284"

PNG = cv2.imencode(".png", np.arange(64, dtype=np.uint8).reshape(8, 8))[1].tobytes()
FILMS = ("p1/a.png", "p1/b.png", "p2/c.png")
VIEWS = ("PA", "AP", "LATERAL")


def tree(root: Path, paths=FILMS) -> Path:
    """A folder of small films."""
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(PNG)
    return root


def manifest(folder: Path, **settings) -> pd.DataFrame:
    """Ingest ``folder/films`` and return its manifest by id."""
    dataset = DatasetConfig(root=str(folder / "films"), layout="folder", **settings)
    ingest_dataset(dataset, "own", folder / "m.parquet", folder / "m.csv")
    rows = read_table(folder / "m.parquet", MANIFEST).set_index("image_id").astype(object)
    return rows.where(rows.notna(), None)


def refused(folder: Path, *words: str, **settings) -> None:
    """Assert that the folder is refused in one line with the words."""
    with pytest.raises(CxrError) as caught:
        manifest(folder, **settings)
    text = str(caught.value)
    assert "\n" not in text
    assert all(word in text for word in words), text
    assert not (folder / "m.parquet").exists()


def kept(rows: pd.DataFrame) -> list[str]:
    return sorted(rows.index[rows["included"].astype(bool)])


def table_text(separator: str, end: str) -> str:
    lines = [("UID", "file", "Patient", "view", "sex", "age", "note")]
    lines += [
        (f"i{number}", path, f"P{number}", view, "Female", f"{60 + number}", f'"a{separator} ""b"""')
        for number, (path, view) in enumerate(zip(FILMS, VIEWS, strict=True))
    ]
    return end.join(separator.join(line) for line in lines) + end


COLUMNS = {"image_id": "UID", "path": "file", "patient_id": "Patient"}


def dialect(separator: str, bom: bool, said: bool, end: str, packed: bool) -> Callable[[Path], None]:
    def run(folder: Path) -> None:
        tree(folder / "films")
        text = (f"sep={separator}{end}" if said else "") + table_text(separator, end)
        data = (b"\xef\xbb\xbf" if bom else b"") + text.encode()
        name = "list.csv.gz" if packed else "list.csv"
        (folder / "films" / name).write_bytes(gzip.compress(data) if packed else data)
        rows = manifest(folder, table=name, columns=COLUMNS)
        assert rows["path"].to_dict() == {f"i{number}": path for number, path in enumerate(FILMS)}
        assert kept(rows) == ["i0", "i1"]
        assert rows.loc["i0", ["patient_id", "view", "sex", "age"]].tolist() == ["P0", "PA", "F", 60.0]
        assert rows.loc["i2", "view"] == "LATERAL"

    return run


def parquet(ids: list, expected: list[str]) -> Callable[[Path], None]:
    def run(folder: Path) -> None:
        tree(folder / "films")
        frame = pd.DataFrame({"patient_id": ids, "path": FILMS, "view": ["PA", None, "AP"], "age": [50.0, None, 7]})
        frame["findings"] = [["Nodule", "Mass"], [], None]
        frame.to_parquet(folder / "films/list.parquet")
        rows = manifest(folder, table="list.parquet")
        assert rows["patient_id"].tolist() == expected
        assert kept(rows) == ["p1/a.png", "p2/c.png"]
        assert rows.loc["p1/a.png", "findings"] == "Nodule|Mass"
        assert rows["age"].tolist() == [50.0, None, 7.0]

    return run


def bad_table(data: bytes, *words: str, name: str = "list.csv", **settings) -> Callable[[Path], None]:
    def run(folder: Path) -> None:
        tree(folder / "films")
        (folder / "films" / name).write_bytes(data)
        refused(folder, *words, table=name, **settings)

    return run


GOOD = b"path,view\np1/a.png,PA\np1/b.png,PA\np2/c.png,AP\n"
BAD_TABLES = {
    "latin1": bad_table("path,view,n\np1/a.png,PA,Müller\n".encode("latin-1"), "line 2 is not UTF-8"),
    "utf16": bad_table(GOOD.decode().encode("utf-16"), "UTF-16", "save the table as CSV in UTF-8"),
    "utf16-no-bom": bad_table(GOOD.decode().encode("utf-16-le"), "UTF-16"),
    "xlsx": bad_table(b"PK\x03\x04" + bytes(60), "Excel", name="list.xlsx"),
    "xls": bad_table(b"\xd0\xcf\x11\xe0" + bytes(60), "Excel", name="list.xls"),
    "empty": bad_table(b"", "empty (0 bytes)"),
    "header alone": bad_table(b"path,view\n", "no row"),
    "blank": bad_table(b"\n\n", "no header"),
    "uneven": bad_table(GOOD + b"x.png\n", "row 4 holds 1 cells, the header names 2"),
    "open quote": bad_table(GOOD + b'"p1/x.png,PA\n', "not a CSV table"),
    "cut gzip": bad_table(gzip.compress(GOOD)[:-9], "not a whole gzip file", name="list.csv.gz"),
    "cut parquet": bad_table(b"PAR1" + bytes(40), "not readable as Parquet", name="list.parquet"),
    "column missing": bad_table(GOOD, "column 'Datei' (columns.path) is missing; found 'path', 'view'",
                                columns={"path": "Datei"}),
    "column twice": bad_table(b"path,view,view\na,PA,PA\n", "column 'view' (columns.view) occurs twice"),
    "no column names images": bad_table(b"film,view\np1/a.png,PA\n", "no column names the images", "'film'"),
    "no view": bad_table(b"path,age\np1/a.png,50\n", "nothing says which images are frontal", "view: from-header"),
    "id twice": bad_table(b"image_id,path,view\ni,p1/a.png,PA\ni,p1/b.png,PA\n",
                          "row 2: image id 'i' stands already in row 1 (1 repeated in all)"),
    "id twice, private": bad_table(b"image_id,path,view\nDOE,p1/a.png,PA\nDOE,p1/b.png,PA\n",
                                   "datasets.own.table: row 2: an image id stands already in row 1",
                                   pseudonymise=True, private="/tmp/never-made"),
    "nothing matches": bad_table(b"path,view\nx.png,PA\ny.png,PA\n", "0 of 2 rows name one of the 3 files"),
}  # fmt: skip


def missing_table(folder: Path) -> None:
    tree(folder / "films")
    refused(folder, "list.csv: no such file", table="list.csv")


def hidden_header(folder: Path) -> None:
    """A table without header, under pseudonyms: its first row is not quoted."""
    tree(folder / "films")
    (folder / "films/list.csv").write_text("DOE^JOHN,p1/a.png,PA\n")
    with pytest.raises(CxrError) as caught:
        manifest(folder, table="list.csv", columns=COLUMNS, pseudonymise=True, private=str(folder / "private"))
    assert "column 'UID' (columns.image_id) is missing; found 3 others" in str(caught.value)
    assert "DOE" not in str(caught.value)


def paths_in_table(form: Callable[[Path, str], str], where: str = "list.csv") -> Callable[[Path], None]:
    """Tables whose paths are written in some form; all three films are found."""

    def run(folder: Path) -> None:
        root = tree(folder / "films")
        lines = [f"i{number},{form(root, path)},PA" for number, path in enumerate(FILMS)]
        (folder / "films" / where).parent.mkdir(parents=True, exist_ok=True)
        (folder / "films" / where).write_text("\n".join(["image_id,path,view", *lines]) + "\n")
        rows = manifest(folder, table=where)
        assert rows["path"].to_dict() == {f"i{number}": path for number, path in enumerate(FILMS)}
        assert kept(rows) == ["i0", "i1", "i2"]

    return run


PATHS = {
    "relative": lambda root, path: path,
    "dot": lambda root, path: f"./{path}",
    "up and down": lambda root, path: f"p1/../{path}",
    "doubled slash": lambda root, path: path.replace("/", "//"),
    "absolute": lambda root, path: f"{root}/{path}",
    "windows": lambda root, path: path.replace("/", "\\"),
    "no suffix": lambda root, path: path.removesuffix(".png"),
    "name": lambda root, path: Path(path).name,
    "stem": lambda root, path: Path(path).stem,
    "with the root's name": lambda root, path: f"films/{path}",
    "of another computer": lambda root, path: f"/mnt/export/2019/{path}",
    "of a windows computer": lambda root, path: "D:\\export\\" + path.replace("/", "\\"),
}


def table_below(folder: Path) -> None:
    """Paths relative to the table's own folder."""
    tree(folder / "films/data")
    (folder / "films/data/list.csv").write_text(GOOD.decode())
    rows = manifest(folder, table="data/list.csv")
    assert kept(rows) == [f"data/{path}" for path in FILMS]


def table_elsewhere(folder: Path) -> None:
    tree(folder / "films")
    (folder / "list.csv").write_bytes(GOOD)
    assert kept(manifest(folder, table=str(folder / "list.csv"))) == list(FILMS)


def unsafe_path(path: str, reason: str) -> Callable[[Path], None]:
    def run(folder: Path) -> None:
        tree(folder / "films", (*FILMS, "d/same.png", "e/same.png"))
        (folder / "x.png").write_bytes(PNG)
        lines = [*(f"i{number},{name},PA" for number, name in enumerate(FILMS)), f'bad,"{path}",PA']
        (folder / "films/list.csv").write_text("\n".join(["image_id,path,view", *lines]) + "\n")
        rows = manifest(folder, table="list.csv")
        assert kept(rows) == ["i0", "i1", "i2"]
        assert rows.loc["bad", "exclusion_reason"] == reason
        assert rows.loc["bad", "path"] is None
        assert rows.loc["d/same.png", "exclusion_reason"] == "the table does not list this file"
        assert len(rows) == 6

    return run


UNSAFE = {
    "../x.png": "path is not inside the folder",
    "/etc/passwd": "path is not inside the folder",
    "C:\\x.png": "path is not inside the folder",
    "": "the table names no file",
    "p9/none.png": "file is missing",
    "same.png": "several files have this name; the table must give their paths",
}


def shared_file(folder: Path) -> None:
    """Two rows of one file: it belongs to neither."""
    tree(folder / "films")
    lines = ["i0,p1/a.png,PA", "i1,p1/a.png,AP", "i2,p2/c.png,AP"]
    (folder / "films/list.csv").write_text("\n".join(["image_id,path,view", *lines]) + "\n")
    rows = manifest(folder, table="list.csv")
    assert kept(rows) == ["i2"]
    assert rows.loc[["i0", "i1"], "exclusion_reason"].unique().tolist() == ["several rows of the table name this file"]
    assert rows.loc["p1/b.png", "exclusion_reason"] == "the table does not list this file"


def pool_of_links(both: bool) -> Callable[[Path], None]:
    """A pool of films, and folders of links to them that the table names; of a film named twice, the target is kept."""

    def run(folder: Path) -> None:
        root = tree(folder / "films", ["pool/1.png", "pool/2.png"])
        (root / "p1").mkdir()
        (root / "p1/film.png").symlink_to("../pool/1.png")
        lines = ["i0,p1/film.png,PA", "i1,pool/2.png,PA", *(["i2,pool/1.png,PA"] if both else [])]
        (root / "list.csv").write_text("\n".join(["image_id,path,view", *lines]) + "\n")
        rows = manifest(folder, table="list.csv")
        assert kept(rows) == (["i1", "i2"] if both else ["i0", "i1"])
        if not both:
            assert rows.loc["i0", "path"] == "p1/film.png"
            assert rows.loc["pool/1.png", "exclusion_reason"] == "the table does not list this file"

    return run


def floats_as_ids(folder: Path) -> None:
    tree(folder / "films")
    lines = [f"{number}.0,50000001.0,{path},PA" for number, path in enumerate(FILMS)]
    (folder / "films/list.csv").write_text("\n".join(["image_id,study_id,path,view", *lines]) + "\n")
    rows = manifest(folder, table="list.csv")
    assert kept(rows) == ["0", "1", "2"]
    assert rows["study_id"].unique().tolist() == ["50000001"]


def floats_beside_whole_ids(folder: Path) -> None:
    """Tables that were joined write the ids of one patient as ``7`` and as ``7.0``."""
    tree(folder / "films")
    cells = ("7.0", "7", "08")
    lines = [f"{path},PA,{patient}" for path, patient in zip(FILMS, cells, strict=True)]
    (folder / "films/list.csv").write_text("\n".join(["path,view,patient_id", *lines]) + "\n")
    assert manifest(folder, table="list.csv")["patient_id"].tolist() == ["7", "7", "08"]


def columns_in_another_case(folder: Path) -> None:
    """Names of columns that differ from the keys by case, blanks and underscores alone."""
    tree(folder / "films")
    lines = [f"{path},PA,p{number},{number}" for number, path in enumerate(FILMS)]
    (folder / "films/list.csv").write_text("\n".join(["path,View,PatientID,Image ID", *lines]) + "\n")
    rows = manifest(folder, table="list.csv")
    assert rows["patient_id"].tolist() == ["p0", "p1", "p2"]
    assert kept(rows) == sorted(FILMS)


def words_for_sex(folder: Path) -> None:
    """Words of several languages; what is not understood is unknown, and the log counts it."""
    cells = {"a": "W", "b": "männlich", "c": "Femme", "d": "varón", "e": "2", "f": ""}
    tree(folder / "films", [f"{name}.png" for name in cells])
    years = ("45,5", "050Y", "006M", "old", "", "300")
    lines = [f"{name}.png;PA;{sex};{age}" for (name, sex), age in zip(cells.items(), years, strict=True)]
    (folder / "films/list.csv").write_text("\n".join(["path;view;sex;age", *lines]) + "\n", encoding="utf-8")
    rows = manifest(folder, table="list.csv")
    assert rows["sex"].tolist() == ["F", "M", "F", "M", None, None]
    assert rows["age"].tolist() == [45.5, 50.0, 0.5, None, None, None]


def frontal_words(words: list[str] | None, expected: list[str]) -> Callable[[Path], None]:
    """Which of PA, AP, frontal-1 (a hospital's own word), lateral and none are kept."""

    def run(folder: Path) -> None:
        views = {"a": "PA", "b": " ap ", "c": "Frontal-Haus 7", "d": "lateral", "e": "", "f": "DOE^JOHN"}
        tree(folder / "films", [f"{name}.png" for name in views])
        lines = [f"{name}.png,{view}" for name, view in views.items()]
        (folder / "films/list.csv").write_text("\n".join(["path,view", *lines]) + "\n")
        rows = manifest(folder, table="list.csv", frontal=words)
        assert kept(rows) == [f"{name}.png" for name in expected]
        assert rows.loc["e.png", "exclusion_reason"] == "the view is missing"
        assert not rows["exclusion_reason"].str.contains("DOE|Haus", na=False).any()
        assert rows["view"].isin(["PA", "AP", "LATERAL"]).sum() == 3

    return run


def header_views(view: str | None, code: str | None, expected: str | None) -> Callable[[Path], None]:
    def run(folder: Path) -> None:
        root = tree(folder / "films", ["z.png"])
        dataset = radiograph(ViewPosition=view)
        if code:
            from pydicom.dataset import Dataset
            from pydicom.sequence import Sequence

            item = Dataset()
            item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "1", "99X", code
            dataset.ViewCodeSequence = Sequence([item])
        (root / "noname").write_bytes(file_bytes(dataset))
        rows = manifest(folder, view="from-header")
        assert (rows.loc["noname", "view"] if rows.loc["noname", "included"] else None) == expected
        assert rows.loc["noname", "exclusion_reason"] is None or "SECRET" not in rows.loc["noname", "exclusion_reason"]
        assert rows.loc["z.png", "exclusion_reason"].startswith("no view is stated: the file is not DICOM")

    return run


HEADER_VIEWS = {
    "PA": ("PA", None, "PA"),
    "AP": ("AP", None, "AP"),
    "LL": ("LL", None, None),
    "empty": ("", None, None),
    "code PA": ("", "postero-anterior", "PA"),
    "code lateral": (None, "left lateral", None),
    "unknown": ("SECRET", None, None),
}


def damaged_header(folder: Path) -> None:
    root = tree(folder / "films", ["z.png"])
    data = file_bytes(radiograph())
    (root / "good.dcm").write_bytes(data)
    (root / "cut.dcm").write_bytes(data[:200])
    rows = manifest(folder, view="from-header")
    assert kept(rows) == ["good.dcm"]
    assert rows.loc["cut.dcm", "exclusion_reason"]


def facts_from_header(wanted: tuple[str, ...], age: str | None) -> Callable[[Path], None]:
    """Only what the config allows is read from the header."""

    def run(folder: Path) -> None:
        root = tree(folder / "films", ["z.png"])
        fields = {"PatientSex": "M", "PatientBirthDate": "19500630", "StudyDate": "20000629"}
        fields |= {"PatientAge": age} if age else {}
        (root / "x").write_bytes(file_bytes(radiograph(StudyInstanceUID="1.2.3", PatientID="P7", **fields)))
        rows = manifest(folder, view="from-header", **dict.fromkeys(wanted, "from-header"))
        row = rows.loc["x"]
        expected = {"sex": "M", "age": 63.0 if age else 49.0, "patient": "P7", "study": "1.2.3"}
        for key, column in {"sex": "sex", "age": "age", "patient": "patient_id", "study": "study_id"}.items():
            assert row[column] == (expected[key] if key in wanted else None), key

    return run


def people_from_path(source: str, expected: list[str | None], column: str = "patient") -> Callable[[Path], None]:
    def run(folder: Path) -> None:
        tree(folder / "films", ["x.png", "p1/s1/a_77.png", "p2/s3/b_78.png"])
        rows = manifest(folder, view="all-frontal", **{column: source}).sort_index()
        assert rows[f"{column}_id"].tolist() == expected
        assert rows["included"].all()

    return run


def odd_files(folder: Path) -> None:
    """Without a table: every entry is a row, or is counted by reason."""
    root = tree(folder / "films")
    (folder / "elsewhere").mkdir()
    (folder / "elsewhere/x.png").write_bytes(PNG)
    for name in (".hidden.png", "notes.txt", "list.csv", "Thumbs.db", ".git/a.png"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(b"x")
    (root / "a.zip").write_bytes(b"PK\x03\x04")
    (root / "dangling.png").symlink_to("nowhere")
    (root / "outside.png").symlink_to(folder / "elsewhere/x.png")
    (root / "inside.png").symlink_to("p1/a.png")
    (root / "pdf").write_bytes(b"%PDF-1.4")
    (root / "empty.png").write_bytes(b"")
    os.mkfifo(root / "pipe.png")
    rows = manifest(folder, view="all-frontal")
    assert kept(rows) == ["empty.png", *FILMS, "pdf"]  # the reader rejects two of these by name
    left = rows[~rows["included"].astype(bool)]["exclusion_reason"]
    assert sorted(left.index) == ["a.zip", "dangling.png", "inside.png", "outside.png", "pipe.png"]
    assert left["dangling.png"].startswith("link that leads nowhere")
    assert "set follow_links" in left["outside.png"]
    counts = pd.read_csv(folder / "m.csv").set_index("item")["images"]
    aside = counts[counts.index.str.startswith("left aside: ")]
    assert aside.sum() == 5, aside
    assert counts["rows"] == 10
    assert kept(manifest(folder, view="all-frontal", follow_links=True)) == sorted([*FILMS, "empty.png", "outside.png",
                                                                                   "pdf"])  # fmt: skip


def names_that_are_no_utf8(private: bool) -> Callable[[Path], None]:
    def run(folder: Path) -> None:
        root = tree(folder / "films")
        with open(os.path.join(os.fsencode(root), b"t\xf3rax.png"), "wb") as stream:
            stream.write(PNG)
        more = {"pseudonymise": True, "private": str(folder / "private")} if private else {}
        rows = manifest(folder, view="all-frontal", **more)
        assert len(rows) == 4
        if private:
            assert rows["included"].all()
            links = [(folder / "private/films" / path).read_bytes() for path in rows["path"]]
            assert links == [PNG] * 4
        else:
            assert kept(rows) == list(FILMS)
            assert "not UTF-8" in rows["exclusion_reason"].dropna().iloc[0]

    return run


def empty_folder(folder: Path) -> None:
    (folder / "films").mkdir()
    refused(folder, "no image in it (left aside: none)", view="all-frontal")
    (folder / "films/a.txt").write_text("x")
    refused(folder, "left aside: 1 table or text", view="all-frontal")


def no_folder(folder: Path) -> None:
    refused(folder, "no such folder", view="all-frontal")


def bad_config(*words: str, **settings) -> Callable[[Path], None]:
    def run(folder: Path) -> None:
        tree(folder / "films")
        values = {"root": str(folder / "films"), "layout": "folder", **settings}
        values = {key: each.format(folder=folder) if isinstance(each, str) else each for key, each in values.items()}
        config = {"results": str(folder / "results"), "infer": {"weights": "pretrained"},
                  "cxlseg": {"weights": "pretrained"}}  # fmt: skip
        results = values.pop("results", None)
        config |= {"results": results} if results else {}
        with pytest.raises(CxrError) as caught:
            complete(parse_config(config | {"datasets": {"own": values}}))
        text = str(caught.value)
        assert "\n" not in text
        assert all(word in text for word in words), text

    return run


BAD_CONFIGS = {
    "no view": bad_config("nothing says which images are frontal", "view: from-header", "view: all-frontal"),
    "view misspelt": bad_config("datasets.own.view", view="header"),
    "columns without table": bad_config("no table is given", columns={"path": "x"}, view="all-frontal"),
    "columns misspelt": bad_config("columns.patient", "patient_id", columns={"patient": "x"}, table="x"),
    "all-frontal and frontal": bad_config("contradict", view="all-frontal", frontal=["PA"]),
    "all-frontal and a column": bad_config("contradict", view="all-frontal", table="x", columns={"view": "v"}),
    "no frontal value": bad_config("datasets.own.frontal", table="x", frontal=[]),
    "patient without group": bad_config("a group in brackets", view="all-frontal", patient="from_header"),
    "patient no pattern": bad_config("not a regular expression", view="all-frontal", patient="(P"),
    "patient by image": bad_config("for studies only", view="all-frontal", patient="image_id"),
    "results inside": bad_config("key 'results'", view="all-frontal", results="{folder}/films/results"),
    "private inside results": bad_config("own.private", view="all-frontal", pseudonymise=True,
                                         private="{folder}/results/private"),
    "private inside films": bad_config("own.private", view="all-frontal", pseudonymise=True,
                                       private="{folder}/films/private"),
    "films inside private": bad_config("own.root", view="all-frontal", pseudonymise=True, private="{folder}",
                                       root="{folder}/films", results="{folder}-results"),
    "labels": bad_config("own.labels", view="all-frontal", pseudonymise=True, labels="x.csv"),
    "reports without study": bad_config("own.reports", view="all-frontal", reports={"source": "x", "layout": "text"}),
    "procedure": bad_config("view_from_procedure", view="all-frontal", view_from_procedure=True),
    "key of a folder in a release": bad_config("own.table", "only for a folder of your own", layout="vindr-cxr",
                                               table="x"),
}  # fmt: skip


def pseudonyms(with_table: bool) -> Callable[[Path], None]:
    """Ids are hashes of 128 bits, nothing of the original stands in what is written; keys.csv maps back."""

    def run(folder: Path) -> None:
        films = ["DOE^JOHN/1.2.840.777/SECRET a.png", "DOE^JOHN/x/SECRET b.dcm.png", "SECRET.png"]
        root = tree(folder / "films", films)
        more: dict = {"view": "all-frontal", "patient": "folder-1", "study": "folder-2"}
        if with_table:
            lines = [f"SECRET-{number},{path},DOE,PA" for number, path in enumerate(films)]
            lines += ["SECRET-9,no/SECRET.png,,PA"]
            (root / "SECRET.csv").write_text("\n".join(["id,path,patient_id,view", *lines]))
            more = {"table": "SECRET.csv", "columns": {"image_id": "id"}}
        private = folder / "private"
        rows = manifest(folder, **more, pseudonymise=True, private=str(private))
        assert len(rows) == 3 + with_table
        assert rows.index.str.fullmatch("[0-9a-f]{32}").all()
        assert rows["patient_id"].dropna().str.fullmatch("[0-9a-f]{32}").all()
        assert rows["patient_id"].nunique() == 1
        for path in (folder / "m.parquet", folder / "m.csv"):
            assert not any(word in path.read_bytes() for word in (b"SECRET", b"DOE", b"1.2.840"))
        assert [stat.S_IMODE((private / name).stat().st_mode) for name in ("key", "keys.csv")] == [0o600, 0o600]
        keys = pd.read_csv(private / "keys.csv", dtype=str, keep_default_na=False).set_index("image_id")
        for image, row in rows[rows["path"].notna()].iterrows():
            film = root / keys.loc[image, "original_path"]
            assert (private / "films" / row["path"]).resolve() == film.resolve()
        again = manifest(folder, **more, pseudonymise=True, private=str(private))
        pd.testing.assert_frame_equal(rows, again)
        other = manifest(folder, **more, pseudonymise=True, private=str(folder / "other"))
        assert not set(rows.index) & set(other.index)

    return run


def key_of(mode: int | None, text: str, *words: str) -> Callable[[Path], None]:
    def run(folder: Path) -> None:
        tree(folder / "films")
        (folder / "private").mkdir()
        (folder / "private/key").write_text(text)
        (folder / "private/key").chmod(mode or 0o600)
        refused(folder, *words, view="all-frontal", pseudonymise=True, private=str(folder / "private"))

    return run


def lost_key(folder: Path) -> None:
    tree(folder / "films")
    settings = {"view": "all-frontal", "pseudonymise": True, "private": str(folder / "private")}
    manifest(folder, **settings)
    (folder / "private/key").unlink()
    (folder / "m.parquet").unlink()
    refused(folder, "the key is missing", "bring the key back", **settings)


def private_folder_in_use(folder: Path) -> None:
    """A folder ``films`` of somebody's own is neither emptied nor changed."""
    tree(folder / "films")
    (folder / "private/films").mkdir(parents=True)
    (folder / "private/films/mine.png").symlink_to(folder / "films/p1/a.png")
    (folder / "private/films").chmod(0o755)
    refused(folder, "holds other files", view="all-frontal", pseudonymise=True, private=str(folder / "private"))
    assert os.readlink(folder / "private/films/mine.png")
    assert stat.S_IMODE((folder / "private/films").stat().st_mode) == 0o755
    assert not (folder / "private/.gitignore").exists()


def films_that_are_gone(folder: Path) -> None:
    """A later run over fewer films: their links go, their keys stay."""
    root = tree(folder / "films")
    settings = {"view": "all-frontal", "pseudonymise": True, "private": str(folder / "private")}
    before = manifest(folder, **settings)
    (root / "p1/a.png").unlink()
    after = manifest(folder, **settings)
    assert len(before) == 3
    assert set(after.index) < set(before.index)
    assert {path.name for path in (folder / "private/films").iterdir()} == set(after["path"])
    assert len(pd.read_csv(folder / "private/keys.csv")) == 3


CASES = [
    *(
        Case(f"table {separator!a}{' bom' * bom}{' sep=' * said}{' crlf' * (end != chr(10))}{' gz' * packed}",
             "right", dialect(separator, bom, said, end, packed))
        for separator, bom, said, end, packed in product(",;\t|", (False, True), (False, True), ("\n", "\r\n"),
                                                         (False, True))
    ),
    Case("parquet text", "right", parquet(["a", "b", None], ["a", "b", None])),
    Case("parquet whole", "right", parquet([10, 11, 12], ["10", "11", "12"])),
    Case("parquet float", "right", parquet([10.0, None, 12.0], ["10", None, "12"])),
    *(Case(f"table {name}", "refused", run) for name, run in BAD_TABLES.items()),
    Case("table missing", "refused", missing_table),
    Case("table without header, private", "refused", hidden_header),
    *(Case(f"paths {name}", "right", paths_in_table(form)) for name, form in PATHS.items()),
    Case("paths from the table's folder", "right", table_below),
    Case("table elsewhere", "right", table_elsewhere),
    *(Case(f"path {path or 'empty'}", "refused", unsafe_path(path, reason)) for path, reason in UNSAFE.items()),
    Case("one file, two rows", "refused", shared_file),
    Case("links to a pool", "right", pool_of_links(False)),
    Case("links to a pool, both listed", "right", pool_of_links(True)),
    Case("ids as floats", "right", floats_as_ids),
    Case("ids as floats beside whole ones", "right", floats_beside_whole_ids),
    Case("columns in another case", "right", columns_in_another_case),
    Case("words for sex and ages", "right", words_for_sex),
    Case("frontal by default", "right", frontal_words(None, ["a", "b"])),
    Case("frontal PA", "right", frontal_words(["PA"], ["a"])),
    Case("frontal own word", "right", frontal_words(["ap", "frontal-haus 7"], ["b", "c"])),
    *(Case(f"header {name}", "right" if args[2] else "refused", header_views(*args))
      for name, args in HEADER_VIEWS.items()),
    Case("header damaged", "refused", damaged_header),
    *(
        Case(f"header gives {'+'.join(wanted) or 'view'}, age {age}", "right", facts_from_header(wanted, age))
        for wanted, age in product(
            ((), ("sex",), ("age",), ("patient",), ("study",), ("sex", "age", "patient", "study")), ("063Y", None)
        )
    ),
    Case("patient folder-1", "right", people_from_path("folder-1", ["p1", "p2", None])),
    Case("patient folder-2", "right", people_from_path("folder-2", ["s1", "s3", None])),
    Case("patient pattern", "right", people_from_path(r"_(\d+)\.png$", ["77", "78", None])),
    Case("study image_id", "right",
         people_from_path("image_id", ["p1/s1/a_77.png", "p2/s3/b_78.png", "x.png"], "study")),
    Case("odd files", "reported", odd_files),
    Case("names that are no UTF-8", "refused", names_that_are_no_utf8(False)),
    Case("names that are no UTF-8, private", "right", names_that_are_no_utf8(True)),
    Case("empty folder", "refused", empty_folder),
    Case("no folder", "refused", no_folder),
    *(Case(f"config {name}", "refused", run) for name, run in BAD_CONFIGS.items()),
    Case("pseudonyms", "right", pseudonyms(False)),
    Case("pseudonyms with a table", "right", pseudonyms(True)),
    Case("key that others can read", "refused", key_of(0o640, "ab" * 32, "mode 640", "chmod 600")),
    Case("key that is damaged", "refused", key_of(None, "ab" * 31, "damaged: 62 characters")),
    Case("key that is lost", "refused", lost_key),
    Case("private folder in use", "refused", private_folder_in_use),
    Case("films that are gone", "right", films_that_are_gone),
    Case("key that is empty", "refused", key_of(None, "", "damaged: 0 characters")),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case(case: Case, tmp_path: Path) -> None:
    case.run(tmp_path)
