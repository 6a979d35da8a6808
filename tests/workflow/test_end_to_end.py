"""The real workflow on a small virtual cohort, as a user would run it. Needs pip to reach an index (one wheel)."""

import csv
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from cxrfactory import read_chexmask, rle_decode

pytestmark = pytest.mark.workflow

ROOT = Path(__file__).parents[2]
RELEASES = {"mimic-cxr-jpg": "MIMIC-CXR-JPG", "vindr-cxr": "VinDr-CXR"}
BROKEN_FILES = 3
SMALL = {
    "cohort": {"patients": 22, "labelled": 12, "scans": 5, "scan_spacing_mm": 5.0},
    "preprocess": {"size": 512},
    "model": {"input_size": 64},
    "train": {"epochs": 6, "validate_every": 3},
    "infer": {"samples": 4, "device": "cpu"},
    "rca": {"references": 2, "size": 128},
    "compare": {"models": ["hybridgnet", "multi-atlas"]},
}


def snakemake(folder, name, cores, config, *targets):
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(config))
    command = [sys.executable, "-m", "snakemake", "--cores", str(cores), *targets, "--configfile", str(path)]
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-6000:]
    return done


def datasets(results, shards):
    return {name: {"root": f"{results}/cohort/{name}", "shards": shards} for name in RELEASES}


def scans(results, shards):
    patterns = {"ct": "ct/{study}.nii.gz", "labels": "labels/{study}.nii.gz", "names": "structures.csv"}
    return {"virtual-ct": {"root": f"{results}/cohort/virtual-ct", **patterns, "shards": shards}}


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A complete run on two cores, two shards a release."""
    folder = tmp_path_factory.mktemp("first")
    results = folder / "results"
    labelled = {"root": f"{results}/cohort/labelled", "images": {"Virtual": f"{results}/cohort/labelled/images"}}
    config = {**SMALL, "results": str(results), "datasets": datasets(results, 2), "labelled": labelled}
    config["scans"] = scans(results, 2)
    config["cohort"] = {**SMALL["cohort"], "folder": f"{results}/cohort"}
    targets = [str(results / name) for name in ("chexmask", "evaluation", "radgenome", "models")]
    snakemake(folder, "config", 2, config, *targets)
    return folder, config


def product(results):
    return {
        path.relative_to(results).as_posix(): path.read_bytes()
        for path in sorted((results / "chexmask").glob("*/*.csv"))
    }


def projected(results):
    folder = results / "radgenome"
    kept = ("*.parquet", "images/**/*.png", "coco/*.json", "statistics/*.csv")
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for pattern in kept
        for path in sorted(folder.glob(pattern))
    }


def test_every_study_of_the_ct_release_is_projected(first):
    results = first[0] / "results"
    manifest = pq.read_table(results / "manifest/scans/virtual-ct.parquet").to_pandas()
    studies = pq.read_table(results / "radgenome/studies.parquet").to_pandas()
    masks = pq.read_table(results / "radgenome/masks.parquet").to_pandas()
    assert len(manifest) == len(studies) == 5
    pictures = list((results / "radgenome/images").rglob("*.png"))
    assert len(pictures) == 5 * 8  # two views in 8 and 16 bits, with masks of lung and heart
    hearts = masks[(masks["class_name"] == "heart") & (masks["view"] == "PA")]
    assert len(hearts) == 5
    for row in hearts.to_dict("records"):
        assert rle_decode(row["rle"], row["height"], row["width"]).sum() == row["area_px"] > 1000
    # The patient's left is on the right of the picture, and so is the heart's apex.
    assert (hearts["centroid_x"] > 192).mean() > 0.5


def test_every_row_of_the_releases_is_accounted_for(first):
    results = first[0] / "results"
    with (results / "chexmask/rejected.csv").open() as stream:
        rejected = list(csv.DictReader(stream))
    total = 0
    for slug, name in RELEASES.items():
        manifest = pq.read_table(results / f"manifest/{slug}.parquet").to_pandas()
        lost = [row for row in rejected if row["dataset"] == slug]
        kept = read_chexmask(results / f"chexmask/OriginalResolution/{name}.csv")
        assert len(kept) + len(lost) + int((~manifest["included"]).sum()) == len(manifest)
        assert manifest.loc[~manifest["included"], "exclusion_reason"].notna().all()
        total += len(kept)
    assert total > 0
    broken = [row for row in rejected if row["stage"] == "preprocess"]
    assert len(broken) == BROKEN_FILES
    assert all(row["reason"] for row in broken)


def test_masks_of_both_resolutions_decode(first):
    results = first[0] / "results"
    for name in RELEASES.values():
        original = read_chexmask(results / f"chexmask/OriginalResolution/{name}.csv")
        square = read_chexmask(results / f"chexmask/Preprocessed/{name}.csv")
        assert list(original["image_id"]) == list(square["image_id"])
        assert set(square["Height"]) == set(square["Width"]) == {512}
        assert (original["Dice RCA (Max)"] >= original["Dice RCA (Mean)"]).all()
        for row in original.to_dict("records"):
            for organ in ("Left Lung", "Right Lung", "Heart"):
                assert rle_decode(row[organ], row["Height"], row["Width"]).any()


def test_checksums_hold(first):
    folder = first[0] / "results/chexmask"
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    assert len(lines) >= 8
    for line in lines:
        digest, name = line.split("  ", 1)
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


def test_no_patient_field_leaves_the_dicom_files(first):
    # The cohort writes this word into every patient field of its DICOM files.
    results = first[0] / "results"
    files = [path for path in results.rglob("*") if path.is_file() and "cohort" not in path.relative_to(results).parts]
    dicoms = list((results / "cohort/vindr-cxr").rglob("*.dicom"))
    assert any(b"SECRET" in path.read_bytes() for path in dicoms)
    assert len(files) > 30
    for path in files:
        assert "SECRET" not in path.name
        if path.suffix == ".parquet":
            assert "SECRET" not in repr(pq.read_table(path).to_pydict()), path
        else:
            assert b"SECRET" not in path.read_bytes(), path


def test_evaluation_knows_the_true_dice(first):
    tables = list((first[0] / "results/evaluation").glob("*.csv"))
    assert tables


def test_models_stand_side_by_side(first):
    results = first[0] / "results"
    with (results / "models/evaluation/models.csv").open() as stream:
        rows = {row["model"]: row for row in csv.DictReader(stream)}
    assert list(rows) == ["hybridgnet", "multi-atlas"]
    assert float(rows["multi-atlas"]["dice_lungs"]) > 0.5  # all patients are deformed from one
    with (results / "models/audit/kinds.csv").open() as stream:
        assert {row["model"] for row in csv.DictReader(stream)} == set(rows)
    for name in ("curves", "perturbations", "occlusion", "overlays-multi-atlas"):
        assert (results / f"figures/models/{name}.png").stat().st_size > 10_000
    assert not [path for path in (results / "models").rglob("*/.*")]


def test_shards_and_cores_change_no_byte(first):
    folder, config = first
    expected = product(folder / "results")
    assert len(expected) == 4
    weights = str(folder / "results/train/segmenter.safetensors")
    results = folder / "again"
    other = {
        **config,
        "results": str(results),
        "datasets": datasets(folder / "results", 7),
        "scans": scans(folder / "results", 3),
        "infer": {**SMALL["infer"], "weights": weights, "batch_size": 1},
    }
    snakemake(folder, "again", 1, other, str(results / "chexmask"), str(results / "radgenome"))
    assert product(results) == expected
    assert projected(results) == projected(folder / "results")


def test_a_stage_can_be_forced_and_the_rest_follows(first):
    folder, config = first
    targets = ["--dry-run", "--forcerun=infer", str(folder / "results/chexmask")]
    done = snakemake(folder, "config", 2, config, *targets)
    assert "infer " in done.stdout
    assert "rule train" not in done.stdout


def test_report_is_made(first):
    folder, config = first
    report = folder / "report.html"
    snakemake(folder, "config", 1, config, "--report", str(report), str(folder / "results/chexmask"))
    assert report.stat().st_size > 100_000
