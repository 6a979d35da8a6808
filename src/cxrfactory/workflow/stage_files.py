"""The files of every stage that belongs to no single product: outputs, log, purpose."""

from cxrfactory.cohort.workflow import STAGES as COHORT
from cxrfactory.stages import Stage

STAGES = (
    *COHORT,
    Stage(
        "ingest",
        "Lists the images of a release, each included or excluded with its reason.",
        "ingest/{dataset}",
        {"manifest": "manifest/{dataset}.parquet", "summary": "manifest/{dataset}.summary.csv"},
    ),
    Stage(
        "selection",
        "Draws which images of the releases are included, and why others are not.",
        "selection",
        {"diagram": "figures/selection.png", "table": "figures/selection.csv"},
    ),
    Stage(
        "ingest_labelled",
        "Lists the labelled images with their landmarks and which organs they have, split by patient.",
        "ingest/labelled",
        {"table": "manifest/labelled.parquet", "rejected": "manifest/labelled.rejected.parquet"},
    ),
    Stage(
        "ingest_scans",
        "Lists the studies of a CT release, each included or excluded with its reason.",
        "ingest/scans/{scans}",
        {"manifest": "manifest/scans/{scans}.parquet"},
    ),
    Stage(
        "preprocess",
        "Turns the images of one shard into square 8-bit images, and keeps their geometry.",
        "preprocess/{dataset}/{shard}",
        {
            "images": "preprocess/{dataset}/{shard}.parquet",
            "rejected": "preprocess/{dataset}/{shard}.rejected.parquet",
        },
    ),
    Stage(
        "preprocess_labelled",
        "Turns the labelled images into square 8-bit images, with their landmarks.",
        "preprocess/labelled",
        {"images": "preprocess/labelled.parquet", "rejected": "preprocess/labelled.rejected.parquet"},
    ),
    Stage(
        "train",
        "Trains the segmenter, where no weights are given.",
        "train",
        {
            "weights": "train/segmenter.safetensors",
            "card": "train/segmenter.json",
            "history": "train/history.csv",
            "curves": "figures/training.png",
        },
    ),
    Stage(
        "weights",
        "Trains any one model: weights, card, history and curves.",
        "weights/{model}",
        {"folder": "weights/{model}/"},
    ),
    Stage(
        "compare_models",
        "Evaluates the models side by side: tables, tests, curves, overlays.",
        "compare_models",
        {
            "folder": "compare/evaluation/",
            "table": "figures/models/models.csv",
            "tests": "figures/models/wilcoxon.csv",
            "curves": "figures/models/curves.png",
            "overlays": "figures/models/overlays-{name}.png",
        },
    ),
    Stage(
        "audit_models",
        "Audits the models: perturbations of the images, and occlusion.",
        "audit_models",
        {
            "folder": "compare/audit/",
            "kinds": "figures/models/kinds.csv",
            "perturbations": "figures/models/perturbations.png",
            "occlusion": "figures/models/occlusion.png",
        },
    ),
    Stage("models", "Gathers the comparison and the audit of the models.", "models", {"folder": "models/"}),
    Stage(
        "generalise_train",
        "Trains the segmenter without one source (hospital), or with all.",
        "leave-out/{held}",
        {
            "weights": "leave-out/{held}.safetensors",
            "card": "leave-out/{held}.json",
            "history": "leave-out/{held}.history.csv",
        },
    ),
    Stage(
        "generalise_scores",
        "Scores the masks of such a segmenter by RCA; the references are of the sources that it was trained with.",
        "leave-out/scores-{held}",
        {"folder": "leave-out/scores/{held}/"},
    ),
    Stage(
        "generalise_test",
        "Tests such a segmenter on the source that it was trained without, or on the split val of all.",
        "leave-out/test-{held}",
        {"folder": "leave-out/tests/{held}/"},
    ),
    Stage(
        "generalise",
        "Tabulates by source what the segmenter finds on it unseen and seen, and how scores rank its masks.",
        "generalise",
        {
            "folder": "generalise/",
            "table": "figures/generalise/generalise.csv",
            "picture": "figures/generalise/generalise.png",
        },
    ),
    Stage(
        "benchmark_labelled",
        "Labels the projected radiographs with all structures, for the networks of the benchmark.",
        "zoo/labelled",
        {"table": "zoo/labelled.parquet"},
    ),
    Stage(
        "benchmark_train",
        "Trains one network of the benchmark from one seed.",
        "zoo/train-{model}-{seed}",
        {
            "weights": "zoo/{model}-{seed}.safetensors",
            "card": "zoo/{model}-{seed}.json",
            "history": "zoo/{model}-{seed}.history.csv",
        },
    ),
    Stage(
        "benchmark_score",
        "Scores such a network on held-out images: eight measures of each structure, and its cost.",
        "zoo/score-{model}-{seed}",
        {"scores": "zoo/{model}-{seed}.scores.parquet", "cost": "zoo/{model}-{seed}.cost.csv"},
    ),
    Stage(
        "benchmark",
        "Tabulates the networks of the benchmark: ranks, levels, groups, classes, pairs, cost.",
        "benchmark",
        {
            "folder": "benchmark/",
            "ranking": "figures/benchmark/ranking.csv",
            "pairs": "figures/benchmark/pairs.csv",
            "ranks": "figures/benchmark/ranking.png",
            "structures": "figures/benchmark/structures.png",
            "cost": "figures/benchmark/cost.png",
        },
    ),
    Stage(
        "zero_shot",
        "Tests a network of structures on real films that it was not trained on.",
        "zero-shot",
        {
            "folder": "zero-shot/",
            "summary": "figures/zero-shot/summary.csv",
            "published": "figures/zero-shot/published.csv",
            "plausibility": "figures/zero-shot/plausibility.csv",
            "sheets": "figures/zero-shot/sheets/",
        },
    ),
    Stage(
        "infer",
        "Draws the landmarks of one shard, their mean and standard deviation over latent samples, and the latent mean.",
        "infer/{dataset}/{shard}",
        {"landmarks": "infer/{dataset}/{shard}.parquet", "rejected": "infer/{dataset}/{shard}.rejected.parquet"},
    ),
    Stage(
        "overlays",
        "Draws the landmarks of a release over its images, for the report.",
        "overlays/{dataset}",
        {"picture": "figures/overlays.{dataset}.png"},
    ),
    Stage(
        "rca_reference",
        "Prepares the reference images that RCA compares with.",
        "rca/reference",
        {"reference": "rca/reference.parquet"},
    ),
    Stage(
        "rca_train",
        "Trains the registration network of RCA, where the config asks for it.",
        "rca/train",
        {
            "weights": "rca/registration.safetensors",
            "card": "rca/registration.json",
            "history": "rca/registration.csv",
        },
    ),
    Stage(
        "rca",
        "Scores the masks of one shard by reverse classification accuracy (RCA).",
        "rca/{dataset}/{shard}",
        {"scores": "rca/{dataset}/{shard}.parquet", "rejected": "rca/{dataset}/{shard}.rejected.parquet"},
    ),
    Stage(
        "rca_calibrate",
        "Calibrates RCA on labelled images that are no references, where the config asks for it.",
        "rca/calibrate",
        {"check": "rca/check/", "calibration": "rca/calibration.json", "picture": "rca/calibration.png"},
        rows="calibration",
    ),
    Stage(
        "project",
        "Projects the CT studies of one shard: pictures of both views, masks of all classes.",
        "project/{scans}/{shard}",
        {
            "images": "project/{scans}/{shard}.images.parquet",
            "masks": "project/{scans}/{shard}.masks.parquet",
            "studies": "project/{scans}/{shard}.studies.parquet",
            "rejected": "project/{scans}/{shard}.rejected.parquet",
        },
        rows="studies",
    ),
    Stage(
        "reports",
        "Reads the sections of each study's report, or says why there are none.",
        "reports/{dataset}",
        {
            "table": "reports/{dataset}.parquet",
            "rejected": "reports/{dataset}.rejected.parquet",
            "summary": "reports/{dataset}.summary.csv",
        },
    ),
    Stage(
        "measure",
        "Measures the masks of the products: heart, lungs, spine and more, with grades and flags of quality.",
        "measure",
        {
            "folder": "measure/",
            "summary": "figures/measure/summary.csv",
            "definitions": "figures/measure/definitions.csv",
            "drawings": "figures/measure/drawings/",
        },
    ),
    Stage("config_used", "Writes the config of the run out in full.", "config", {"config": "config.yaml"}),
)
