"""A release read from object storage and a product written to it, with a local S3 server."""

import hashlib
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from jsonschema import Draft202012Validator
from PIL import Image

pytestmark = pytest.mark.workflow

ROOT = Path(__file__).parents[2]
NEEDED = ("snakemake_storage_plugin_s3", "moto", "flask", "flask_cors")


@pytest.fixture(scope="module")
def server():
    absent = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if absent:
        pytest.skip(f"not installed: {', '.join(absent)} (make cluster)")
    from moto.server import ThreadedMotoServer

    started = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    started.start()
    host, port = started.get_host_and_port()
    yield f"http://{host}:{port}"
    started.stop()


@pytest.fixture
def bucket(server):
    import boto3

    made = boto3.resource(
        "s3", endpoint_url=server, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
    ).Bucket("hospital")
    made.create()
    made.objects.delete()
    return made


def snakemake(server, folder, config, *arguments):
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    command = [sys.executable, "-m", "snakemake", "--cores", "1", *arguments, "--configfile", str(path)]
    keys = {"SNAKEMAKE_STORAGE_S3_ACCESS_KEY": "a", "SNAKEMAKE_STORAGE_S3_SECRET_KEY": "b"}
    environment = {**os.environ, **keys, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def storage(server, folder, config, target):
    arguments = ["--snakefile", "workflow/storage.smk", "--storage-s3-endpoint-url", server]
    arguments += ["--local-storage-prefix", str(folder / "copies"), target]
    return snakemake(server, folder, config, *arguments)


def files(folder):
    kept = (path for path in folder.rglob("*") if path.is_file() and path.name != ".snakemake_timestamp")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in kept}


def upload(bucket, folder, prefix):
    for name, content in files(folder).items():
        bucket.put_object(Key=f"{prefix}/{name}", Body=content)


def objects(bucket, prefix):
    found = bucket.objects.filter(Prefix=f"{prefix}/")
    return {each.key.removeprefix(f"{prefix}/"): each.get()["Body"].read() for each in found}


@pytest.fixture
def release(tmp_path):
    """Six radiographs of noise in the layout of ChestX-ray8."""
    root = tmp_path / "made"
    (root / "images").mkdir(parents=True)
    lines = ["Image Index,Finding Labels,Patient ID,Patient Age,Patient Gender,View Position"]
    for number in range(6):
        pixels = np.random.default_rng(number).integers(0, 255, (64, 48), np.uint8)
        Image.fromarray(pixels).save(root / f"images/{number:08d}_000.png")
        lines.append(f"{number:08d}_000.png,No Finding,{number},50,F,PA")
    (root / "Data_Entry_2017.csv").write_text("\n".join(lines) + "\n")
    return root


def test_a_release_in_object_storage_becomes_the_same_shards(server, bucket, release, tmp_path):
    upload(bucket, release, "releases/nih")
    fetched = tmp_path / "fetched"
    config = {"fetch": {"nih": {"from": "s3://hospital/releases/nih", "to": str(fetched)}}}
    done = storage(server, tmp_path, config, "fetch")
    assert done.returncode == 0, done.stdout + done.stderr
    assert files(fetched) == files(release)
    assert objects(bucket, "releases/nih") == files(release)  # the source is as it was
    assert (tmp_path / "fetched.fetch.log").read_text() == "7 files\n"
    assert not files(tmp_path / "copies")
    shards = []
    for name, root in (("here", release), ("there", fetched)):
        results = tmp_path / name
        settings = {"results": str(results), "datasets": {"chestx-ray8": {"root": str(root), "shards": 1}}}
        settings |= {"preprocess": {"size": 64}, "infer": {"weights": "pretrained"}}
        target = f"{results}/preprocess/chestx-ray8/0000-of-0001.parquet"
        made = snakemake(server, tmp_path, settings, target)
        assert made.returncode == 0, made.stdout + made.stderr
        shards.append(Path(target).read_bytes())
    assert shards[0] == shards[1]


@pytest.fixture
def product(tmp_path):
    folder = tmp_path / "results/product"
    (folder / "tables").mkdir(parents=True)
    for number in range(3):
        (folder / f"tables/{number}.csv").write_bytes(bytes([65 + number]) * 100 * (number + 1))
    close(folder)
    return folder


def close(folder):
    (folder / "SHA256SUMS").unlink(missing_ok=True)
    lines = [f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(files(folder).items())]
    (folder / "SHA256SUMS").write_text("".join(lines))


def publishing(product):
    return {"publish": {"product": {"from": str(product), "to": "s3://hospital/products/mine"}}}


def test_a_product_is_published_whole_and_again_when_it_changes(server, bucket, product, tmp_path):
    bucket.put_object(Key="products/another/file", Body=b"stays")
    done = storage(server, tmp_path, publishing(product), "publish")
    assert done.returncode == 0, done.stdout + done.stderr
    assert objects(bucket, "products/mine") == files(product)
    assert not files(tmp_path / "copies")

    (product / "tables/0.csv").unlink()
    (product / "tables/1.csv").write_bytes(b"new")
    close(product)
    done = storage(server, tmp_path, publishing(product), "publish")
    assert done.returncode == 0, done.stdout + done.stderr
    assert objects(bucket, "products/mine") == files(product)
    assert objects(bucket, "products/another") == {"file": b"stays"}


def test_a_damaged_product_is_not_published(server, bucket, product, tmp_path):
    (product / "tables/1.csv").write_bytes(b"B" * 199)
    bucket.put_object(Key="unrelated", Body=b"")
    done = storage(server, tmp_path, publishing(product), "publish")
    assert done.returncode != 0
    assert objects(bucket, "products/mine") == {}
    assert "tables/1.csv: FAILED" in Path(f"{product}.publish.log").read_text()


FROM_TO = {"from": "s3://hospital/a", "to": "data/a"}


@pytest.mark.parametrize(
    ("config", "value"),
    [
        ({}, "'fetch' is a required property"),
        ({"fetch": {"a": {**FROM_TO, "from": "hospital/a"}}}, "'hospital/a' does not match"),
        ({"publish": {"a": {"from": "results/chexmask", "to": "s3://hospital"}}}, "'s3://hospital' does not match"),
        ({"fetch": {"a": {**FROM_TO, "shards": 2}}}, "'shards' was unexpected"),
        ({"fetch": {"../a": FROM_TO}}, "'../a' does not match"),
    ],
)
def test_wrong_settings_are_refused(config, value):
    schema = json.loads((ROOT / "workflow/schemas/storage.schema.json").read_text())
    Draft202012Validator(schema).validate({"fetch": {"a": FROM_TO}})
    errors = list(Draft202012Validator(schema).iter_errors(config))
    messages = [each.message for error in errors for each in (error, *(error.context or ()))]
    assert any(value in message for message in messages)


def test_a_run_with_wrong_settings_ends_before_it_moves_anything(server, bucket, tmp_path):
    done = storage(server, tmp_path, {"fetch": {"a": {"from": "hospital/a", "to": str(tmp_path / "a")}}}, "fetch")
    assert done.returncode != 0
    assert "hospital/a" in done.stderr
    assert not (tmp_path / "a").exists()
