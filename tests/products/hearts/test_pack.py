"""The product of hearts: nothing is lost, other programs read it, and a second packing gives the same bytes."""

import hashlib
import subprocess

import pyarrow.parquet as pq
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.products.hearts.pack import HeartShards
from tests.products.hearts.packed import pack, shards_of


@pytest.fixture
def made(tmp_path):
    return tmp_path, shards_of(tmp_path)


def test_every_case_is_kept_or_rejected(made):
    product = pack(*made)
    rows = pq.read_table(product / "hearts.parquet").to_pandas()
    assert (rows["case_id"] + rows["frame"]).tolist() == ["aED", "aES", "bED", "bES"]
    assert (product / "rejected.csv").read_text() == (
        "dataset,image_id,stage,reason\nvirtual,c/ED,infer,the network's answer is not finite\n"
    )
    assert "5 rows = 4 kept + 0 excluded + 1 rejected" in (product / "README.md").read_text()
    for kind in ("vtp", "vtu", "obj"):
        assert len(list((product / "meshes" / kind).iterdir())) == 4
    done = subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=product, check=False)
    assert done.returncode == 0


def test_a_lost_or_doubled_case_is_refused(made):
    folder, shards = made
    with pytest.raises(CxrError, match="'c/ED' is neither kept nor rejected; the shards are of different runs"):
        pack(folder, HeartShards(**{**vars(shards), "rejected": []}))
    with pytest.raises(CxrError, match="case 'a', frame 'ED' occurs twice; give each shard once"):
        pack(folder, HeartShards(**{**vars(shards), "cases": [*shards.cases, shards.cases[0]]}))
    with pytest.raises(CxrError, match="'a/ED' is in no table of cases"):
        pack(folder, HeartShards(**{**vars(shards), "cases": shards.cases[1:]}))
    assert not (folder / "product").exists()


def test_a_foreign_folder_is_not_replaced(made):
    folder, shards = made
    (folder / "product").mkdir()
    (folder / "product" / "thesis.tex").touch()
    with pytest.raises(CxrError, match=r"holds 'thesis\.tex', which is no part of a product"):
        pack(folder, shards)


def test_a_second_packing_gives_the_same_bytes(made):
    def digests():
        product = pack(*made)
        return {str(path.relative_to(product)): hashlib.sha256(path.read_bytes()).hexdigest()
                for path in product.rglob("*") if path.is_file()}  # fmt: skip

    assert digests() == digests()


def test_croissant_and_card_describe_every_column(made):
    mlcroissant = pytest.importorskip("mlcroissant")
    product = pack(*made)
    dataset = mlcroissant.Dataset(jsonld=str(product / "croissant.json"))
    assert not dataset.metadata.issues.errors
    described = {field.name.rpartition("/")[2] for each in dataset.metadata.record_sets for field in each.fields}
    for name in ("hearts", "masks", "slices"):
        assert set(pq.read_schema(product / f"{name}.parquet").names) <= described
    first = next(iter(dataset.records(record_set="hearts")))
    assert first[next(name for name in first if name.endswith("case_id"))] in (b"a", "a")


def test_the_product_opens_as_slices_with_masks(made):
    import cxrfactory as cxr

    product = cxr.open_product(pack(*made))
    assert product.kind == "hearts"
    accounts = product.accounts["virtual"]
    assert (accounts.kept, accounts.rejected) == (4, 1)
    assert len(product) == 4 * 8
    image = product["a/ES/sax-1"]
    assert sorted(image.masks) == ["lv", "lv_myocardium", "rv"]
    assert image.image().shape == image.masks["lv"].shape == (64, 64)
    assert image.masks["lv"].sum() < product["a/ED/sax-1"].masks["lv"].sum()
    assert {each.group_id for each in product.select(["b/ED"])} == {"b/ED"}
    assert [each.image_id for each in product] == [
        f"{case}/{frame}/{view}" for case in "ab" for frame in ("ED", "ES")
        for view in [*(f"sax-{number}" for number in range(7)), "4ch-0"]
    ]  # fmt: skip
    assert product.quality()["meshes"].startswith("0 of 4 meshes flagged")


def test_the_browser_shows_slices_and_counts_meshes(made):
    from cxrfactory.browse.opening import open_browsed

    browsed = open_browsed(pack(*made), {}, None)
    assert browsed.kept() == {"virtual": 4}
    assert browsed.left_out().counts("rejected") == {"virtual": 1}
    key = browsed.index.ids.to_pylist().index("b/ED/4ch-0")
    detail = browsed.detail(key)
    assert [name for name, _ in detail.related] == [f"sax-{number}" for number in range(7)]
    assert set(browsed.outlines(key).organs) == set(detail.masks) <= {organ.name for organ in browsed.organs}
    assert browsed.picture(key, "image").shape == (64, 64)
    assert browsed.index.columns["lv_ef_percent"].cell(key) == pytest.approx(48.8, abs=0.01)
