"""The cohort's maps fold no tetrahedron of the house's own template (on demand: CXRFACTORY_SLOW_TESTS=1)."""

import os

import numpy as np
import pytest

from cxrfactory.hearts.cohort.anatomy import prepare
from cxrfactory.hearts.cohort.shape import draw_hearts, draw_shape, smallest_volume
from cxrfactory.hearts.template import make_template


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("CXRFACTORY_SLOW_TESTS"), reason="CXRFACTORY_SLOW_TESTS is not set")
def test_hearts_of_the_template_contract_without_folds():
    anatomy = prepare(make_template())
    for seed in range(40):
        rng = np.random.default_rng(seed)
        hearts = draw_hearts(rng, anatomy, draw_shape(rng, anatomy))
        assert min(smallest_volume(anatomy, hearts.ed), smallest_volume(anatomy, hearts.es)) > 0
        assert 40 < hearts.edv_ml < 500
        assert 0.295 < 1 - hearts.esv_ml / hearts.edv_ml < 0.755
