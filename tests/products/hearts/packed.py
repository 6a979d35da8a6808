"""A product of toy hearts, for the tests of packing and of the browser."""

import json

import pandas as pd

from cxrfactory.config.hearts import HeartsMeshesConfig
from cxrfactory.hearts.case_table import write_cases
from cxrfactory.hearts.infer.shard import REJECTED_HEARTS
from cxrfactory.hearts.meshes.shard import write_meshes
from cxrfactory.hearts.template import Template, write_template
from cxrfactory.products.hearts.pack import HeartShards, package_hearts
from cxrfactory.tables.parquet import write_table
from tests.hearts.conftest import write_predictions
from tests.hearts.toy import toy_case, toy_mesh

LOST = {"case_id": "c", "frame": "ED", "stage": "infer", "reason": "the network's answer is not finite"}


def shards_of(folder):
    """Write two shards, whose second holds a rejected case, and what else a product needs."""
    mesh = toy_mesh()
    shards: dict[str, list] = {name: [] for name in ("cases", "hearts", "masks", "slices", "files", "rejected")}
    for number, names in enumerate(("a", "bc")):
        place = folder / str(number)
        place.mkdir()
        cases = [toy_case(mesh, name, frame) for name in names for frame in ("ED", "ES") if name + frame != "cES"]
        kept = [case for case in cases if case.views.case_id != "c"]
        write_cases(place / "cases.parquet", cases)
        write_predictions(place / "meshes.parquet", kept)
        lost = [] if len(kept) == len(cases) else [LOST]
        write_table(pd.DataFrame(lost, columns=REJECTED_HEARTS.names), place / "rejected.parquet", REJECTED_HEARTS)
        outputs = {name: place / f"{name}.parquet" for name in ("hearts", "masks", "slices")}
        outputs["files"] = place / "files"
        write_meshes(mesh, place / "cases.parquet", place / "meshes.parquet", outputs, HeartsMeshesConfig())
        for name, path in {**outputs, **{each: place / f"{each}.parquet" for each in ("cases", "rejected")}}.items():
            shards[name].append(path)
    template = Template(mesh, ("toy",) * len(mesh.vertices_mm), {"apex": mesh.vertices_mm[0]})
    write_template(template, folder / "template.npz")
    (folder / "w.json").write_text(json.dumps({"segmenter": "hybridvnet", "sha256": "0" * 64}))
    (folder / "config.yaml").write_text("results: r\n")
    evaluation = folder / "evaluation"
    evaluation.mkdir()
    (evaluation / "networks.csv").write_text("network,mae_mm\nmulti-view,2.1\n")
    (evaluation / "volumes.png").write_bytes(b"png")
    return HeartShards(**shards)


def pack(folder, shards):
    """Pack the shards of a folder; return the product."""
    package_hearts(
        shards, folder / "product", folder / "template.npz", folder / "w.json", folder / "evaluation", "virtual",
        ["a source"], folder / "config.yaml",
    )  # fmt: skip
    return folder / "product"
