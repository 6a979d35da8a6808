"""The rule of results/agreement: which tables it takes, and its options."""

import pytest

from cxrfactory.errors import CxrError
from cxrfactory.workflow.agreement import SEVERITY
from cxrfactory.workflow.plan import Plan
from cxrfactory.workflow.results import STAGES


def test_the_tables_of_the_config_become_inputs_and_options():
    given = {"measured": "m.csv", "reference": ["r.csv"], "links": ["l.csv"], "answers": {"model a": "a.csv"}}
    plan = Plan.of({"agreement": given | {"measured_item": None, "findings": ["x=y"], "seed": 3}}).agreement
    assert (plan.measured, plan.reference, plan.links, plan.answers) == (["m.csv"], ["r.csv"], ["l.csv"], ["a.csv"])
    plan.check(["results/agreement"])
    options = plan.options()
    assert options[:4] == ["--measured=m.csv", "--reference=r.csv", "--links=l.csv", "--answers=model a=a.csv"]
    assert {"--findings=x=y", "--measured-item=none", "--seed=3"} <= set(options)


def test_nothing_to_compare_is_said_in_one_line_where_the_study_is_asked_for():
    plan = Plan.of({"agreement": {"measured": "m.csv"}}).agreement
    if SEVERITY in STAGES and plan.reference:
        pytest.skip("the workflow makes reference grades itself")
    plan.check(["results/chexmask"])
    for target in ("agreement", "results/agreement", "./results/agreement/"):
        with pytest.raises(CxrError, match=r"results/agreement: key 'agreement.reference' names no table"):
            plan.check([target])
