"""The stages of ``results/roots``, and the config values that their rules use."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cxrfactory.stages import Product, Stage, Step
from cxrfactory.tables.keys import shard_names

if TYPE_CHECKING:
    from cxrfactory.config import Config
    from cxrfactory.config.roots import RootsConfig

VIRTUAL_CREDIT = "Virtual plates of this program: simulated growth and computed pictures, free of rights of others"
TRAIN, TEST = "train", "test"  # parts of the virtual plates

STAGES = (
    Stage(
        "roots_cohort",
        "Makes one virtual plate: its pictures over time, with true masks, graphs and traits.",
        "roots/cohort/{part}/{plate}",
        {
            "pictures": "roots-work/virtual/{part}/{plate}/",
            "truth": "roots-work/truth/{part}/{plate}/",
        },
    ),
    Stage(
        "roots_examples",
        "Collects the pictures with masks that networks of roots learn from.",
        "roots/examples",
        {"examples": "roots-work/examples.parquet"},
    ),
    Stage(
        "roots_train",
        "Trains one network that finds roots in pictures.",
        "roots/train/{network}",
        {
            "weights": "roots-work/weights/{network}.safetensors",
            "card": "roots-work/weights/{network}.json",
            "history": "roots-work/weights/{network}.history.csv",
        },
    ),
    Stage(
        "roots_read",
        "Reads the plates: pictures in the order of time, scale, movements of the camera, plants and groups.",
        "roots/read",
        {
            "frames": "roots-work/read/frames.parquet",
            "plants": "roots-work/read/plants.parquet",
            "rejected": "roots-work/read/rejected.parquet",
        },
    ),
    Stage(
        "roots_segment",
        "Finds the roots in the pictures of the plates of one shard, with the evidence of earlier pictures.",
        "roots/segment/{shard}",
        {
            "masks": "roots-work/segment/{shard}.parquet",
            "rejected": "roots-work/segment/{shard}.rejected.parquet",
        },
    ),
    Stage(
        "roots_graphs",
        "Makes the labelled graph of every plant at every time, and its traits.",
        "roots/graphs/{shard}",
        {
            "plants": "roots-work/graphs/{shard}.plants.parquet",
            "nodes": "roots-work/graphs/{shard}.nodes.parquet",
            "edges": "roots-work/graphs/{shard}.edges.parquet",
            "traits": "roots-work/graphs/{shard}.traits.parquet",
            "laterals": "roots-work/graphs/{shard}.laterals.parquet",
        },
        rows="traits",
    ),
    Stage(
        "roots_files",
        "Writes the graphs as RSML and GraphML, and draws them over the pictures of the plates.",
        "roots/files/{shard}",
        {
            "files": "roots-work/files/{shard}/",
            "pictures": "roots-work/files/{shard}.pictures.parquet",
        },
        rows="pictures",
    ),
    Stage(
        "roots_growth",
        "Measures growth over time, and compares the groups of plants.",
        "roots/growth",
        {"folder": "roots-work/growth/"},
    ),
    Stage(
        "roots_evaluate",
        "Compares the graphs and traits with the truth of the virtual plates.",
        "roots/evaluate",
        {
            "folder": "roots-work/evaluation/",
            "summary": "figures/roots/summary.csv",
        },
    ),
    Stage(
        "roots",
        "Packs the root systems and closes the product: traits, graphs, masks, RSML, growth, checksums.",
        "roots/package",
        {"product": "roots/", "montage": "figures/roots/montage.png"},
    ),
)


def steps(config: "Config") -> Iterable[Step]:
    """Yield the steps to the product in the order of the data flow; steps for given files are omitted."""
    plan = RootsFiles(config.roots)
    virtual = [{"part": part, "plate": plate} for part in plan.parts for plate in plan.plates(part)]
    if virtual:
        yield Step("roots_cohort", "virtual", tuple(virtual))
    if plan.trained:
        yield Step("roots_examples")
        for network in config.roots.networks:
            yield Step("roots_train", network, ({"network": network},))
    yield Step("roots_read")
    shards = tuple({"shard": shard} for shard in plan.shards)
    for stage in ("roots_segment", "roots_graphs", "roots_files"):
        yield Step(stage, plan.release, shards)
    yield Step("roots_growth")
    if plan.evaluated:
        yield Step("roots_evaluate")
    yield Step("roots")


@dataclass(frozen=True)
class RootsFiles:
    """Which plates and networks a config asks for."""

    section: "RootsConfig"

    @property
    def trained(self) -> bool:
        """Whether networks are trained here."""
        return self.section.weights is None

    @property
    def evaluated(self) -> bool:
        """Whether the product holds virtual plates, whose truth is known."""
        return self.section.root is None

    @property
    def release(self) -> str:
        """Name of the plates in the accounts."""
        return "virtual" if self.evaluated else "own"

    @property
    def parts(self) -> list[str]:
        """The parts of the virtual plates that are made."""
        learned = self.trained and self.section.labelled is None
        return ([TRAIN] if learned else []) + ([TEST] if self.evaluated else [])

    def plates(self, part: str) -> list[str]:
        """Return the names of the virtual plates of a part."""
        return self.section.learned_plates if part == TRAIN else self.section.compared_plates

    @property
    def shards(self) -> list[str]:
        """File stems of the shards of plates."""
        return shard_names(self.section.plate_shards)


@dataclass(frozen=True)
class RootsPlan:
    """Config values for the rules of the product."""

    plan: Any

    @property
    def section(self) -> "RootsConfig":
        """Section ``roots`` of the config."""
        return self.plan.config.roots

    @property
    def asked(self) -> RootsFiles:
        """Which plates and networks the config asks for."""
        return RootsFiles(self.section)

    @property
    def choices(self) -> dict[str, list[str]]:
        """Values of the wildcards of the product's stages."""
        return {
            "network": list(self.section.networks),
            "part": [TEST],
            "plate": self.asked.plates(TEST)[:1],
            "shard": self.asked.shards[:1],
        }

    def virtual(self, part: str, output: str) -> list[str]:
        """Return one output of ``roots_cohort`` for all plates of a part."""
        path = self.plan.results.out("roots_cohort")[output]
        return [path.format(part=part, plate=plate) for plate in self.asked.plates(part)]

    def roots(self) -> list[str]:
        """Return the folders of plates that the product holds."""
        return self.virtual(TEST, "pictures") if self.section.root is None else [self.section.root]

    def groups(self) -> list[str]:
        """Return the tables of the plants' groups: the given one, or those of the virtual plates."""
        if self.section.root is None:
            return [f"{folder.rstrip('/')}/groups.csv" for folder in self.virtual(TEST, "truth")]
        return [] if self.section.groups is None else [self.section.groups]

    def read_inputs(self) -> list[str]:
        """Return the files and folders that the stage ``roots_read`` reads."""
        given = [] if self.section.plants_table is None else [self.section.plants_table]
        return [*self.roots(), *self.truth(), *given, *([] if self.asked.evaluated else self.groups())]

    def truth(self) -> list[str]:
        """Return the folders of the truth of the virtual plates that the product holds."""
        return self.virtual(TEST, "truth") if self.asked.evaluated else []

    def read_options(self) -> list[str]:
        """Return the options of ``roots-read`` that name its inputs."""
        plants = self.section.options("plants_table")
        return [f"--root={path}" for path in self.roots()] + [f"--groups={path}" for path in self.groups()] + plants

    def learned(self) -> list[str]:
        """Return the folders that the stage ``roots_examples`` reads."""
        if self.section.labelled is not None:
            return [self.section.labelled]
        return self.virtual(TRAIN, "pictures") + self.virtual(TRAIN, "truth")

    def learned_options(self) -> list[str]:
        """Return the options of ``roots-examples`` that name its inputs."""
        if self.section.labelled is not None:
            return [f"--labelled={self.section.labelled}"]
        pairs = zip(self.virtual(TRAIN, "pictures"), self.virtual(TRAIN, "truth"), strict=True)
        return [f"--plate={pictures}={truth}" for pictures, truth in pairs]

    def weights(self) -> list[str]:
        """Return the weights that find the roots, given or trained here."""
        if self.section.weights is not None:
            return [self.section.weights]
        path = self.plan.results.out("roots_train").weights
        return [path.format(network=network) for network in self.section.networks]

    def cards(self) -> list[str]:
        """Return the cards of the weights."""
        from cxrfactory.tables.weights import card_path  # late, because the map of results is light to import

        return [str(card_path(path)) for path in self.weights()]

    def sharded(self, stage: str, output: str) -> list[str]:
        """Return one output of a stage in all shards of plates."""
        path = self.plan.results.out(stage)[output]
        return [path.format(shard=shard) for shard in self.asked.shards]

    def tables(self) -> list[str]:
        """Return the options of ``package-roots`` and ``study roots`` for the tables of ``roots_graphs``."""
        return [f"--{name}={path}" for name, paths in self._graph_tables().items() for path in paths]

    def graph_tables(self) -> list[str]:
        """Return all tables of ``roots_graphs`` in all shards."""
        return [path for paths in self._graph_tables().values() for path in paths]

    def _graph_tables(self) -> dict[str, list[str]]:
        names = self.plan.results.out("roots_graphs")
        return {name: self.sharded("roots_graphs", name) for name in names}

    def rejected(self) -> list[str]:
        """Return the tables of what was rejected."""
        read = [self.plan.results.out("roots_read").rejected]
        return read + self.sharded("roots_segment", "rejected")

    def evaluation(self) -> list[str]:
        """Return the folder of the evaluation, if there is one."""
        return [self.plan.results.out("roots_evaluate").folder] if self.asked.evaluated else []

    def options(self, *sections: str) -> list[str]:
        """Return the options of commands, by the names of classes of :mod:`cxrfactory.config.roots`."""
        from cxrfactory.config import roots

        names = [name for section in sections for name in getattr(roots, section).model_fields]
        return self.section.options(*names)

    def credits(self) -> list[str]:
        """Return the credits of the product."""
        return [f"--credit={VIRTUAL_CREDIT}"] if self.asked.evaluated else []


PRODUCT = Product("roots", STAGES, steps, RootsPlan)
