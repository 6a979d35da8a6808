"""Report an unknown target in one line with the nearest names."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from itertools import product
from typing import Any

from cxrfactory.stages import WILDCARD
from cxrfactory.workflow.plan import Plan
from cxrfactory.workflow.results import PRODUCTS, STAGES


def name_nearest(workflow: Any, plan: Plan) -> None:
    """Replace the text of Snakemake's ``MissingRuleException`` by one line with the nearest names.

    The Snakefile is read before Snakemake knows the targets, so it cannot check them. Snakemake itself detects that no
    rule makes a target; only the text of its exception is replaced. If another version of Snakemake defines the
    exception elsewhere, its own text is kept.

    Parameters
    ----------
    workflow
        Snakemake's workflow, after all rules were read.
    plan
        Plan of the config.
    """
    from snakemake import dag

    usual = getattr(dag, "MissingRuleException", None)
    if usual is None or hasattr(usual, "target"):
        return

    class UnknownTarget(usual):  # type: ignore[misc,valid-type]
        """Exception whose text is computed only when it is shown, because Snakemake also raises and catches it."""

        target = ""

        def __init__(self, file: Any, *arguments: Any, **named: Any) -> None:
            super().__init__(file, *arguments, **named)
            self.target = str(file)

        def __str__(self) -> str:
            return refusal(self.target, [rule.name for rule in workflow.rules], plan)

    dag.MissingRuleException = UnknownTarget


def refusal(target: str, rules: Iterable[str], plan: Plan) -> str:
    """Return the line for a target that no rule makes."""
    folder = plan.results.folder
    moved = f"{folder}/{target.removeprefix('results/')}"
    if target.startswith("results/") and moved in set(known_files(plan)):
        return f"target {target!r}: this config puts results into '{folder}'; expected {moved}"
    near = nearest(target, [*rules, *known_files(plan)])
    like = f"; the nearest: {', '.join(near)}" if near else ""
    return (
        f"target {target!r}: no rule makes it{like}; expected a rule (snakemake --list) or a file of a rule "
        "(docs/architecture.md)"
    )


def nearest(path: str, names: Iterable[str], count: int = 3) -> list[str]:
    """Return the names that are most similar to a path, the nearest first."""
    return get_close_matches(path, sorted(set(names)), count, cutoff=0.75)


def known_files(plan: Plan) -> Iterator[str]:
    """Yield the files and folders that the workflow can make; of shards and repeats, only the first."""
    choices = {
        "dataset": plan.releases.names,
        "scans": plan.scans.names,
        "model": plan.comparison.known,
        "name": plan.comparison.names,
        "held": ["all"],
        "classifier": plan.config.classify.models,
        "picture": ["original", "segmented"],
        "repeat": ["0"],
        "study": plan.paper_studies.names,
        "step": [],
    }
    for name in PRODUCTS:
        choices |= getattr(plan.product(name), "choices", {})
    for stage in STAGES.values():
        for path in plan.results.out(stage.name).values():
            wanted = list(dict.fromkeys(WILDCARD.findall(path)))
            for values in product(*(choices.get(name, [""]) for name in wanted)):
                filled = dict(zip(wanted, values, strict=True))
                if "shard" in filled and {"scans", "dataset"} & set(filled):
                    of_ct = "scans" in filled
                    shards = plan.scans.shards(filled["scans"]) if of_ct else plan.releases.shards(filled["dataset"])
                    filled["shard"] = shards[0]
                yield path.format(**filled)
