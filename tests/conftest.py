"""Where real data stands, for the tests that use it."""

import logging
import os
from pathlib import Path

import hypothesis
import pytest

# How long an example takes depends on what else the machine does, and every run tries the same examples, so that a test
# fails for a change alone.
hypothesis.settings.register_profile("repeatable", deadline=None, derandomize=True)
hypothesis.settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder named by CXRFACTORY_REAL_DATA; the test is skipped where it is not set."""
    folder = os.environ.get("CXRFACTORY_REAL_DATA")
    if not folder:
        pytest.skip("CXRFACTORY_REAL_DATA names no folder of real radiographs")
    return Path(folder)


@pytest.fixture(autouse=True)
def _fresh_log() -> None:
    """Start each test with the package's logger as Python makes it: commands that ran in earlier tests set it up."""
    log = logging.getLogger("cxrfactory")
    log.handlers, log.propagate = [], True
    log.setLevel(logging.NOTSET)
