import gzip
from pathlib import Path

import pytest


@pytest.fixture
def write(tmp_path):
    """Write a text file under the root, gzip where its name ends so, and return the root."""

    def put(name: str, text: str, encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = text.encode(encoding)
        path.write_bytes(gzip.compress(data, mtime=0) if name.endswith(".gz") else data)
        return tmp_path

    return put
