"""The commands of CXLSeg from tables to the closed product, and the plan of their rules."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cxrfactory.cli.application import build_app
from cxrfactory.errors import CxrError
from cxrfactory.models import registry
from cxrfactory.tables.parquet import read_table
from cxrfactory.workflow.plan import Plan
from tests.products.cxlseg.segmented import Release

ROOT = Path(__file__).parents[2]


def call(*words):
    result = CliRunner().invoke(build_app(), [str(word) for word in words])
    if isinstance(result.exception, CxrError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_commands_make_the_product(tmp_path, monkeypatch):
    monkeypatch.setitem(registry.PIXEL_MODELS, "threshold", "tests.models.stub_pixels:build")
    tables = Release().write(tmp_path)
    named = [f"--{name.replace('_', '-')}={path}" for name, path in tables.items()]
    pictures, rejected = tmp_path / "s.parquet", tmp_path / "s.rejected.parquet"
    shard = ["--root", tmp_path / "root", "--shard", 0, "--output", pictures, "--rejected", rejected, "--size", 64]
    call("cxlseg-shard", *named, *shard, "--weights", tmp_path / "w.safetensors", "--clahe-clip", 0)
    with pytest.raises(CxrError, match="--weights is missing"):
        call("cxlseg-shard", *named, *shard)
    product, part = tmp_path / "product", tmp_path / "part"
    (tmp_path / "second.csv").write_text("study_id,Edema\ns0,1\n")
    call(
        *["package-cxlseg", *named, "--pictures", pictures, "--rejected", rejected, "--dataset", "demo"],
        *["--release-name", "Demo", "--output", product, "--part", part, "--shares", "1,1,1"],
        *["--labels", tmp_path / "none.csv", "--labels", tmp_path / "second.csv"],
    )
    assert read_table(product / "CXLSeg-segmented.parquet")["Edema"].tolist() == [
        1.0,
        *[pytest.approx(float("nan"), nan_ok=True)] * 5,
        1.0,
    ]
    (tmp_path / "c.yaml").write_text("a: 1\n")
    close = [
        "--product",
        product,
        "--part",
        part,
        "--weights",
        tmp_path / "w.safetensors",
        "--config",
        tmp_path / "c.yaml",
    ]
    call("cxlseg-card", "--output", tmp_path / "closed", *close)
    assert (tmp_path / "closed/Demo/files/s0/i0-mask.jpg").is_file()


def test_recipe_is_counted():
    output = call("balance-masks", "--recipe", ROOT / "resources/cxlseg-balance.yaml", "--count")
    assert (
        sum(int(line.split(",")[4]) for line in output.splitlines() if line[-1].isdigit() and line.count(",") == 4)
        == 15396
    )
    with pytest.raises(CxrError, match="give both, or --count"):
        call("balance-masks", "--recipe", ROOT / "resources/cxlseg-balance.yaml")


class Mimic:
    dataset = "mimic-cxr-jpg"


def test_plan_of_the_default():
    plan = Plan.of({})
    assert plan.releases.reported == ["mimic-cxr-jpg"]
    assert plan.product("cxlseg").weights == "results/cxlseg-weights/weights.safetensors"
    assert plan.releases.report_files(Mimic) == plan.releases.tables(Mimic)  # the folder is made with them
    training = plan.product("cxlseg").training()
    assert "--segmenter=sa-unet" in training
    assert "--segmenter=hybridgnet" not in training
    tables = plan.releases.label_tables(Mimic)
    assert tables[0] == "results/cohort/mimic-cxr-jpg/mimic-cxr-2.0.0-chexpert.csv.gz"
    assert plan.releases.given_labels(Mimic) == []


def test_plan_of_an_archive_given_weights_and_labels(tmp_path):
    archive = tmp_path / "reports.zip"
    release = {"root": str(tmp_path), "labels": "l.csv", "reports": {"source": str(archive), "layout": "mimic"}}
    plan = Plan.of(
        {
            "datasets": {"mimic-cxr-jpg": release},
            "infer": {"weights": "pretrained"},
            "cxlseg": {"weights": "pretrained", "clahe_clip": None},
        }
    )
    assert plan.releases.report_files(Mimic) == [str(archive)]
    assert plan.releases.label_tables(Mimic) == plan.releases.given_labels(Mimic) == ["l.csv"]
    assert plan.product("cxlseg").weights.endswith(".safetensors")
    assert "--weights=pretrained" in plan.product("cxlseg").recipe()
    assert "clahe" not in " ".join(plan.product("cxlseg").images())
    assert "--clahe-clip=none" in plan.product("cxlseg").recipe()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"kernel": 4}, "kernel is 4; expected an odd number"),
        ({"clahe_clip": 0.5}, "clahe_clip is 0.5; expected 1 or more, or null"),
        ({"enhanced": True, "clahe_clip": None}, "enhanced without clahe_clip"),
        ({"shares": [8, 1]}, r"key 'cxlseg\.shares'"),
        ({"shares": [0, 0, 0]}, "not all 0"),
        ({"split": "study"}, r"key 'cxlseg\.split'.*'patient' or 'image'"),
    ],
)
def test_wrong_settings_are_one_line(values, words):
    with pytest.raises(CxrError, match=words):
        Plan.of({"cxlseg": values})


PRETRAINED = {"weights": "pretrained"}


def test_unknown_layout_and_key_of_reports_are_named():
    release = {"root": "x", "reports": {"source": "y", "layout": "html"}}
    with pytest.raises(CxrError, match=r"key 'datasets\.mimic-cxr-jpg\.reports\.layout'.*found 'html'"):
        Plan.of({"datasets": {"mimic-cxr-jpg": release}, "infer": PRETRAINED, "cxlseg": PRETRAINED})
    release["reports"] = {"source": "y", "layout": "text", "path": "z"}
    with pytest.raises(
        CxrError, match=r"unknown key 'datasets\.mimic-cxr-jpg\.reports\.path'; known here: source, layout"
    ):
        Plan.of({"datasets": {"mimic-cxr-jpg": release}})
