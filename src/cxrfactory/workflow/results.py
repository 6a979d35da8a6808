"""The one map of results: every stage with its files, its log, its times and what it is for.

Rules, the status and the table in ``docs/architecture.md`` read it. A new stage is an entry in
:mod:`cxrfactory.workflow.shared` or in its product's room; a new product is its name in :data:`PRODUCTS` and a module
``products/NAME/workflow.py``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from cxrfactory.errors import CxrError
from cxrfactory.stages import Product, Stage
from cxrfactory.workflow.shared import STAGES as SHARED

# In the order of the documentation; the first is what plain `snakemake` makes.
NAMES = ("chexmask", "radgenome", "cxlseg")
PRODUCTS: dict[str, Product] = {name: import_module(f"cxrfactory.products.{name}.workflow").PRODUCT for name in NAMES}
STAGES: dict[str, Stage] = {
    stage.name: stage for stage in (*SHARED, *(own for product in PRODUCTS.values() for own in product.stages))
}


def stage(name: str) -> Stage:
    """Return a stage by the name of its rule.

    Raises
    ------
    CxrError
        If the map has no such stage.
    """
    if name not in STAGES:
        raise CxrError(f"stage '{name}' is not in the map of results; expected one of {', '.join(STAGES)}")
    return STAGES[name]


class Outputs(Mapping[str, str]):
    """Paths of a stage's outputs by name: ``outputs.landmarks``, or ``**outputs`` in a rule.

    Parameters
    ----------
    name
        The stage.
    paths
        Its outputs; wildcards such as ``{dataset}`` stay.
    """

    def __init__(self, name: str, paths: Mapping[str, str]) -> None:
        self._name, self._paths = name, dict(paths)

    def __getattr__(self, output: str) -> str:
        if output.startswith("_"):
            raise AttributeError(output)
        return self[output]

    def __getitem__(self, output: str) -> str:
        if output not in self._paths:
            raise CxrError(f"stage '{self._name}' has no output '{output}'; expected one of {', '.join(self._paths)}")
        return self._paths[output]

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)


@dataclass(frozen=True)
class Results:
    """The map with the folders of a config put in.

    Parameters
    ----------
    folder
        Folder for everything that is made.
    cohort
        Folder of the virtual cohort.
    """

    folder: str
    cohort: str

    def out(self, name: str) -> Outputs:
        """Outputs of a stage; folders without their last ``/``."""
        return Outputs(name, {output: self._place(path) for output, path in stage(name).outputs.items()})

    def log(self, name: str) -> str:
        """Log of a stage."""
        return f"{self.folder}/logs/{stage(name).log}.log"

    def benchmark(self, name: str) -> str:
        """Table of a stage's times."""
        return f"{self.folder}/benchmarks/{stage(name).log}.tsv"

    def _place(self, path: str) -> str:
        path = path.rstrip("/")
        inside = path.removeprefix("{cohort}/")
        return f"{self.folder}/{path}" if inside == path else f"{self.cohort}/{inside}"


def describe(rules: Any) -> None:
    """Give Snakemake's rules the sentences of the map, which ``snakemake --list`` shows.

    Parameters
    ----------
    rules
        Snakemake's ``workflow.rules``.
    """
    for rule in rules:
        if rule.name in STAGES:
            rule.docstring = STAGES[rule.name].purpose
