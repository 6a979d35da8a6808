"""Differences of two affines, by what they are."""

import numpy as np
import pytest

from cxrfactory.errors import CxrError
from cxrfactory.imaging.volume.nifti_affine import difference_of
from cxrfactory.imaging.volume.orientation import AffineRules, axes_letters, bare_affine
from tests.imaging import ct_files


def test_all_48_spellings_differ_in_their_axes():
    affines = [ct_files.stored(ct_files.chest(), *turn)[1] for turn in ct_files.ORDERS]
    for one, turn in zip(affines, ct_files.ORDERS, strict=True):
        assert axes_letters(one) == ct_files.layout_axes(*turn)
        assert [difference_of(one, other) for other in affines].count("") == 1
        assert not bare_affine(one, (4, 5, 6))


def test_what_is_no_affine():
    broken = np.full((4, 4), np.nan)
    assert difference_of(broken, ct_files.canonical_affine()) == "in that one is no affine"
    assert bare_affine(broken, (4, 5, 6)) == ""
    assert bare_affine(np.zeros((4, 4)), (4, 5, 6)) == ""


def test_only_exact_affines_are_bare():
    shape = (4, 5, 6)
    assert "RAS" in bare_affine(np.eye(4), shape)
    assert "LPS" in bare_affine(np.diag([-0.7, -0.7, 3, 1]), shape)
    for other in ([-1, 1, 1, 1], [1, -1, 1, 1], [1, 1, -1, 1]):
        assert not bare_affine(np.diag(np.array(other, float)), shape)
    turned = np.eye(4)
    turned[:2, :2] = [[np.cos(0.001), -np.sin(0.001)], [np.sin(0.001), np.cos(0.001)]]
    assert not bare_affine(turned, shape)
    moved = np.eye(4)
    moved[2, 3] = 0.01
    assert not bare_affine(moved, shape)
    centred = np.diag([-2.0, 2.0, 2.0, 1.0])
    centred[:3, 3] = (3, -4, -5)
    assert "middle voxel at 0" in bare_affine(centred, shape)


def test_an_unknown_rule_is_named():
    with pytest.raises(CxrError, match="affine 'both'; expected one of agreeing, qform, sform"):
        AffineRules("both")
