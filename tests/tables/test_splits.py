import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrfactory.errors import CxrError
from cxrfactory.tables.splits import SPLITS, split_by_image, split_by_patient


def test_ten_thousand_patients_with_uneven_counts():
    counts = np.minimum(np.random.default_rng(0).zipf(1.7, 10_000), 150)  # 1 to 150 images, most have one
    patients = pd.Series(np.repeat([f"p{number}" for number in range(10_000)], counts))
    split = split_by_patient(patients)
    assert (split.groupby(patients).nunique() == 1).all()
    shares = split.value_counts(normalize=True)
    assert shares[list(SPLITS)].tolist() == pytest.approx([0.8, 0.1, 0.1], abs=0.005)
    by_patient = split.groupby(patients).first().value_counts(normalize=True)
    assert by_patient["train"] == pytest.approx(0.8, abs=0.02)


def test_split_by_image_gives_the_published_counts():
    split = split_by_image(pd.Series([f"i{number}" for number in range(243_324)]))
    assert split.value_counts().to_dict() == {"train": 194_660, "validate": 24_332, "test": 24_332}


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=200), st.randoms(use_true_random=False), st.integers(0, 3))
def test_split_by_patient_depends_on_ids_alone_and_meets_its_shares(numbers, shuffle, seed):
    patients = pd.Series([f"p{number}" for number in numbers])
    split = split_by_patient(patients, seed=seed)
    assert split.groupby(patients).nunique().max() == 1
    order = list(range(len(patients)))
    shuffle.shuffle(order)
    again = split_by_patient(patients.iloc[order].reset_index(drop=True), seed=seed)
    assert again.tolist() == split.iloc[order].tolist()
    most = patients.value_counts().max()
    for name, share in zip(SPLITS, (0.8, 0.1, 0.1), strict=True):
        assert abs((split == name).sum() - share * len(patients)) <= most


def test_a_new_patient_moves_few():
    patients = pd.Series([f"p{number}" for number in range(2000)])
    before = split_by_patient(patients)
    after = split_by_patient(pd.concat([patients, pd.Series(["new"])], ignore_index=True))[:2000]
    assert (before != after).sum() <= 2


def test_faults():
    with pytest.raises(CxrError, match="2 of 3 images have no patient id"):
        split_by_patient(pd.Series(["a", None, " "]))
    with pytest.raises(CxrError, match="image id 'a' occurs twice"):
        split_by_image(pd.Series(["a", "a"]))
    for shares in ((8, 2), (0, 0, 0), (8, -1, 3)):
        with pytest.raises(CxrError, match="expected three whole parts"):
            split_by_image(pd.Series(["a"]), shares)
