"""Tiny finished products of each kind."""

import shutil

import pytest

from cxrfactory.models import registry
from tests.door.conftest import product as chexmask  # noqa: F401  (fixture)
from tests.products.cxlseg import segmented
from tests.products.radgenome import projected
from tests.products.radgenome.test_pack import pack as pack_projections


@pytest.fixture(scope="session")
def radgenome(tmp_path_factory):
    """Folder of a finished product of projected studies: a1, a2 of release alpha, b1 of beta."""
    folder = tmp_path_factory.mktemp("radgenome")
    (folder / "config.yaml").write_text("seed: 1\n")
    pack_projections(projected.projected(), folder, config=folder / "config.yaml")
    return folder / "out"


@pytest.fixture(scope="session")
def cxlseg(tmp_path_factory):
    """Folder of a finished product of one release with lung masks."""
    folder = tmp_path_factory.mktemp("cxlseg")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(registry.PIXEL_MODELS, "threshold", "tests.models.stub_pixels:build")
        tables = segmented.Release().write(folder)
        segmented.pack(tables, segmented.shards_of(tables, folder / "shards"), folder)
    whole = folder / "whole"
    shutil.copytree(folder / "product", whole / "demo")
    for name in ("rejected.csv", "excluded.csv"):
        shutil.copy(folder / "part" / name, whole / name)
    return whole


@pytest.fixture(params=["chexmask", "radgenome", "cxlseg"])
def product(request):
    """Folder of a product of each kind in turn."""
    return request.getfixturevalue(request.param)
