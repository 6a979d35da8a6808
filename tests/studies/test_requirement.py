"""What studies need of tables, and what tables hold."""

import pytest

from cxrfactory.studies.catalogue import all_studies
from cxrfactory.studies.labelled_tables import write_labelled
from cxrfactory.studies.requirement import VIRTUAL, Holdings, Requirement, holdings_of
from tests.studies.films import film, table_of
from tests.studies.labelled import write_people


def test_a_table_holds_its_organs_by_source_and_says_whose_they_are(tmp_path):
    drawn = write_people(tmp_path / "drawn.parquet", [("a", "a", "LHC", "train", "M"), ("b", "b", "W", "val", None)])
    write_labelled(table_of([film("north")]), tmp_path / "masks.parquet")
    found = holdings_of([drawn, tmp_path / "masks.parquet"])
    assert found.labels == {"Tiny": {"LHC", "W"}, "North": {"LH"}}
    assert found.people == {"sex", "age", "condition"}
    plain = write_people(tmp_path / "plain.parquet", [("c", "c", "L", "train", None)], people=False)
    assert holdings_of([plain]).people == frozenset()


@pytest.mark.parametrize(
    ("requirement", "missing"),
    [
        (Requirement(), ""),
        (Requirement(organs="LHC"), ""),
        (Requirement(organs="HW"), "no image with heart and whole lungs"),
        (Requirement(sources=2), ""),
        (Requirement(sources=3), "lungs of 2 source only (A, B); expected 3 or more"),
        (Requirement(organs="LH", sources=2), "lungs of 1 source only (A); expected 2 or more"),
        (Requirement(definitions=True), ""),
        (Requirement(people=("sex", "age")), ""),
        (Requirement(people=("condition",)), "no image with a value in condition"),
        (Requirement(package="json"), ""),
        (
            Requirement(package="no_such_package"),
            "the package no_such_package is not installed (pip install 'cxrfactory[studies]')",
        ),
    ],
)
def test_what_is_missing_is_said(requirement, missing):
    holdings = Holdings({"A": frozenset({"LHC", "L"}), "B": frozenset({"W"})}, frozenset({"sex"}))
    assert requirement.unmet(holdings) == missing


def test_lungs_of_one_definition_and_no_lungs_at_all():
    assert "all end at the heart" in Requirement(definitions=True).unmet(VIRTUAL)
    whole = Holdings({"V7": frozenset({"W"})})
    assert "all include the part behind the heart" in Requirement(definitions=True).unmet(whole)
    assert Requirement().unmet(whole) == ""
    assert Requirement().unmet(Holdings({"A": frozenset({"H"})})) == "no image with lungs"


def test_the_virtual_table_serves_the_studies_that_need_no_real_films():
    met = {name for name, study in all_studies().items() if not study.requires.unmet(VIRTUAL)}
    assert met == {
        "air-against-anatomy",
        "ctr-training-sets",
        "cxlseg-networks",
        "devices",
        "hybridgnet-models",
        "masks-to-landmarks",
        "occlusion",
        "rca-lungs",
        "removed-labels",
        "retrain",
    }
    assert all(study.needs for name, study in all_studies().items() if name not in met)
