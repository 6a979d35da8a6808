"""Releases full of marks through the whole factory: no mark stands in any file, name, log or message."""

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxrfactory.cli import main
from cxrfactory.tables.parquet import read_table, write_table
from cxrfactory.tables.schemas import IMAGES, LABELLED_IMAGES, LANDMARKS, MANIFEST, REJECTED, SCANS
from tests.privacy import releases
from tests.privacy.marks import WORD, found_in, leaks

pytestmark = pytest.mark.filterwarnings("ignore:.*:UserWarning")  # of pydicom, at making the marks

ROOT = Path(__file__).parents[2]
NAMES = {"vindr-cxr": "VinDr-CXR", "candid-ptx": "CANDID-PTX", "indiana-cxr": "Indiana-CXR"}
STAGES = ("preprocess", "infer", "rca")


def cxrfactory(*arguments):
    """Run one command in this process, as the shell would."""
    old, sys.argv = sys.argv, ["cxrfactory", *map(str, arguments)]
    try:
        with pytest.raises(SystemExit) as end:
            main()
        assert not end.value.code, arguments
    finally:
        sys.argv = old


def options(**values):
    return [f"--{name.replace('_', '-')}={value}" for name, value in values.items()]


@contextmanager
def printed_to(path):
    """Send what is printed, also by libraries in C, to a file."""
    saved = os.dup(1), os.dup(2)
    with path.open("wb") as stream:
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
        try:
            yield
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for number, old in enumerate(saved, 1):
                os.dup2(old, number)
                os.close(old)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Releases, and the folder of all that was made of them; what was printed stands in its ``printed.txt``."""
    folder = tmp_path_factory.mktemp("privacy")
    inputs, out = folder / "in", folder / "out"
    for slug, make in zip(NAMES, (releases.vindr, releases.candid, releases.indiana), strict=True):
        make(inputs / slug)
    releases.scans(inputs / "scans")
    releases.tables_alone(inputs)
    out.mkdir()
    return inputs, out


@pytest.fixture(scope="module")
def made(run, request):
    inputs, out = run
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled(), printed_to(out / "printed.txt"):
        radiographs(inputs, out)
        lungs(inputs, out)
        ct(inputs / "scans", out)
    return inputs, out


def radiographs(inputs, out):
    """All that makes ``results/chexmask``, and its pictures."""
    for slug in NAMES:
        manifest = out / f"manifest/{slug}.parquet"
        cxrfactory(
            "ingest", slug, *options(root=inputs / slug, output=manifest, summary=out / f"{slug}.csv"), "--check-files"
        )
        images, rejected = out / f"preprocess/{slug}.parquet", out / f"preprocess/{slug}.rejected.parquet"
        places = options(manifest=manifest, root=inputs / slug, output=images, rejected=rejected, size=256)
        cxrfactory("preprocess", *places)
        found = options(output=out / f"infer/{slug}.parquet", rejected=out / f"infer/{slug}.rejected.parquet")
        cxrfactory("infer", *options(images=images, weights="pretrained", samples=2, device="cpu"), *found)
    label(out)
    reference = out / "rca/reference.parquet"
    how = options(labelled=out / "labelled.parquet", weights="pretrained", size=128, fraction=1)
    cxrfactory("rca-reference", *how, *options(output=reference))
    for slug, name in NAMES.items():
        files = {stage: out / f"{stage}/{slug}.parquet" for stage in STAGES}
        lost = {stage: out / f"{stage}/{slug}.rejected.parquet" for stage in STAGES}
        rca = options(images=files["preprocess"], landmarks=files["infer"], reference=reference, references=1, size=128)
        cxrfactory("rca", *rca, *options(output=files["rca"], rejected=lost["rca"]))
        places = options(manifest=out / f"manifest/{slug}.parquet", landmarks=files["infer"], rca=files["rca"])
        places += [f"--rejected={path}" for path in lost.values()]
        places += options(output=out / f"package/{slug}/product", part=out / f"package/{slug}/part")
        cxrfactory("package", *places, *options(dataset=slug, release_name=name, id_column="id"))
        seen = options(images=files["preprocess"], landmarks=files["infer"], output=out / f"figures/{slug}.png")
        cxrfactory("overlays", *seen)
        worst = options(product=out / f"package/{slug}/product", part=out / f"package/{slug}/part")
        worst += options(images=files["preprocess"], picture=out / f"figures/w-{slug}.png", table=out / f"w-{slug}.csv")
        cxrfactory("package-worst", *worst)
    manifests = [out / f"manifest/{slug}.parquet" for slug in NAMES]
    for suffix in ("png", "svg"):
        table, drawn = out / "selection.csv", out / f"figures/selection.{suffix}"
        cxrfactory("selection", *manifests, *options(output=drawn, table=table))
    parts = [f"--part={out / f'package/{slug}/part'}" for slug in NAMES]
    products = [f"--collect={out / f'package/{slug}/product'}" for slug in NAMES]
    card = ROOT / "src/cxrfactory/pretrained/lungs-heart.json"
    closed = options(output=out / "chexmask", weights_card=card, config=ROOT / "config.yaml")
    cxrfactory("package-card", *closed, *parts, *products)
    chosen = sorted((inputs / "vindr-cxr/train").glob("good*.dicom"))
    seen = options(output=out / "own.csv", overlays=out / "own", samples=2, device="cpu", size=256)
    cxrfactory("segment", *chosen[:2], *seen, "--no-check-orientation")


def label(out):
    """A labelled set out of what was found, for RCA's references."""
    images = read_table(out / "preprocess/vindr-cxr.parquet", IMAGES)
    found = read_table(out / "infer/vindr-cxr.parquet", LANDMARKS)[["image_id", "landmarks"]]
    table = images.merge(found, on="image_id")
    table = table[table["image_id"].str.startswith("good")]
    facts = {"source": "Virtual", "labels": "LH", "split": "train", "regions": None}
    facts |= dict.fromkeys(("sex", "age", "condition"))
    write_table(table.assign(patient_id=table["image_id"], **facts)[LABELLED_IMAGES.names], out / "labelled.parquet",
                LABELLED_IMAGES)  # fmt: skip


def lungs(inputs, out):
    """``results/cxlseg`` of the release that has reports."""
    tables = {"manifest": out / "manifest/indiana-cxr.parquet", "reports": out / "reports.parquet"}
    tables["rejected_reports"] = out / "reports.rejected.parquet"
    source = inputs / "indiana-cxr/reports"
    places = options(output=tables["reports"], rejected=tables["rejected_reports"], summary=out / "reports.csv")
    cxrfactory("reports", source, "--layout=indiana", *places)
    made = {"output": out / "cxlseg-shard.parquet", "rejected": out / "cxlseg-shard.rejected.parquet"}
    how = [*options(root=inputs / "indiana-cxr", weights="pretrained", shard=0), "--mask-png"]
    cxrfactory("cxlseg-shard", *options(**tables, **made), *how)
    names = options(dataset="indiana-cxr", release_name="Indiana-CXR", pictures=made["output"])
    places = options(rejected=made["rejected"], output=out / "cxlseg-release/product", part=out / "cxlseg-release/part")
    cxrfactory("package-cxlseg", *options(**tables), *names, *places)
    closed = options(product=out / "cxlseg-release/product", part=out / "cxlseg-release/part", output=out / "cxlseg")
    cxrfactory("cxlseg-card", *closed, *options(weights="pretrained", config=ROOT / "config.yaml"))


def ct(root, out):
    """``results/radgenome``; a study's CT is a folder of slices, or a folder with one volume file."""
    manifest = out / "scans.parquet"
    places = options(root=root, ct="ct/{study}", labels="labels/{study}.nii.gz", output=manifest)
    cxrfactory("ingest-scans", "ct", *places)
    table = read_table(manifest)
    table["ct"] = [
        next(((root / path).glob("volume.*")), root / path).relative_to(root).as_posix() for path in table["ct"]
    ]
    write_table(table.sort_values("study_id"), manifest, SCANS, sort=False)
    parts = {name: out / f"project/{name}.parquet" for name in ("images", "masks", "studies", "rejected")}
    cxrfactory("project-shard", *options(manifest=manifest, root=root, shard=0, names="names.csv", size=48, **parts))
    places = options(output=out / "radgenome", manifest=manifest, config=ROOT / "config.yaml", **parts)
    cxrfactory("package-radgenome", *places, "--mask-png")


def test_the_inputs_are_full_of_marks(run):
    inputs, _ = run
    whole = (inputs / "vindr-cxr/train/good0.dicom").read_bytes()
    assert whole.count(WORD.encode()) > 3000
    for path in [*inputs.glob("indiana-cxr/images/*"), *inputs.glob("scans/ct/*/*")]:
        assert leaks(path.parent), path


def test_every_stage_did_its_work(made):
    _, out = made
    for slug, kept in (("vindr-cxr", 4), ("candid-ptx", 2), ("indiana-cxr", 3)):
        manifest = read_table(out / f"manifest/{slug}.parquet", MANIFEST)
        images = read_table(out / f"preprocess/{slug}.parquet", IMAGES)
        rejected = read_table(out / f"preprocess/{slug}.rejected.parquet", REJECTED)
        assert len(images) + len(rejected) == manifest["included"].sum()
        assert len(images) >= kept
        assert len(pd.read_csv(out / f"chexmask/OriginalResolution/{NAMES[slug]}.csv")) >= kept
    broken = read_table(out / "preprocess/vindr-cxr.rejected.parquet", REJECTED)
    assert len(broken) >= 50
    assert broken.set_index("image_id").loc["burnt-in", "reason"].startswith("burnt-in annotation: BurnedInAnnotation")
    ages = read_table(out / "manifest/indiana-cxr.parquet", MANIFEST)["age"]
    assert np.array_equal(ages, [50.0] * len(ages))
    assert len(list((out / "cxlseg").rglob("*-mask.png"))) == 3
    studies = read_table(out / "project/studies.parquet")["study_id"].tolist()
    assert studies == ["dicom", "mha", "nifti", "nrrd"]
    assert len(read_table(out / "project/rejected.parquet", REJECTED)) == 7


def test_nothing_that_was_written_or_printed_holds_a_mark(made):
    _, out = made
    assert (out / "printed.txt").stat().st_size > 3000
    assert leaks(out) == []


def test_other_layouts_tables_leave_no_mark_in_their_manifests(run, tmp_path, capfd):
    inputs, _ = run
    for slug in releases.tables_alone(inputs):
        cxrfactory("ingest", slug, *options(root=inputs / slug, output=tmp_path / f"{slug}.parquet"))
        rows = read_table(tmp_path / f"{slug}.parquet", MANIFEST)
        assert len(rows) == 1
    assert leaks(tmp_path) == []
    printed = capfd.readouterr()
    assert not found_in((printed.out + printed.err).encode())


def test_a_process_of_its_own_prints_no_mark(run, made, tmp_path):
    # Outside pytest, which takes warnings to itself.
    inputs, out = made
    places = options(manifest=out / "manifest/vindr-cxr.parquet", root=inputs / "vindr-cxr", size=128)
    places += options(output=tmp_path / "images.parquet", rejected=tmp_path / "rejected.parquet")
    command = [sys.executable, "-m", "cxrfactory", "stage", "preprocess", *places]
    done = subprocess.run(command, capture_output=True, check=True)
    assert b"rejected burnt-in" in done.stderr
    assert not found_in(done.stdout + done.stderr)
    assert leaks(tmp_path) == []
