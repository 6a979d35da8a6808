"""Two sites in one layout, side by side under names of their own: plan, manifests, packed tables, one product."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

from cxrfactory.cli.application import build_app
from cxrfactory.ingest.registry import LAYOUTS
from cxrfactory.products.chexmask.card import package_card
from cxrfactory.products.chexmask.inputs import ChexmaskInputs, TableNames
from cxrfactory.products.chexmask.release import package_chexmask
from cxrfactory.tables.chexmask import read_chexmask
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.schemas import MANIFEST
from cxrfactory.workflow.plan import Plan
from tests.products.chexmask.packed import release

ROOT = Path(__file__).parents[2]
SITES = {"north.1": ("a", "b"), "south": ("b", "c", "d")}


class Wildcards:
    def __init__(self, dataset):
        self.dataset = dataset


@pytest.fixture
def config(tmp_path):
    """A config of two sites in the layout of VinDr-CXR, and of another release, with their tables."""
    for name, images in SITES.items():
        folder = tmp_path / name / "annotations"
        folder.mkdir(parents=True)
        (folder / "image_labels_train.csv").write_text("image_id,rad_id\n" + "".join(f"{i},R1\n" for i in images))
        (tmp_path / name / "reports.csv").write_text("study_id,report\n1,Findings: none.\n")
    (tmp_path / "padchest").mkdir()
    (tmp_path / "padchest/PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv.gz").touch()
    reports = {name: {"source": str(tmp_path / name / "reports.csv"), "layout": "table"} for name in SITES}
    sites = {
        name: {"root": str(tmp_path / name), "layout": "vindr-cxr", "shards": 2, "reports": reports[name]}
        for name in SITES
    }
    return {
        "results": str(tmp_path / "r"),
        "datasets": {**sites, "padchest": {"root": str(tmp_path / "padchest"), "shards": 1}},
        "infer": {"weights": "pretrained"},
        "cxlseg": {"weights": "pretrained"},
    }


def dry_run(config, tmp_path, *targets):
    path = tmp_path / "c.yaml"
    path.write_text(yaml.safe_dump(config))
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    words = ["snakemake", "--dry-run", "--cores", "2", *targets, "--printshellcmds", "--configfile", str(path)]
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_plan_of_every_stage_names_each_site_by_itself(config, tmp_path):
    results = config["results"]
    targets = [
        f"{results}/{name}"
        for name in ("chexmask", "cxlseg", "validation-steps/bias/south", "validation-steps/bias/padchest")
    ]
    text = dry_run(config, tmp_path, *targets)
    for name in SITES:
        assert f"cxrfactory ingest vindr-cxr --name {name} --root {tmp_path}/{name} " in text
        for stage in ("infer", "rca", "cxlseg-shards"):
            assert f"{results}/{stage}/{name}/0001-of-0002.parquet" in text
        assert text.count(f"--dataset {name} --release-name {name} ") == 2  # of CheXmask and of CXLSeg
    assert f"{results}/infer/padchest/0000-of-0001.parquet" in text
    assert "--dataset padchest --release-name Padchest --id-column ImageID" in text
    assert "--layout=vindr-cxr --layout=padchest --layout=vindr-cxr --" in text
    assert f"{results}/package/south/product/Parquet/south.parquet" in text
    assert f"{results}/package/padchest/product/Parquet/Padchest.parquet" in text


def test_two_sites_become_two_files_of_one_product(config, tmp_path):
    plan = Plan.of(config)
    parts, products = [], []
    for name, images in SITES.items():
        place = Wildcards(name)
        manifest = tmp_path / f"{name}.parquet"
        words = ["ingest", plan.releases.layout(place).name, "--name", name]
        words += ["--root", plan.releases.settings(place).root]
        words += ["--output", str(manifest), "--summary", str(tmp_path / f"{name}.csv")]
        done = CliRunner().invoke(build_app(), words)
        assert done.exit_code == 0, done.output
        assert read_table(manifest, MANIFEST)["image_id"].tolist() == list(images)
        assert f"{name},included,{len(images)}," in (tmp_path / f"{name}.csv").read_text()
        made = release(kept=images)
        made.landmarks, made.rejected = made.landmarks[:-1], []  # no image fails here
        inputs = made.write(tmp_path / "in" / name, shards=2)
        products.append(tmp_path / "package" / name / "product")
        parts.append(tmp_path / "package" / name / "accounts")
        package_chexmask(
            ChexmaskInputs(**inputs | {"manifest": manifest}),
            TableNames(name, plan.releases.release_name(place), plan.releases.layout(place).id_column),
            products[-1],
            parts[-1],
        )
    (tmp_path / "w.json").write_text(json.dumps({"segmenter": "hybridgnet", "sha256": "ab" * 32, "metrics": {}}))
    (tmp_path / "c.yaml").write_text("seed: 1\n")
    package_card(tmp_path / "out", parts, tmp_path / "w.json", tmp_path / "c.yaml", [], products)
    for folder in ("OriginalResolution", "Preprocessed"):
        files = sorted((tmp_path / "out" / folder).iterdir())
        assert [file.stem for file in files] == sorted(SITES)
        for file in files:
            table = read_chexmask(file)
            assert table.attrs["id_column"] == "image_id"
            assert table["image_id"].tolist() == list(SITES[file.stem])


def test_selection_shows_every_site_under_its_name(config, tmp_path):
    for name in SITES:
        words = ["ingest", "vindr-cxr", "--name", name, "--root", str(tmp_path / name)]
        assert CliRunner().invoke(build_app(), [*words, "--output", str(tmp_path / f"m/{name}.parquet")]).exit_code == 0
    manifests = [str(tmp_path / f"m/{name}.parquet") for name in SITES]
    words = ["stage", "selection", *manifests, "--output", str(tmp_path / "s.svg"), "--table", str(tmp_path / "s.csv")]
    done = CliRunner().invoke(build_app(), [*words, "--paper-counts", *["--layout=vindr-cxr"] * 2])
    assert done.exit_code == 0, done.output
    table = pd.read_csv(tmp_path / "s.csv")
    assert table["release"].unique().tolist() == list(SITES)
    assert table["expected"].isna().all()  # the paper counts the release, not a site in its layout
    done = CliRunner().invoke(build_app(), [*words, "--layout=vindr-cxr"])
    assert done.exit_code != 0
    assert "--layout is given 1 times for 2 manifests" in f"{done.output}{done.exception}"


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_packed_tables_of_every_layout_are_read_back(tmp_path, layout):
    names = (layout.published_name or "own", "site-a")
    for name in names:
        folder = tmp_path / name
        inputs = release().write(folder / "in")
        table_names = TableNames(name, name, layout.id_column)
        package_chexmask(ChexmaskInputs(**inputs), table_names, folder / "out", folder / "part")
        for place in ("OriginalResolution", "Preprocessed"):
            table = read_chexmask(folder / "out" / place / f"{name}.csv")
            assert table.attrs["id_column"] == layout.id_column
            assert table["image_id"].tolist() == ["a", "b", "c"]
