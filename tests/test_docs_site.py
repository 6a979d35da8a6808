"""The documentation site builds offline, and every warning is an error; the tutorials are run by `make docs` only."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("sphinx", reason="needs the extra docs")
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-d", folder / "trees", DOCS, folder / "html"],
        env=os.environ | {"CXRFACTORY_DOCS_EXECUTE": "off"},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder / "html"


def test_every_page_is_built_and_reached_from_the_start_page(site: Path) -> None:
    start = (site / "index.html").read_text()
    tutorials = (site / "tutorials" / "index.html").read_text()
    for page in DOCS.rglob("*.md"):
        name = page.relative_to(DOCS).with_suffix(".html").as_posix()
        assert (site / name).is_file()
        assert name == "index.html" or f'href="{name}"' in start or f'href="{Path(name).name}"' in tutorials, name


def test_the_site_asks_for_nothing_from_elsewhere(site: Path) -> None:
    text = (site / "index.html").read_text()
    loaded = re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="(https?://[^"]+)"', text)
    assert not loaded


def test_the_reference_holds_every_public_name(site: Path) -> None:
    import cxrfactory as cxr

    text = (site / "api.html").read_text()
    assert not [name for name in cxr.__all__ if name != "__version__" and f'id="cxrfactory.{name}"' not in text]
