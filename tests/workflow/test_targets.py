"""A wrong target ends with one line that names the nearest."""

import pytest

from .test_plan import dry_run


@pytest.mark.parametrize(
    ("target", "nearest"),
    [
        ("{r}/chexmsk", "{r}/chexmask"),
        ("{r}/weights/sa-unett", "{r}/weights/sa-unet"),
        ("{r}/infer/vindr-cxr/000-of-0002.parquet", "{r}/infer/vindr-cxr/0000-of-0002.parquet"),
        ("preproces", "preprocess"),
    ],
)
def test_a_wrong_target_names_the_nearest(tmp_path, target, nearest):
    results = f"{tmp_path}/r"
    target, nearest = target.format(r=results), nearest.format(r=results)
    done = dry_run(tmp_path, f"results: {results}\n", target)
    assert done.returncode != 0
    (line,) = (line for line in done.stdout.splitlines() if "no rule makes it" in line)
    assert line.startswith(f"target '{target}': no rule makes it; the nearest: {nearest}")
    assert done.stdout.rstrip().endswith(line)
    for word in ("MissingRuleException", "Traceback"):
        assert word not in done.stdout


@pytest.mark.parametrize("target", ["config_used", "{r}/manifest/vindr-cxr.parquet", "{r}/logs/config.log"])
def test_rules_and_their_files_are_targets(tmp_path, target):
    done = dry_run(tmp_path, f"results: {tmp_path}/r\n", target.format(r=f"{tmp_path}/r"))
    assert done.returncode == 0, done.stdout


def test_a_target_in_another_folder_of_results_names_the_configs(tmp_path):
    done = dry_run(tmp_path, f"results: {tmp_path}/r\n", "results/chexmask")
    assert done.returncode != 0
    assert f"this config puts results into '{tmp_path}/r'; expected {tmp_path}/r/chexmask" in done.stdout
