"""Which files each job of a product writes, by the config alone.

The rules of the workflow say the same (a test holds the two together); here it is known without Snakemake, in
milliseconds.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cxrfactory.config import Config
from cxrfactory.errors import CxrError
from cxrfactory.ingest.datasets import complete
from cxrfactory.tables.keys import shard_name

LABELLED = "labelled"
SHARED = "(all)"  # stands for the release of what is made once for all of them


@dataclass(frozen=True)
class Job:
    """One run of a rule.

    Parameters
    ----------
    outputs
        Its files; rows are counted in the first.
    rejected
        That of ``outputs`` which holds rejections; None where the rule has none.
    log, benchmark
        Where its log and its times stand.
    """

    outputs: tuple[Path, ...]
    rejected: Path | None
    log: Path
    benchmark: Path


@dataclass(frozen=True)
class Stage:
    """A rule's jobs for one release, or for all releases together."""

    rule: str
    release: str
    jobs: tuple[Job, ...]


class _Places:
    """Makes jobs of paths below the folder of results."""

    def __init__(self, config: Config) -> None:
        self.root = Path(config.results)

    def job(self, log: str, *outputs: str, rejected: str | None = None) -> Job:
        names = [*outputs, *([] if rejected is None else [rejected])]
        return Job(
            tuple(self.root / name for name in names),
            None if rejected is None else self.root / rejected,
            self.root / "logs" / f"{log}.log",
            self.root / "benchmarks" / f"{log}.tsv",
        )

    def one(self, rule: str, log: str, *outputs: str, release: str = SHARED, rejected: str | None = None) -> Stage:
        return Stage(rule, release, (self.job(log, *outputs, rejected=rejected),))

    def shards(self, rule: str, release: str, count: int, folder: str, *parts: str) -> Stage:
        """One job a shard; ``parts`` are the endings of its files before ``.parquet``, the last the rejections."""
        jobs = []
        for shard in range(count):
            name = shard_name(shard, count)
            *outputs, rejected = [f"{folder}/{release}/{name}{part}.parquet" for part in parts]
            jobs.append(self.job(f"{rule}/{release}/{name}", *outputs, rejected=rejected))
        return Stage(rule, release, tuple(jobs))


def products() -> list[str]:
    """Names of the products whose status is known."""
    return list(_PRODUCTS)


def stages_of(config: Config, product: str) -> list[Stage]:
    """Stages of a product in the order of the data flow.

    Raises
    ------
    CxrError
        If the product is unknown, or a dataset's layout.
    """
    if product not in _PRODUCTS:
        raise CxrError(f"target '{product}' is unknown; expected one of {', '.join(_PRODUCTS)}")
    return _PRODUCTS[product](complete(config), _Places(config))


def _labelled(places: _Places) -> Stage:
    files = ("manifest/labelled.parquet",)
    return places.one("ingest_labelled", "ingest/labelled", *files, rejected="manifest/labelled.rejected.parquet")


def _manifest(places: _Places, name: str) -> Stage:
    files = (f"manifest/{name}.parquet", f"manifest/{name}.summary.csv")
    return places.one("ingest", f"ingest/{name}", *files, release=name)


def _chexmask(config: Config, places: _Places) -> list[Stage]:
    stages = [
        _labelled(places),
        places.one("preprocess_labelled", "preprocess/labelled", "preprocess/labelled.parquet",
                   rejected="preprocess/labelled.rejected.parquet"),
    ]  # fmt: skip
    if config.infer.weights is None:
        stages.append(places.one("train", "train", "train/segmenter.safetensors", "train/segmenter.json"))
    stages.append(places.one("rca_reference", "rca/reference", "rca/reference.parquet"))
    if config.rca.method == "deep" and config.rca.network is None:
        stages.append(places.one("rca_train", "rca/train", "rca/registration.safetensors", "rca/registration.json"))
    for name, dataset in config.datasets.items():
        stages.append(_manifest(places, name))
        for rule in ("preprocess", "infer", "rca"):
            stages.append(places.shards(rule, name, dataset.shards, rule, "", ".rejected"))
    if config.rca.calibration == LABELLED:
        stages.append(places.one("rca_calibrate", "rca/calibrate", "rca/calibration.json"))
    for name in config.datasets:
        folders = (f"package/{name}/product", f"package/{name}/accounts")
        stages.append(places.one("package", f"package/{name}", *folders, release=name))
    return [*stages, places.one("chexmask", "chexmask", "chexmask")]


def _radgenome(config: Config, places: _Places) -> list[Stage]:
    stages = []
    for name, scans in config.scans.items():
        manifest = f"manifest/scans/{name}.parquet"
        stages.append(places.one("ingest_scans", f"ingest/scans/{name}", manifest, release=name))
        parts = (".studies", ".images", ".masks", ".rejected")
        stages.append(places.shards("project", name, scans.shards, "project", *parts))
    return [*stages, places.one("radgenome", "radgenome", "radgenome")]


def _cxlseg(config: Config, places: _Places) -> list[Stage]:
    stages = []
    if config.cxlseg.weights is None:
        folder = "cxlseg-weights"
        stages += [
            _labelled(places),
            places.one("cxlseg_labelled", "cxlseg_labelled", f"{folder}/labelled.parquet",
                       rejected=f"{folder}/labelled.rejected.parquet"),
            places.one("cxlseg_weights", "cxlseg_weights", f"{folder}/weights.safetensors", f"{folder}/weights.json"),
        ]  # fmt: skip
    reported = {name: dataset for name, dataset in config.datasets.items() if dataset.reports is not None}
    for name, dataset in reported.items():
        files = f"reports/{name}.parquet", f"reports/{name}.summary.csv"
        stages += [
            _manifest(places, name),
            places.one("reports", f"reports/{name}", *files, release=name, rejected=f"reports/{name}.rejected.parquet"),
            places.shards("cxlseg_shard", name, dataset.shards, "cxlseg-shards", "", ".rejected"),
        ]
    for name in reported:
        folders = (f"cxlseg-release/{name}/product", f"cxlseg-release/{name}/accounts")
        stages.append(places.one("package_cxlseg", f"package_cxlseg/{name}", *folders, release=name))
    return [*stages, places.one("cxlseg", "cxlseg", "cxlseg")]


_PRODUCTS: dict[str, Callable[[Config, _Places], list[Stage]]] = {
    "chexmask": _chexmask,
    "radgenome": _radgenome,
    "cxlseg": _cxlseg,
}
