"""The rules of the papers' studies: every step is planned, and an unknown step is one line."""

import re

import yaml

from cxrfactory.studies.catalogue import all_studies

from .test_plan import dry_run


def test_the_page_of_all_studies_plans_every_step(tmp_path):
    table = tmp_path / "labelled.parquet"
    table.write_bytes(b"")
    text = yaml.safe_dump({"results": f"{tmp_path}/r", "studies": {"tables": [str(table)], "threads": 1}})
    done = dry_run(tmp_path, text, f"{tmp_path}/r/study/README.md", "--printshellcmds")
    assert done.returncode == 0, done.stdout
    assert re.search(rf"^study +{len(all_studies())}$", done.stdout, re.MULTILINE)
    shells = [line for line in done.stdout.splitlines() if line.startswith("Shell command: ")]
    (trained,) = (line for line in shells if f"mv {tmp_path}/r/study-work/occlusion/.unet " in line)
    assert f"python -m cxrfactory train --labelled={table} " in trained
    assert f"--output={tmp_path}/r/study-work/occlusion/.unet/weights.safetensors" in trained
    assert "--segmenter=unet" in trained


def test_a_step_that_does_not_exist_is_named(tmp_path):
    done = dry_run(tmp_path, f"results: {tmp_path}/r\n", f"{tmp_path}/r/study-work/occlusion/other")
    assert done.returncode != 0
    assert "study 'occlusion' has no step 'other'; expected one of hybridgnet, unet, audit, summary" in done.stdout
