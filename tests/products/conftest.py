"""Tiny finished products of each kind, closed as the workflow closes them."""

import json

import pyarrow as pa
import pytest

from cxrfactory.models import registry
from cxrfactory.products.chexmask.card import package_card
from cxrfactory.products.chexmask.rows import product_schema
from cxrfactory.products.cxlseg.card import close_cxlseg
from tests.products.chexmask import packed
from tests.products.cxlseg import segmented
from tests.products.radgenome import projected
from tests.products.radgenome.test_pack import pack as pack_projections

KINDS = ("chexmask", "radgenome", "cxlseg")


def close_chexmask(folder, releases=("1.0", "no")):
    """Two releases whose names YAML would read as a number and as a truth value; the second has no heart."""
    parts = []
    for number, name in enumerate(releases):
        inputs = packed.release(heart=number == 0).write(folder / "in" / name)
        parts.append(folder / "parts" / name)
        names = {"dataset": f"d{number}", "release": name, "id_column": "image_id"}
        packed.package_chexmask(**inputs, output=folder / "out", part=parts[-1], **names)
    weights = folder / "weights.json"
    weights.write_text(json.dumps({"segmenter": "hybridgnet", "sha256": "ab" * 32}))
    package_card(folder / "out", parts, weights, folder / "config.yaml")
    return folder / "out"


def close_radgenome(folder):
    """Studies a1, a2 of release alpha, b1 of beta."""
    pack_projections(projected.projected(), folder, config=folder / "config.yaml")
    return folder / "out"


def close_lungs(folder):
    """One release of seven images with lossless masks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(registry.PIXEL_MODELS, "threshold", "tests.models.stub_pixels:build")
        tables = segmented.Release().write(folder)
        segmented.pack(tables, segmented.shards_of(tables, folder / "shards"), folder / "packed")
        where = [folder / "packed" / "product"], [folder / "packed" / "part"]
        close_cxlseg(folder / "out", *where, folder / "w.safetensors", folder / "config.yaml")
    return folder / "out"


@pytest.fixture(scope="session")
def closed(tmp_path_factory):
    """Folder of a product of each kind, by kind."""
    made = {}
    for kind, close in zip(KINDS, (close_chexmask, close_radgenome, close_lungs), strict=True):
        folder = tmp_path_factory.mktemp(kind)
        (folder / "config.yaml").write_text("seed: 1\n")
        made[kind] = close(folder)
    return made


def judged_table():
    """Two rows of a release with a quality calibration: flags, their reasons, evidence, and empty cells."""
    schema = product_schema(calibrated=False, quality=True)
    evidence = [{"organ": "heart", "dense_dice": 0.5, "soft_dice": None, "start_dice": 0.25, "shape_dice": 1.0}]
    given = {"flagged": [True, False], "flag_reasons": [["heart:soft_dice", "lungs:start_dice"], []],
             "evidence": [evidence, None], "latent_norm": [0.75, None]}  # fmt: skip
    columns = []
    for field in schema:
        if field.name in given:
            values = given[field.name]
        elif pa.types.is_list(field.type):
            values = [[0.5, 1.25], []]
        elif pa.types.is_string(field.type):
            values = [f"{field.name} 1", "2 3"]
        else:
            values = [1, None] if field.nullable else [1, 2]
        columns.append(pa.array(values, field.type))
    return pa.Table.from_arrays(columns, schema=schema)
