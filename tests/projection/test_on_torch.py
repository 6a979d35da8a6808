"""Torch against the compiled passes, on every device at hand."""

import numpy as np
import pytest
import torch

from cxrfactory.errors import CxrError
from cxrfactory.projection.integrals import path_integrals
from cxrfactory.projection.occupancy import occupancy
from cxrfactory.projection.on_torch import integrals_torch, occupancy_torch

SPACING = (2.5, 0.7, 0.8)
DEVICES = [
    "cpu",
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")),
]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("kind", [np.int16, np.int32, np.float32])
@pytest.mark.parametrize("with_body", [False, True])
def test_integrals_equal_the_compiled_pass(device, kind, with_body):
    rng = np.random.default_rng(0)
    hu = rng.integers(-3024, 32767, (37, 20, 30)).astype(kind)
    body = rng.random(hu.shape) < 0.6 if with_body else None
    wanted = path_integrals(hu, SPACING, body=body)
    found = integrals_torch(
        torch.from_numpy(hu).to(device), SPACING, None if body is None else torch.from_numpy(body).to(device)
    )
    for one, other in zip(found, wanted, strict=True):
        assert one.dtype == torch.float32
        np.testing.assert_allclose(one.cpu().numpy(), other, rtol=1e-6)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int32])
def test_masks_equal_the_compiled_pass(device, kind):
    labels = np.random.default_rng(1).integers(0, 90, (37, 9, 30)).astype(kind)
    values = [7, 200, 3, 89]
    _, *wanted = occupancy(labels, values)
    found = occupancy_torch(torch.from_numpy(labels).to(device), values)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one.cpu().numpy(), other)


def test_faults_are_named():
    labels = torch.zeros((2, 2, 2), dtype=torch.int32)
    with pytest.raises(CxrError, match="labels run from -1 to -1"):
        occupancy_torch(labels - 1, [1])
    with pytest.raises(CxrError, match="expected each from 1"):
        occupancy_torch(labels, [0])
    with pytest.raises(CxrError, match="no finite numbers"):
        integrals_torch(torch.full((2, 2, 2), torch.nan), SPACING)
    with pytest.raises(CxrError, match="body mask of shape"):
        integrals_torch(labels, SPACING, labels[:1].bool())
