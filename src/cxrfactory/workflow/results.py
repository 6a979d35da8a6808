"""The only map of results: every stage with its files, its log, its table of times and its purpose.

Rules, the status and the table in ``docs/architecture.md`` read this map. A new stage is an entry in
:mod:`cxrfactory.workflow.stage_files` or in its product's folder. A new product is its name in :data:`NAMES` and a
module ``products/NAME/workflow.py``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from cxrfactory.errors import CxrError
from cxrfactory.stages import Product, Stage
from cxrfactory.workflow.stage_files import STAGES as SHARED

# In the order of the documentation; plain `snakemake` makes the first product.
NAMES = ("chexmask", "radgenome", "cxlseg", "hearts", "roots")
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
        Name of the stage.
    paths
        Paths of its outputs by name; wildcards such as ``{dataset}`` are kept.
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
    """The map of results with a config's folders filled in.

    Parameters
    ----------
    folder
        Folder for all results.
    cohort
        Folder of the virtual cohort.
    """

    folder: str
    cohort: str

    def out(self, name: str) -> Outputs:
        """Return the outputs of a stage; folders have no trailing ``/``."""
        return Outputs(name, {output: self._place(path) for output, path in stage(name).outputs.items()})

    def log(self, name: str) -> str:
        """Return the path of a stage's log."""
        return f"{self.folder}/logs/{stage(name).log}.log"

    def benchmark(self, name: str) -> str:
        """Return the path of a stage's table of times."""
        return f"{self.folder}/benchmarks/{stage(name).log}.tsv"

    def _place(self, path: str) -> str:
        path = path.rstrip("/")
        inside = path.removeprefix("{cohort}/")
        return f"{self.folder}/{path}" if inside == path else f"{self.cohort}/{inside}"


def describe(rules: Any) -> None:
    """Set the purposes of the map as docstrings of Snakemake's rules; ``snakemake --list`` shows them.

    Parameters
    ----------
    rules
        Snakemake's ``workflow.rules``.
    """
    for rule in rules:
        if rule.name in STAGES:
            rule.docstring = STAGES[rule.name].purpose
