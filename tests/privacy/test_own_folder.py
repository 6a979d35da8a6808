"""A folder of one's own, under pseudonyms, through the whole factory: nothing of an original id, path or header leaves.

Every id, name of a file or folder, cell of the table and field of a header is a mark, and so are the names of the root
and of the table.
"""

import json
import os
import re
import sys

import numpy as np
import pandas as pd
import pytest

from cxrfactory.cli import main
from cxrfactory.tables.parquet import read_table, write_table
from cxrfactory.tables.schemas import IMAGES, LABELLED_IMAGES, LANDMARKS, MANIFEST, REJECTED
from cxrfactory.workflow.plan import Plan
from tests.privacy.broken import broken_radiographs
from tests.privacy.headers import file_bytes, radiograph
from tests.privacy.marks import found_in, leaks, mark
from tests.privacy.pictures import chest, jpeg, png
from tests.privacy.test_stages import ROOT, options, printed_to

pytestmark = pytest.mark.filterwarnings("ignore:.*:UserWarning")  # of pydicom, at making the marks

STAGES = ("preprocess", "infer", "rca")
REPORT = "FINDINGS: The lungs are clear.\nIMPRESSION: No acute disease.\n"
PSEUDONYM = re.compile(r"[0-9a-f]{32}")


def cxrfactory(*arguments, code=0):
    """Run one command in this process, as the shell would."""
    old, sys.argv = sys.argv, ["cxrfactory", *map(str, arguments)]
    try:
        with pytest.raises(SystemExit) as end:
            main()
        assert (end.value.code or 0) == code, arguments
    finally:
        sys.argv = old


class Hospital:
    """A folder of films whose every name and cell is a mark."""

    def __init__(self, folder):
        self.root = folder / mark()
        self.films, self.rows = [], []
        for number in range(8):
            self._add(number, self._film(number))
        for name, data in list(broken_radiographs().items())[::4]:
            self._add(name, data)
        first = self.root / self.films[0]
        (self.root / f"{mark()}.png").symlink_to(f"{mark()}.png")
        (self.root / f"{mark()}.dcm").symlink_to(first)
        for ending in (".zip", ".txt", ".csv", ".pdf"):
            (self.root / f"{mark()}{ending}").write_text(mark())
        (self.root / f".{mark()}.dcm").write_bytes(first.read_bytes())
        with open(os.path.join(os.fsencode(self.root), f"{mark()}".encode() + b"\xf3.png"), "wb") as stream:
            stream.write(png(chest(3)))
        (self.root / f"{mark()}.dcm").write_bytes(self._film(0))  # in no table
        self.rows.append([mark(), f"{mark()}/{mark()}.dcm", mark(), mark(), "PA", "F", "50", "", mark()])
        self.rows.append([mark(), f"../{mark()}.dcm", mark(), mark(), "PA", "F", "50", "", mark()])
        self.rows.append(["", self.films[1], mark(), mark(), "PA", "F", "50", "", mark()])
        self.table = self.root / f"{mark()}.csv"
        self.write(self.table, self.rows)
        self.reports = folder / f"{mark()}"
        self.reports.mkdir()
        for row in self.rows[:6]:
            (self.reports / f"{row[3]}.txt").write_text(REPORT)
        (self.reports / f"{mark()}.txt").write_bytes(b"\xff")

    @staticmethod
    def _film(number):
        if number in (2, 5):
            return (png if number == 2 else jpeg)(chest(number))
        dataset = radiograph(chest(number).astype(np.uint16) * 16, full=number == 0)
        if number == 3:
            dataset.ViewPosition = "LL"
        return file_bytes(dataset)

    def _add(self, number, data):
        path = f"{mark()}/{mark()}/{mark()}{'.dcm' if number != 1 else ''}"
        (self.root / path).parent.mkdir(parents=True)
        (self.root / path).write_bytes(data)
        self.films.append(path)
        view = "LAT" if number == 4 else mark() if number == 6 else "PA"
        self.rows.append([mark(), path, mark(), mark(), view, "F", "50", "Nodule", mark()])

    @staticmethod
    def write(path, rows):
        header = ["SOPInstanceUID", "file", "PID", "study", "view", "sex", "age", "labels", "comment"]
        path.write_text("\n".join(";".join(row) for row in [header, *rows]) + "\n")


COLUMNS = {
    "image_id": "SOPInstanceUID", "path": "file", "patient_id": "PID", "study_id": "study", "findings": "labels",
}  # fmt: skip
WITH_TABLE = [f"--column={key}={name}" for key, name in COLUMNS.items()]
FROM_HEADER = ["--view=from-header", "--sex=from-header", "--age=from-header"]
WITHOUT = [*FROM_HEADER, "--patient=from-header", "--study=folder-2"]


@pytest.fixture(scope="module")
def made(tmp_path_factory, request):
    """The hospital, the folder of all that was made of it, and the private folders; printed texts are in the second."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "in").mkdir()
    hospital, out = Hospital(folder / "in"), folder / "out"
    out.mkdir()
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled(), printed_to(out / "printed.txt"):
        for name, how in (("listed", [f"--table={hospital.table}", *WITH_TABLE, *FROM_HEADER]), ("plain", WITHOUT)):
            ingest(hospital, out, folder / "private" / name, name, how)
            films(out, folder / "private" / name, name)
        lungs(hospital, out, folder / "private/listed")
        refusals(hospital, out, folder / "private")
        written_config(hospital, out, folder)
    return hospital, out, folder / "private"


def ingest(hospital, out, private, name, how):
    places = options(root=hospital.root, output=out / f"manifest/{name}.parquet", summary=out / f"{name}.csv")
    places += options(private=private, name=name)
    cxrfactory("ingest", "folder", *places, "--pseudonymise", *how)


def films(out, private, name):
    """All that makes ``results/chexmask``, and its pictures."""
    manifest, films = out / f"manifest/{name}.parquet", private / "films"
    if name == "plain":  # a film that is gone when it is read
        rows = read_table(manifest, MANIFEST)
        (films / rows[rows["included"]]["path"].iloc[0]).unlink()
    files = {stage: out / f"{stage}/{name}.parquet" for stage in STAGES}
    lost = {stage: out / f"{stage}/{name}.rejected.parquet" for stage in STAGES}
    places = options(manifest=manifest, root=films, output=files["preprocess"], rejected=lost["preprocess"], size=256)
    cxrfactory("stage", "preprocess", *places, "--follow-links")
    how = options(images=files["preprocess"], weights="pretrained", samples=2, device="cpu")
    cxrfactory("stage", "infer", *how, *options(output=files["infer"], rejected=lost["infer"]))
    reference = out / "rca/reference.parquet"
    if name == "listed":
        label(files, out / "labelled.parquet")
        how = options(labelled=out / "labelled.parquet", weights="pretrained", size=128, fraction=1)
        cxrfactory("stage", "rca-reference", *how, *options(output=reference))
    rca = options(images=files["preprocess"], landmarks=files["infer"], reference=reference, references=1, size=128)
    cxrfactory("stage", "rca", *rca, *options(output=files["rca"], rejected=lost["rca"]))
    places = options(manifest=manifest, landmarks=files["infer"], rca=files["rca"])
    places += [f"--rejected={path}" for path in lost.values()]
    product, part = out / f"package/{name}/product", out / f"package/{name}/part"
    places += options(output=product, part=part, dataset=name, release_name=name, id_column="image_id")
    cxrfactory("stage", "package-chexmask", *places)
    seen = options(images=files["preprocess"], landmarks=files["infer"], output=out / f"figures/{name}.png")
    cxrfactory("stage", "overlays", *seen)
    worst = options(product=product, part=part, images=files["preprocess"])
    cxrfactory("stage", "worst-chexmask", *worst, *options(picture=out / f"w-{name}.png", table=out / f"w-{name}.csv"))
    drawn = options(output=out / f"figures/{name}.svg", table=out / f"selection-{name}.csv", layout="folder")
    cxrfactory("stage", "selection", manifest, *drawn)


def label(files, path):
    """A labelled set out of what was found, for RCA's references."""
    found = read_table(files["infer"], LANDMARKS)[["image_id", "landmarks"]]
    table = read_table(files["preprocess"], IMAGES).merge(found, on="image_id").head(2)
    facts = {"source": "Virtual", "labels": "LH", "split": "train", "regions": None}
    facts |= dict.fromkeys(("sex", "age", "condition"))
    write_table(table.assign(patient_id=table["image_id"], **facts)[LABELLED_IMAGES.names], path, LABELLED_IMAGES)


def lungs(hospital, out, private):
    """``results/cxlseg``, with reports by study."""
    tables = {"manifest": out / "manifest/listed.parquet", "reports": out / "reports.parquet"}
    tables["rejected_reports"] = out / "reports.rejected.parquet"
    places = options(output=tables["reports"], rejected=tables["rejected_reports"], private=private)
    cxrfactory("stage", "reports", hospital.reports, "--layout=text", *places, *options(summary=out / "reports.csv"))
    shard = {"output": out / "cxlseg-shard.parquet", "rejected": out / "cxlseg-shard.rejected.parquet"}
    how = [*options(root=private / "films", weights="pretrained", shard=0), "--mask-png", "--follow-links"]
    cxrfactory("stage", "cxlseg-shard", *options(**tables, **shard), *how)
    places = options(dataset="listed", release_name="listed", pictures=shard["output"], rejected=shard["rejected"])
    places += options(output=out / "cxlseg-release/product", part=out / "cxlseg-release/part")
    cxrfactory("stage", "package-cxlseg", *options(**tables), *places)
    closed = options(product=out / "cxlseg-release/product", part=out / "cxlseg-release/part", output=out / "cxlseg")
    cxrfactory("stage", "close-cxlseg", *closed, *options(weights="pretrained", config=ROOT / "config.yaml"))


def refusals(hospital, out, private):
    """Tables and folders that are refused; their messages are printed."""
    rows = hospital.rows
    files = [[row[0], mark(), *row[2:]] for row in rows]
    bad = {"twice": [*rows, rows[0]], "uneven": [*rows, rows[0][:3]], "nothing": files, "header": None, "none": []}
    for name, content in bad.items():
        table = hospital.root / f"{mark()}.csv"
        if content is None:
            table.write_text("\n".join(";".join(row) for row in rows) + "\n")
        else:
            hospital.write(table, content)
        places = options(root=hospital.root, output=out / f"{name}.parquet", private=private / name)
        cxrfactory("ingest", "folder", *places, "--pseudonymise", f"--table={table}", *WITH_TABLE, *FROM_HEADER, code=1)
        table.unlink()
    gone = options(root=hospital.root / mark(), output=out / "gone.parquet", private=private / "gone")
    cxrfactory("ingest", "folder", *gone, "--pseudonymise", *FROM_HEADER, code=1)


def written_config(hospital, out, folder):
    """The config of a run as it is written out and copied into products."""
    dataset = {
        "layout": "folder", "root": str(hospital.root), "table": hospital.table.name, "columns": COLUMNS,
        "pseudonymise": True, "private": str(folder / "private/listed"),
        "reports": {"source": str(hospital.reports), "layout": "text"},
    }  # fmt: skip
    values = {"datasets": {"listed": dataset}, "results": str(out), "infer": {"weights": "pretrained"}}
    plan = Plan.of({**values, "cxlseg": {"weights": "pretrained"}})
    assert json.loads(plan.written_config())["datasets"]["listed"]["columns"] == {
        **dict.fromkeys(("view", "sex", "age")), **COLUMNS
    }  # fmt: skip
    cxrfactory("config", *options(values=plan.written_config(), output=out / "config.yaml"))
    parts = [f"--part={out / f'package/{name}/part'}" for name in ("listed", "plain")]
    products = [f"--collect={out / f'package/{name}/product'}" for name in ("listed", "plain")]
    card = ROOT / "src/cxrfactory/pretrained/lungs-heart.json"
    closed = options(output=out / "chexmask", weights_card=card, config=out / "config.yaml")
    cxrfactory("stage", "close-chexmask", *closed, *parts, *products)


def test_the_folder_is_full_of_marks(made):
    hospital, _, _ = made
    names = [os.fsencode(path) for path in hospital.root.rglob("*")]
    assert all(map(found_in, names))
    assert all(found_in((hospital.root / path).read_bytes()) for path in hospital.films[:2])


def test_every_stage_did_its_work(made):
    hospital, out, _ = made
    for name in ("listed", "plain"):
        rows = read_table(out / f"manifest/{name}.parquet", MANIFEST)
        kept = read_table(out / f"preprocess/{name}.parquet", IMAGES)
        lost = read_table(out / f"preprocess/{name}.rejected.parquet", REJECTED)
        assert len(kept) + len(lost) == rows["included"].sum()
        assert len(kept) >= 3
        assert len(lost) >= 5
        assert len(pd.read_csv(out / f"chexmask/OriginalResolution/{name}.csv")) == len(kept)
        assert not rows["included"].all()
        for column in ("image_id", "patient_id", "study_id"):
            assert rows[column].dropna().map(PSEUDONYM.fullmatch).notna().all()
        assert rows["patient_id"].notna().any()
    rows = read_table(out / "manifest/listed.parquet", MANIFEST)
    assert len(rows) == len(hospital.rows) + 5  # two links, an archive, and two films that no row names
    assert len(list((out / "cxlseg").rglob("*-mask.png"))) >= 2


def test_keys_lead_back_from_every_row_to_the_table(made):
    hospital, out, private = made
    keys = pd.read_csv(private / "listed/keys.csv", dtype=str, keep_default_na=False).set_index("image_id")
    rows = read_table(out / "chexmask/Parquet/listed.parquet")
    back = keys.loc[rows["image_id"], ["original_image_id", "original_path", "original_patient_id"]].values.tolist()
    assert {tuple(row) for row in back} <= {tuple(row[:3]) for row in hospital.rows}


def test_nothing_that_was_written_or_printed_holds_a_mark(made):
    _, out, _ = made
    assert (out / "printed.txt").stat().st_size > 3000
    assert leaks(out) == []
