"""Dry runs of the technical validation."""

from .test_plan import dry_run as plan_run


def dry_run(tmp_path, text):
    return plan_run(tmp_path, f"results: {tmp_path}/r\n{text}", f"{tmp_path}/r/validation", "--printshellcmds")


def test_every_release_is_compared_and_retrained_on(tmp_path):
    done = dry_run(tmp_path, "")
    assert done.returncode == 0, done.stdout
    folder = f"{tmp_path}/r"
    for name, published in (("mimic-cxr-jpg", "MIMIC-CXR-JPG"), ("vindr-cxr", "VinDr-CXR")):
        assert f"bias --product {folder}/package/{name}/product/Parquet/{published}.parquet" in done.stdout
        assert f"train --labelled {folder}/validation-steps/own/{name}.parquet" in done.stdout
        assert (
            f"--rca={folder}/rca/{name}/0001-of-0002.parquet --manifest {folder}/manifest/{name}.parquet" in done.stdout
        )
        assert f"--weights={folder}/validation-steps/retrain/{name}.safetensors" in done.stdout
    assert f"--split val --weights {folder}/train/segmenter.safetensors --weights=" in done.stdout
    assert "rca-statistics --product" in done.stdout


def test_tables_of_the_experts_images_are_kept_from_the_retraining(tmp_path):
    (tmp_path / "classes.csv").touch()
    (tmp_path / "shapes").mkdir()
    text = f"train: {{balance: class, classes: {tmp_path}/classes.csv, shapes: {tmp_path}/shapes}}\n"
    done = dry_run(tmp_path, text)
    assert done.returncode == 0, done.stdout
    trainings = [line for line in done.stdout.splitlines() if " train --labelled " in line]
    own = [line for line in trainings if "/validation-steps/own/" in line]
    assert len(own) == 2
    assert len(trainings) == 3
    for line in own:
        assert "--balance=none" in line
        assert "--classes" not in line
        assert "--shapes" not in line
