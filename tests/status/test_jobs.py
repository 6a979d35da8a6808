import pytest

from cxrfactory.config import parse_config
from cxrfactory.errors import CxrError
from cxrfactory.status.jobs import products, stages_of


def rules(product, **values):
    return [(stage.rule, len(stage.jobs)) for stage in stages_of(parse_config(values), product)]


def test_given_weights_are_not_waited_for():
    assert ("train", 1) in rules("chexmask")
    assert "train" not in dict(rules("chexmask", infer={"weights": "pretrained"}))
    assert "rca_train" in dict(rules("chexmask", rca={"network": None}))
    assert "rca_calibrate" in dict(rules("chexmask", rca={"calibration": "labelled"}))
    assert "cxlseg_weights" in dict(rules("cxlseg"))
    assert "cxlseg_weights" not in dict(rules("cxlseg", cxlseg={"weights": "pretrained"}))


def test_every_shard_of_every_release_is_a_job():
    datasets = {
        name: {"root": "results/cohort", "shards": count} for name, count in (("padchest", 97), ("chexpert", 188))
    }
    found = [each for each in rules("chexmask", datasets=datasets) if each[0] in ("preprocess", "infer", "rca")]
    assert found == [(rule, count) for count in (97, 188) for rule in ("preprocess", "infer", "rca")]
    stage = next(each for each in stages_of(parse_config({"datasets": datasets}), "chexmask") if each.rule == "rca")
    job = stage.jobs[3]
    assert [str(path) for path in job.outputs] == [
        "results/rca/padchest/0003-of-0097.parquet",
        "results/rca/padchest/0003-of-0097.rejected.parquet",
    ]
    assert str(job.log) == "results/logs/rca/padchest/0003-of-0097.log"
    assert str(job.benchmark) == "results/benchmarks/rca/padchest/0003-of-0097.tsv"


def test_an_unknown_product_is_refused():
    assert products() == ["chexmask", "radgenome", "cxlseg", "hearts", "roots"]
    with pytest.raises(CxrError, match="target 'masks' is unknown; expected one of chexmask, radgenome, cxlseg"):
        stages_of(parse_config({}), "masks")
