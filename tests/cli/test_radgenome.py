import json

import pyarrow.parquet as pq
import typer
from typer.testing import CliRunner

from cxrfactory.anatomy.taxonomy import class_of, classes
from cxrfactory.products.radgenome.commands import package_radgenome
from tests.products.radgenome.projected import projected


def test_the_command_packs_with_the_taxonomy(tmp_path):
    made = projected()
    for row in made.masks:
        row["class_id"] = None if row["class_id"] is None else class_of(row["name"]).class_id
    inputs = made.write(tmp_path / "in", shards=2)
    options = {"manifests": "--manifest"}
    arguments = [text for name, paths in inputs.items() for path in paths
                 for text in (options.get(name, f"--{name}"), str(path))]  # fmt: skip
    app = typer.Typer()
    app.command()(package_radgenome)
    output = tmp_path / "out"
    extra = ["--output", str(output), "--validation-fraction", "0"]
    answer = CliRunner().invoke(app, [*arguments, *extra, "--credit", "one CT"], catch_exceptions=False)
    assert answer.exit_code == 0
    assert pq.read_table(output / "studies.parquet")["split"].to_pylist() == ["train"] * 3
    assert len(json.loads((output / "coco" / "train_PA.json").read_text())["categories"]) == len(classes())
    regions = pq.read_table(output / "regions.parquet")["region"].to_pylist()
    assert {"heart", "lung"} <= set(regions)
    assert "bone" not in regions
    assert "- one CT\n" in (output / "README.md").read_text()
