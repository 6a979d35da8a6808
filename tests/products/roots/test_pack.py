"""The product of roots: nothing is lost, other programs read it, and a second packing gives the same bytes."""

import hashlib
import json
import subprocess
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.products.roots.pack import RootShards, package_roots

from .toy import HEIGHT, WIDTH, write_frames, write_shard


@pytest.fixture
def made(tmp_path):
    """Two shards of one plate each; the second plate's first picture is rejected."""
    made = [write_shard(tmp_path / "0", "a"), write_shard(tmp_path / "1", "b", lost=0)]
    parts = {name: [each[name] for each in made] for name in made[0]}
    (tmp_path / "w.json").write_text(json.dumps({"segmenter": "unet", "sha256": "0" * 64}))
    (tmp_path / "config.yaml").write_text("results: r\n")
    for name in ("growth", "evaluation"):
        (tmp_path / name).mkdir()
    (tmp_path / "growth" / "plants.csv").write_text("plate,plant\na,1\n")
    (tmp_path / "evaluation" / "summary.csv").write_text("measure,value\nlaterals,0.95\n")
    return tmp_path, RootShards(write_frames(tmp_path, ["a", "b"]), **parts)


def _pack(folder, shards):
    package_roots(
        shards, folder / "product", [folder / "w.json"], folder / "growth", folder / "evaluation", "own",
        ["a source"], folder / "config.yaml",
    )  # fmt: skip
    return folder / "product"


def test_every_picture_is_kept_or_rejected(made):
    product = _pack(*made)
    rows = pq.read_table(product / "traits.parquet").to_pandas()
    assert rows["image_id"].tolist() == ["a/1/00000", "a/1/00001", "b/1/00001"]
    pictures = pq.read_table(product / "frames.parquet").to_pandas()
    assert pictures["picture_id"].tolist() == ["a/00000", "a/00001", "b/00001"]
    assert pictures["file"].tolist() == ["a_0.jpg", "a_1.jpg", "b_1.jpg"]
    assert "path" not in pictures
    assert (product / "rejected.csv").read_text() == (
        "dataset,image_id,stage,reason\nown,b/b_0.jpg,segment,the picture has become unreadable\n"
    )
    card = (product / "README.md").read_text()
    assert "4 pictures = 3 kept + 0 excluded + 1 rejected" in card
    assert "| `tip_jumped` | 2 |" in card
    assert (product / "rsml" / "b" / "1.rsml").is_file()
    done = subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=product, check=False)
    assert done.returncode == 0


def test_a_lost_doubled_or_unknown_picture_is_refused(made):
    folder, shards = made
    with pytest.raises(CxrError, match="plate 'b', picture 0 is neither kept nor rejected"):
        _pack(folder, replace(shards, rejected=[]))
    with pytest.raises(CxrError, match="a picture has two masks; give each shard once"):
        _pack(folder, replace(shards, masks=[*shards.masks, shards.masks[0]]))
    other = write_shard(folder / "2", "c")
    with pytest.raises(CxrError, match="plate 'c', picture 0 is in no table of pictures"):
        _pack(folder, replace(shards, traits=[*shards.traits, other["traits"]]))
    assert not (folder / "product").exists()


def test_a_foreign_folder_is_not_replaced(made):
    folder, shards = made
    (folder / "product").mkdir()
    (folder / "product" / "thesis.tex").touch()
    with pytest.raises(CxrError, match=r"holds 'thesis\.tex', which is no part of a product"):
        _pack(folder, shards)


def test_a_second_packing_gives_the_same_bytes(made):
    def digests():
        product = _pack(*made)
        return {str(path.relative_to(product)): hashlib.sha256(path.read_bytes()).hexdigest()
                for path in product.rglob("*") if path.is_file()}  # fmt: skip

    assert digests() == digests()


def test_croissant_describes_every_column(made):
    mlcroissant = pytest.importorskip("mlcroissant")
    product = _pack(*made)
    dataset = mlcroissant.Dataset(jsonld=str(product / "croissant.json"))
    assert not dataset.metadata.issues.errors
    described = {field.name.rpartition("/")[2] for each in dataset.metadata.record_sets for field in each.fields}
    for table in product.glob("*.parquet"):
        assert set(pq.read_schema(table).names) <= described
    first = next(iter(dataset.records(record_set="traits")))
    assert first[next(name for name in first if name.endswith("image_id"))] in (b"a/1/00000", "a/1/00000")


def test_the_product_opens_as_plants_over_time(made):
    import cxrfactory as cxr

    product = cxr.open_product(_pack(*made))
    assert product.kind == "roots"
    accounts = product.accounts["own"]
    assert (accounts.kept, accounts.rejected) == (3, 1)
    assert [each.image_id for each in product] == ["a/1/00000", "a/1/00001", "b/1/00001"]
    image = product["a/1/00001"]
    masks = image.masks
    assert sorted(masks) == ["laterals", "main_root", "mask"]
    assert image.image().shape == masks["mask"].shape == (HEIGHT - 4, 36 - 8)
    rows, columns = np.nonzero(masks["main_root"])
    assert (columns.min(), columns.max()) == (20 - 8 - 1, 20 - 8 + 1)  # a line of 3 pixels in the plant's region
    assert abs(rows.max() - (28 - 4)) <= 1
    assert masks["laterals"].any()
    assert not product["a/1/00000"].masks["laterals"].any()
    assert {each.image_id for each in product.select(["a/1"])} == {"a/1/00000", "a/1/00001"}
    assert product.quality()["plants"] == "2 of 3 plants at one time flagged"
    assert WIDTH > 36


def test_the_browser_shows_plants_and_counts_pictures(made):
    from cxrfactory.browse.opening import open_browsed

    browsed = open_browsed(_pack(*made), {}, None)
    assert browsed.kept() == {"own": 3}
    assert browsed.left_out().counts("rejected") == {"own": 1}
    key = [browsed.index.image_id(number) for number in range(len(browsed.index))].index("a/1/00001")
    assert browsed.worst == ("reasons", False)
    assert browsed.index.columns["reasons"].values.tolist() == [0, 1, 1]
    detail = browsed.detail(key)
    assert detail.flags == ["tip_jumped"]
    assert detail.related == [("picture 00000", key - 1)]
    assert set(browsed.outlines(key).organs) == {"main_root", "laterals"}
    assert browsed.picture(key, "image").shape == (detail.height, detail.width)
