"""Facts for the rule of results/measure: products to measure, options."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cxrfactory.config import Config
from cxrfactory.tables.sums import SUMS


@dataclass(frozen=True)
class Measurements:
    """The measurements of the products' masks."""

    config: Config

    def products(self, first: str, others: Sequence[str]) -> list[str]:
        """Return the folders of the products to measure.

        Parameters
        ----------
        first
            Folder of the product that is made if it is missing.
        others
            Folders of products that are measured where they are there already.
        """
        return [first, *(folder for folder in others if Path(folder, SUMS).is_file())]

    def options(self) -> list[str]:
        """Return the options of the command."""
        return self.config.measure.options()
