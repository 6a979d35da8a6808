"""Tiny products behind the server, without a browser."""

import json

import cv2
import numpy as np
import pytest

from cxrfactory.browse.start import build_application
from cxrfactory.tables.chexmask import read_chexmask
from tests.browse import measured_products, page_products

HOST = "http://127.0.0.1:8000"
POST = {"X-Requested-With": "browse"}


class Client:
    """Requests to the application, below its token."""

    def __init__(self, application, path, product):
        from starlette.testclient import TestClient

        self.raw, self.path, self.product = TestClient(application, base_url=HOST), path, product

    def get(self, address, **parameters):
        given = {name: json.dumps(each) if isinstance(each, dict) else each for name, each in parameters.items()}
        return self.raw.get(f"{self.path}api/{address}", params=given)

    def json(self, address, **parameters):
        answer = self.get(address, **parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, address, **content):
        return self.raw.post(f"{self.path}api/{address}", json=content, headers=POST)


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """Folder, product and images of the two releases of masks."""
    folder = tmp_path_factory.mktemp("browse")
    product, images = page_products.chexmask(folder)
    for release in page_products.KEPT:
        table = read_chexmask(product / "OriginalResolution" / f"{release}.csv")
        for name, height, width in zip(table["image_id"], table["Height"], table["Width"], strict=True):
            if (images / f"{name}.png").exists() and "/" not in name:
                rows, columns = np.mgrid[: 4 * height, : 4 * width]
                cv2.imwrite(str(images / f"{name}.png"), ((2 * rows + columns) % 200).astype(np.uint8))
    return folder, product, images


@pytest.fixture(scope="session")
def projections(tmp_path_factory):
    return page_products.radgenome(tmp_path_factory.mktemp("projections"))


@pytest.fixture(scope="session")
def results(tmp_path_factory):
    """Folder of two products with their measurements, and folder of the radiographs."""
    return measured_products.measured(tmp_path_factory.mktemp("measured"))


@pytest.fixture
def client(made, tmp_path):
    """The product of masks, opened anew for every test, with verdicts of its own."""
    _, product, images = made
    return Client(*build_application(product, [], images, tmp_path / "verdicts.jsonl"))
