"""The rules of CXLSeg: the plan of the default, and a real run on a small virtual release."""

import subprocess

import pandas as pd
import pytest

from cxrfactory.products.cxlseg.tables import KEYS, TABLES
from cxrfactory.tables.parquet import read_table
from tests.workflow.test_plan import dry_run

from .test_end_to_end import snakemake


def config_of(results):
    root = f"{results}/cohort"
    reports = {"source": f"{root}/mimic-cxr-jpg/files", "layout": "mimic"}
    return {
        "results": str(results),
        "cohort": {"patients": 12, "labelled": 5, "folder": root},
        "datasets": {
            "mimic-cxr-jpg": {"root": f"{root}/mimic-cxr-jpg", "shards": 2, "reports": reports},
            "vindr-cxr": {"root": f"{root}/vindr-cxr"},
        },
        "labelled": {"root": f"{root}/labelled", "images": {"Virtual": f"{root}/labelled/images"}, "val_fraction": 0.3},
        "cxlseg": {"weights": "pretrained", "epochs": 1, "input_size": 64},
        "train": {"validate_every": 1},
    }


def test_plan_of_the_default_trains_its_segmenter_and_reads_reports(tmp_path):
    done = dry_run(tmp_path, f"results: {tmp_path}/r\n", f"{tmp_path}/r/cxlseg", "--printshellcmds")
    assert done.returncode == 0, done.stdout
    for rule in ("cohort", "reports", "cxlseg_labelled", "cxlseg_weights", "package_cxlseg", "cxlseg"):
        assert f"\n{rule} " in done.stdout
    for word in ("\ntrain ", "\npreprocess ", "\ninfer "):  # nothing of the other product is needed
        assert word not in done.stdout
    assert "--layout mimic" in done.stdout
    assert "--labels=results/cohort/mimic-cxr-jpg/mimic-cxr-2.0.0-chexpert.csv.gz" in done.stdout


def test_given_weights_are_not_trained(tmp_path):
    text = f"results: {tmp_path}/r\ncxlseg: {{weights: pretrained}}\n"
    done = dry_run(tmp_path, text, f"{tmp_path}/r/cxlseg", "--printshellcmds")
    assert done.returncode == 0, done.stdout
    assert "cxlseg_weights" not in done.stdout
    assert "--weights=pretrained" in done.stdout


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.workflow
def test_small_release_becomes_the_product_twice_the_same(tmp_path):
    results = tmp_path / "results"
    config = config_of(results)
    wanted = ("cxlseg", "cxlseg-evaluation.csv", "cxlseg-weights/weights.safetensors")
    snakemake(tmp_path, "config", 2, config, *(str(results / name) for name in wanted))
    product = results / "cxlseg"
    assert sorted(path.name for path in product.iterdir() if path.is_dir()) == ["MIMIC-CXR-JPG"]
    joined = None
    for name in TABLES:
        frame = read_table(product / f"MIMIC-CXR-JPG/{name}.parquet").rename(columns={"DicomPath": name})
        joined = frame if joined is None else joined.merge(frame, on=list(KEYS), validate="1:1")
    excluded, rejected = (pd.read_csv(product / f"{name}.csv") for name in ("excluded", "rejected"))
    manifest = read_table(results / "manifest/mimic-cxr-jpg.parquet")
    assert len(joined) + len(excluded) + len(rejected) == len(manifest)
    assert (excluded["reason"] == "the study has no report").any()
    assert joined["Reports"].str.contains("ynthetic").all()
    assert joined["Cardiomegaly"].notna().all()
    assert pd.read_csv(results / "cxlseg-evaluation.csv")["dice"].min() > 0.9
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=product, check=True)
    before = files(product)
    config["datasets"]["mimic-cxr-jpg"]["shards"] = 1
    snakemake(tmp_path, "again", 1, config, str(results / "cxlseg"))
    again = files(product)
    changed = {name for name in before if again.get(name) != before[name]}
    assert set(again) == set(before)
    assert changed == {"config.yaml", "README.md", "SHA256SUMS"}  # the config's words, and what quotes them
