"""The stages of ``results/hearts``, and the config values that their rules use."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cxrfactory.stages import Product, Stage, Step
from cxrfactory.tables.keys import shard_names

if TYPE_CHECKING:
    from cxrfactory.config import Config
    from cxrfactory.config.hearts import HeartsConfig

VIRTUAL_CREDIT = "Virtual patients of this program: parametric surfaces and computed images, free of rights of others"
TEST, OWN = "test", "own"  # parts of the cases: the virtual test patients, and the user's own

STAGES = (
    Stage(
        "hearts_template",
        "Makes the template of the heart, a tetrahedral mesh with its parts, and the graphs of the networks.",
        "hearts/template",
        {
            "template": "hearts-work/template.npz",
            "surface": "hearts-work/surface.npz",
            "volume": "hearts-work/volume.npz",
        },
    ),
    Stage(
        "hearts_cohort",
        "Makes the virtual hearts of one shard: cardiac MR views of both frames, with the true meshes.",
        "hearts/cases/{shard}",
        {
            "cases": "hearts-work/cases/{shard}.parquet",
            "pictures": "hearts-work/cases/{shard}.pictures.parquet",
        },
    ),
    Stage(
        "hearts_read",
        "Reads the user's own cardiac MR: views by geometry, end-diastole and end-systole.",
        "hearts/read",
        {
            "cases": "hearts-work/read/cases.parquet",
            "readings": "hearts-work/read/readings.parquet",
            "rejected": "hearts-work/read/rejected.parquet",
        },
    ),
    Stage(
        "hearts_finder",
        "Trains the network that finds the heart in the whole short-axis stack.",
        "hearts/train/finder",
        {
            "weights": "hearts-work/weights/finder.safetensors",
            "card": "hearts-work/weights/finder.json",
            "history": "hearts-work/weights/finder.history.csv",
        },
    ),
    Stage(
        "hearts_train",
        "Trains one network that finds the mesh in the views.",
        "hearts/train/{network}",
        {
            "weights": "hearts-work/weights/{network}.safetensors",
            "card": "hearts-work/weights/{network}.json",
            "history": "hearts-work/weights/{network}.history.csv",
        },
    ),
    Stage(
        "hearts_infer",
        "Finds the meshes of one shard, with the spread of every node over latent samples.",
        "hearts/infer/{network}/{part}/{shard}",
        {
            "meshes": "hearts-work/infer/{network}/{part}/{shard}.parquet",
            "rejected": "hearts-work/infer/{network}/{part}/{shard}.rejected.parquet",
        },
    ),
    Stage(
        "hearts_meshes",
        "Measures the meshes of one shard and writes them: volumes, masks in the slices, mesh files.",
        "hearts/meshes/{part}/{shard}",
        {
            "hearts": "hearts-work/meshes/{part}/{shard}.parquet",
            "masks": "hearts-work/meshes/{part}/{shard}.masks.parquet",
            "slices": "hearts-work/meshes/{part}/{shard}.slices.parquet",
            "files": "hearts-work/meshes/{part}/{shard}/",
        },
    ),
    Stage(
        "hearts_evaluate",
        "Compares the networks with the true meshes of the virtual test patients.",
        "hearts/evaluate",
        {
            "folder": "hearts-work/evaluation/",
            "networks": "figures/hearts/networks.csv",
            "volumes": "figures/hearts/volumes.png",
        },
    ),
    Stage(
        "hearts",
        "Packs the meshes of hearts and closes the product: rows, masks, mesh files, evaluation, checksums.",
        "hearts",
        {"product": "hearts/", "montage": "figures/hearts/montage.png"},
    ),
)


def steps(config: "Config") -> Iterable[Step]:
    """Yield the steps to the product in the order of the data flow; steps for given files are omitted."""
    plan = HeartsFiles(config.hearts)
    section = config.hearts
    yield Step("hearts_template")
    if plan.evaluated:
        yield _step("hearts_cohort", "virtual", [{"shard": shard} for shard in plan.shards(TEST)])
    if section.root is not None:
        yield Step("hearts_read")
    if section.weights is None:
        yield Step("hearts_finder")
        for network in plan.networks:
            yield _step("hearts_train", network, [{"network": network}])
    for network in plan.networks:
        for part in plan.inferred(network):
            runs = [{"network": network, "part": part, "shard": shard} for shard in plan.shards(part)]
            yield _step("hearts_infer", f"{network}, {part}", runs)
    yield _step(
        "hearts_meshes", plan.packed, [{"part": plan.packed, "shard": shard} for shard in plan.shards(plan.packed)]
    )
    if plan.evaluated:
        yield Step("hearts_evaluate")
    yield Step("hearts")


def _step(stage: str, name: str, runs: list[dict[str, str]]) -> Step:
    return Step(stage, name, tuple(runs))


@dataclass(frozen=True)
class HeartsFiles:
    """Which cases and networks a config asks for."""

    section: "HeartsConfig"

    @property
    def networks(self) -> list[str]:
        """Names of the networks; the first draws the product."""
        names = list(self.section.networks)
        return names if self.section.weights is None else names[:1]

    @property
    def packed(self) -> str:
        """The part of the cases that the product holds."""
        return TEST if self.section.root is None else OWN

    @property
    def release(self) -> str:
        """Name of the packed cases in the accounts."""
        return "virtual" if self.packed == TEST else self.packed

    @property
    def evaluated(self) -> bool:
        """Whether networks are compared with the truth of the virtual test patients."""
        return self.section.root is None or self.section.weights is None

    def inferred(self, network: str) -> list[str]:
        """Return the parts of the cases in which a network finds meshes."""
        packed = [self.packed] if network == self.networks[0] else []
        return list(dict.fromkeys([*packed, *([TEST] if self.evaluated else [])]))

    def shards(self, part: str) -> list[str]:
        """Return the file stems of the shards of a part of the cases."""
        return shard_names(1 if part == OWN else self.section.shards)


@dataclass(frozen=True)
class HeartsPlan:
    """Config values for the rules of the product."""

    plan: Any

    @property
    def section(self) -> "HeartsConfig":
        """Section ``hearts`` of the config."""
        return self.plan.config.hearts

    @property
    def asked(self) -> HeartsFiles:
        """Which cases and networks the config asks for."""
        return HeartsFiles(self.section)

    @property
    def choices(self) -> dict[str, list[str]]:
        """Values of the wildcards of the product's stages."""
        return {"network": self.asked.networks, "part": [self.asked.packed], "shard": self.asked.shards(TEST)[:1]}

    def cases(self, wildcards: Any) -> str:
        """Return the table of cases of one shard."""
        if wildcards.part == OWN:
            return self.plan.results.out("hearts_read").cases
        return self.plan.results.out("hearts_cohort").cases.format(shard=wildcards.shard)

    def virtual(self, output: str) -> list[str]:
        """Return one output of ``hearts_cohort`` in all shards of the virtual cohort."""
        path = self.plan.results.out("hearts_cohort")[output]
        return [path.format(shard=shard) for shard in self.asked.shards(TEST)]

    def split(self, part: str | None = None) -> list[str]:
        """Return the option that chooses the cases of a part (by default of the packed part) from their tables."""
        return [] if (self.asked.packed if part is None else part) == OWN else [f"--split={TEST}"]

    def graph(self, wildcards: Any) -> str:
        """Return the graph of a network's mesh."""
        return self.plan.results.out("hearts_template")["volume" if "volume" in wildcards.network else "surface"]

    def finder(self) -> list[str]:
        """Return the weights of the finder and their card: the given ones, or those that are trained here."""
        from cxrfactory.tables.weights import card_path  # late, because the map of results is light to import

        given = self.section.finder
        path = self.plan.results.out("hearts_finder").weights if given is None else given
        return [path, str(card_path(path))]

    def weights(self, wildcards: Any) -> list[str]:
        """Return the weights of a network and their card: the given ones, or those that are trained here."""
        from cxrfactory.tables.weights import card_path  # late, because the map of results is light to import

        given = self.section.weights
        path = (
            self.plan.results.out("hearts_train").weights.format(network=wildcards.network) if given is None else given
        )
        return [path, str(card_path(path))]

    def meshes(self, network: str, part: str, output: str = "meshes") -> list[str]:
        """Return one output of the inference of a network in all shards of a part."""
        path = self.plan.results.out("hearts_infer")[output]
        return [path.format(network=network, part=part, shard=shard) for shard in self.asked.shards(part)]

    def measured(self, output: str) -> list[str]:
        """Return one output of ``hearts_meshes`` in all shards of the product."""
        path, part = self.plan.results.out("hearts_meshes")[output], self.asked.packed
        return [path.format(part=part, shard=shard) for shard in self.asked.shards(part)]

    def evaluated(self) -> dict[str, list[str]]:
        """Return the meshes of the virtual test patients by network."""
        return {network: self.meshes(network, TEST) for network in self.asked.networks}

    def evaluation(self) -> list[str]:
        """Return the folder of the evaluation, if there is one."""
        return [self.plan.results.out("hearts_evaluate").folder] if self.asked.evaluated else []

    @property
    def pattern(self) -> str:
        """Regular expression that matches the names of the networks."""
        return "|".join(self.asked.networks)

    def own(self) -> list[str]:
        """Return the folder of the user's own cardiac MR, if the config names one."""
        return [] if self.section.root is None else [self.section.root]

    def packed_cases(self) -> list[str]:
        """Return the tables of cases of the product."""
        if self.asked.packed == OWN:
            return [self.plan.results.out("hearts_read").cases]
        return self.virtual("cases")

    def card(self) -> str:
        """Return the card of the weights that draw the product."""
        path = self.plan.results.out("hearts_train").card
        return path.format(network=self.asked.networks[0]) if self.section.weights is None else self._card_of_given()

    def _card_of_given(self) -> str:
        from cxrfactory.tables.weights import card_path  # late, because the map of results is light to import

        return str(card_path(str(self.section.weights)))

    def options(self, *sections: str) -> list[str]:
        """Return the options of commands, by the names of classes of :mod:`cxrfactory.config.hearts`."""
        from cxrfactory.config import hearts

        names = [name for section in sections for name in getattr(hearts, section).model_fields]
        return self.section.options(*names)

    def training_options(self) -> list[str]:
        """Return the options of both trainings."""
        return self.options("HeartsTrainConfig") + self.section.options("device")

    def evaluated_options(self) -> list[str]:
        """Return the options of ``study hearts`` with the meshes of each network."""
        return [f"--meshes={network}={path}" for network, paths in self.evaluated().items() for path in paths]

    def credits(self) -> list[str]:
        """Return the credits of the product."""
        return [] if self.asked.packed == OWN else [f"--credit={VIRTUAL_CREDIT}"]

    def rejected(self) -> list[str]:
        """Return the tables of rejected cases."""
        read = [] if self.section.root is None else [self.plan.results.out("hearts_read").rejected]
        return read + self.meshes(self.asked.networks[0], self.asked.packed, "rejected")


PRODUCT = Product("hearts", STAGES, steps, HeartsPlan)
