"""The stages of ``results/radgenome``, and the config values that their rules use."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cxrfactory.stages import Product, Stage, Step

if TYPE_CHECKING:
    from cxrfactory.config import Config

STAGES = (
    Stage(
        "radgenome",
        "Packs the projected studies and closes the product: images, masks, regions, statistics, checksums.",
        "radgenome",
        {
            "product": "radgenome/",
            "montage": "figures/radgenome.montage.png",
            "footprint": "figures/radgenome.footprint.png",
            "classes": "figures/radgenome.classes.png",
            "inventory": "figures/radgenome.inventory.csv",
            "table": "figures/radgenome.footprint.csv",
        },
    ),
)


def steps(config: "Config") -> Iterable[Step]:
    """Yield the steps to the product in the order of the data flow."""
    for name in config.scans:
        yield Step("ingest_scans", name)
        yield Step("project", name)
    yield Step("radgenome")


@dataclass(frozen=True)
class RadgenomePlan:
    """Config values for the rules of the product."""

    plan: Any

    def options(self) -> list[str]:
        """Return the options of ``package-radgenome``."""
        return self.plan.config.project.options("validation_fraction", "mask_png")


PRODUCT = Product("radgenome", STAGES, steps, RadgenomePlan)
