"""The rules of the papers' studies: every step is planned, and an unknown step is one line."""

import re

import yaml

from cxrfactory.studies.catalogue import all_studies
from cxrfactory.studies.requirement import holdings_of
from tests.studies.labelled import write_people

from .test_plan import dry_run


def test_the_page_of_all_studies_plans_every_step_of_those_that_the_table_allows(tmp_path):
    images = [(name, name, labels, "train", "M") for name, labels in (("a", "LHC"), ("b", "W"))]
    table = write_people(tmp_path / "labelled.parquet", images)
    missing = [name for name, study in all_studies().items() if study.requires.unmet(holdings_of([table]))]
    assert missing == ["domain-shift", "latent-features"]  # one source
    text = yaml.safe_dump({"results": f"{tmp_path}/r", "studies": {"tables": [str(table)], "threads": 1}})
    done = dry_run(tmp_path, text, f"{tmp_path}/r/study/README.md", "--printshellcmds")
    assert done.returncode == 0, done.stdout
    assert re.search(rf"^study +{len(all_studies()) - len(missing)}$", done.stdout, re.MULTILINE)
    assert "r/study/domain-shift" not in done.stdout
    shells = [line for line in done.stdout.splitlines() if line.startswith("Shell command: ")]
    (trained,) = (line for line in shells if f"mv {tmp_path}/r/study-work/occlusion/.unet " in line)
    assert f"python -m cxrfactory train --labelled={table} " in trained
    assert f"--output={tmp_path}/r/study-work/occlusion/.unet/weights.safetensors" in trained
    assert "--segmenter=unet" in trained


def test_a_step_that_does_not_exist_is_named(tmp_path):
    done = dry_run(tmp_path, f"results: {tmp_path}/r\n", f"{tmp_path}/r/study-work/occlusion/other")
    assert done.returncode != 0
    assert "study 'occlusion' has no step 'other'; expected one of hybridgnet, unet, audit, summary" in done.stdout


def test_a_table_that_is_not_there_is_named(tmp_path):
    text = yaml.safe_dump({"results": f"{tmp_path}/r", "studies": {"tables": [f"{tmp_path}/none.parquet"]}})
    done = dry_run(tmp_path, text, f"{tmp_path}/r/study/README.md")
    assert done.returncode != 0
    assert f"{tmp_path}/none.parquet" in done.stdout


def test_without_tables_the_page_has_the_studies_that_virtual_patients_allow(tmp_path):
    done = dry_run(tmp_path, f"results: {tmp_path}/r\n", f"{tmp_path}/r/study/README.md", "--printshellcmds")
    assert done.returncode == 0, done.stdout
    assert re.search(r"^study +10$", done.stdout, re.MULTILINE)
    assert "--labelled=" in next(line for line in done.stdout.splitlines() if "study page" in line)
