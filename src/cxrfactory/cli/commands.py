"""The table of commands: name, function, one sentence. The module imports little, so that `--help` is fast.

Each function is in a module of its group's folder; heavy imports are inside the functions. The commands of a product
are in the product's own folder, in ``commands.py``, and are found by searching the folders.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules


@dataclass(frozen=True)
class Command:
    """One command of the command line.

    Parameters
    ----------
    target
        ``module:function``.
    sentence
        Description; it equals the first line of the function's docstring (a test compares them).
    """

    target: str
    sentence: str

    def load(self) -> Callable[..., None]:
        """Import and return the function."""
        module, function = self.target.split(":")
        return getattr(import_module(module), function)


def _table(package: str, rows: dict[str, tuple[str, str]]) -> dict[str, Command]:
    return {name: Command(f"cxrfactory.cli.{package}.{target}", text) for name, (target, text) in rows.items()}


# Commands for users, by subject; `--help` shows them in this order.
PEOPLE: dict[str, dict[str, Command]] = {
    "Radiographs and CT": _table(
        "people",
        {
            "segment": ("segment:segment", "Segment radiographs: one row or one named rejection for every file."),
            "mask-to-landmarks": (
                "mask_to_landmarks:mask_to_landmarks",
                "Turn masks into landmarks: each image gives one row or one named rejection.",
            ),
            "project": (
                "project:project",
                "Project one CT and its labels into PA and lateral (LL) radiographs and masks.",
            ),
        },
    ),
    "Roots": _table(
        "people",
        {
            "trace": (
                "trace:trace",
                "Trace the roots in single pictures of plates: RSML, traits, and the graphs drawn over each picture.",
            ),
        },
    ),
    "Releases, config and runs": _table(
        "people",
        {
            "ingest": (
                "ingest:ingest",
                "Write the manifest of a release: one row for each image, kept or excluded with the reason.",
            ),
            "config": (
                "config:config",
                "Print the default config, check a config, or write a config with all its defaults.",
            ),
            "status": (
                "status:status",
                "Show the progress of a product: shards, rows, rejections, remaining time. It changes nothing.",
            ),
        },
    ),
    "Models": _table(
        "people",
        {
            "train": (
                "train:train",
                "Train a segmenter on labelled radiographs and write weights, card, history and curves.",
            ),
            "evaluate-model": (
                "evaluate:evaluate_model",
                "Measure trained models on labelled images: overlap, distances, cardiothoracic ratio, tests, time, "
                "memory.",
            ),
            "audit": (
                "evaluate:audit",
                "Measure how much trained models lose under changes of tone, frame and file, and under occlusion.",
            ),
            "calibrate-quality": (
                "quality:calibrate_quality",
                "Fit estimates of the Dice of a network's own masks, with intervals for a new hospital.",
            ),
            "recalibrate-quality": (
                "quality:recalibrate_quality",
                "Sharpen a quality calibration with 20 to 50 films of your own hospital.",
            ),
            "export-weights": (
                "train:export_weights",
                "Write 16-bit weights for publication, with a card that states their intended use and limits.",
            ),
            "train-post-dae": (
                "train:train_post_dae",
                "Train Post-DAE, a denoising autoencoder that corrects masks of any segmenter; it learns from contours "
                "only.",
            ),
            "train-mask-landmarks": (
                "train:train_mask_landmarks",
                "Train the models behind mask-to-landmarks on filled expert contours.",
            ),
        },
    ),
    "Products": _table(
        "people",
        {
            "evaluate": (
                "evaluate:evaluate",
                "Compare a product with the truth: Dice, distances, landmark error, and RCA against true Dice.",
            ),
            "measure": (
                "measure:measure",
                "Measure masks: heart, lungs, spine and more, with points, grades, intervals and flags of quality.",
            ),
            "browse": (
                "browse:browse",
                "Look at a product in the browser: worst masks first, filters, verdicts. It changes nothing in the "
                "product.",
            ),
        },
    ),
}
# Commands that only rules call.
STAGES = _table(
    "stages",
    {
        "fetch-ct": ("cohort:fetch_ct", "Fetch the chest CT that the virtual cohort is made from."),
        "cohort": ("cohort:cohort", "Make the virtual cohort: a labelled set and two hospital releases from one CT."),
        "cohort-films": (
            "cohort:cohort_films",
            "Write films of virtual patients with the masks of all structures, as projected studies.",
        ),
        "cohort-two-truths": (
            "cohort:cohort_two_truths",
            "Write virtual films with findings and two truths: the whole lungs, and the part that holds air.",
        ),
        "cohort-scans": ("cohort:cohort_scans", "Write virtual patients as a release of chest CT with labels."),
        "ingest-labelled": (
            "ingest:ingest_labelled",
            "Write the table of labelled images: landmarks, labels L, LH or LHC, split by patient.",
        ),
        "ingest-scans": (
            "ingest:ingest_scans",
            "Write the manifest of a CT release: one row for each study, kept or excluded with the reason.",
        ),
        "selection": (
            "ingest:selection",
            "Draw and tabulate how many images of each release are kept, and why others are not.",
        ),
        "reports": (
            "reports:reports",
            "Split reports into sections and join findings and impression: one row for each study.",
        ),
        "severity": (
            "severity:severity",
            "Read from reports which findings that masks can measure are there, how severe, and how they changed.",
        ),
        "preprocess": (
            "preprocess:preprocess",
            "Turn one shard of a manifest's included images into square 8-bit images with their geometry.",
        ),
        "preprocess-labelled": (
            "preprocess:preprocess_labelled",
            "Preprocess the labelled images and carry their landmarks into the preprocessed frame.",
        ),
        "project": (
            "drr:project_shard",
            "Project the studies of one shard of a CT release into pictures and masks of taxonomy classes.",
        ),
        "infer": ("infer:infer", "Find the landmarks of every image of a shard, with their uncertainty."),
        "overlays": ("infer:overlays", "Draw the contours of some images of a release side by side."),
        "train-registration": (
            "rca:train_registration",
            "Train the registration network of deep RCA on pairs of labelled radiographs.",
        ),
        "rca-reference": (
            "rca:rca_reference",
            "Choose the reference images of RCA and encode them with the trained weights.",
        ),
        "rca": (
            "rca:rca",
            "Estimate the Dice of a shard's masks without truth by reverse classification accuracy (RCA).",
        ),
        "rca-check": (
            "rca:rca_check",
            "Compare RCA scores with the true Dice of good masks, spoiled masks and masks of models.",
        ),
        "rca-calibrate": (
            "rca:rca_calibrate",
            "Calibrate RCA scores to estimate the true Dice with an interval; --check measures coverage (.check.csv).",
        ),
        "hearts-template": (
            "hearts:hearts_template",
            "Make the template of the heart: a tetrahedral mesh with its parts, of parametric surfaces.",
        ),
        "hearts-cohort": (
            "hearts:hearts_cohort",
            "Make one shard of virtual hearts: cardiac MR views at end-diastole and end-systole, with the true meshes.",
        ),
        "hearts-read": (
            "hearts:hearts_read",
            "Read cardiac MR: sort slices into views by their geometry, and find end-diastole and end-systole.",
        ),
        "hearts-finder": (
            "hearts:hearts_finder",
            "Train the network that finds the heart in the whole short-axis stack.",
        ),
        "hearts-train": (
            "hearts:hearts_train",
            "Train a network that finds the mesh of a heart in its views.",
        ),
        "hearts-infer": (
            "hearts:hearts_infer",
            "Find the meshes of the cases of one shard, with the spread of every node over latent samples.",
        ),
        "hearts-meshes": (
            "hearts:hearts_meshes",
            "Measure the meshes of one shard and write them: volumes, masks in the slices, mesh files.",
        ),
        "roots-cohort": (
            "roots:roots_cohort",
            "Make one virtual plate: pictures of growing plants, with true masks, graphs and traits.",
        ),
        "roots-examples": (
            "roots:roots_examples",
            "Collect the pictures with masks that networks of roots learn from.",
        ),
        "roots-train": ("roots:roots_train", "Train a network that finds roots in pictures."),
        "roots-read": (
            "roots:roots_read",
            "Read plates: pictures in the order of time, scale, movements of the camera, plants and groups.",
        ),
        "roots-segment": (
            "roots:roots_segment",
            "Find the roots in the pictures of the plates of one shard, with the evidence of earlier pictures.",
        ),
        "roots-graphs": (
            "roots:roots_graphs",
            "Make the labelled graph of every plant at every time, and its traits.",
        ),
        "roots-files": (
            "roots:roots_files",
            "Write the graphs as RSML and GraphML, and draw them over the pictures of the plates.",
        ),
        "roots-growth": (
            "roots:roots_growth",
            "Measure growth over time: speeds, daily rhythm, crossing of lengths; compare groups of plants.",
        ),
    },
)
STUDIES = _table(
    "studies",
    {
        "part": (
            "papers:part",
            "Run one part of a paper's study that is its own code, such as its summary; the rules call this.",
        ),
        "page": (
            "papers:page",
            "Gather the findings of the papers' studies on one page, and say why others are missing.",
        ),
        "gold-export": (
            "gold:gold_export",
            "Sample a release and write Label Studio tasks with its landmarks as keypoints to correct.",
        ),
        "gold-import": (
            "gold:gold_import",
            "Turn corrected Label Studio tasks into gold-standard landmarks and masks, as CheXmask publishes them.",
        ),
        "gold-evaluate": (
            "gold:gold_evaluate",
            "Measure a product against its gold standard: Dice, Hausdorff distance and its 95th percentile, landmark "
            "error.",
        ),
        "rca-statistics": (
            "validation:rca_statistics",
            "Describe how RCA scores are distributed, by release and organ.",
        ),
        "bias": ("validation:bias", "Compare RCA between groups of patients: view, sex, age band, finding."),
        "bias-discovery": (
            "validation:bias_discovery",
            "Compare the gaps between groups that RCA predicts with the true gaps.",
        ),
        "generalise-images": (
            "generalise:generalise_images",
            "Collect the images that a model is tested on, and those of the sources that it saw, for quality scores.",
        ),
        "generalise-test": (
            "generalise:generalise_test",
            "Test a model on all images of the sources that it was trained without, and on split val of the others.",
        ),
        "generalise": (
            "generalise:generalise",
            "Tabulate by source what models find on it without having seen it and with it, and how scores rank their "
            "masks.",
        ),
        "benchmark-score": (
            "benchmark:benchmark_score",
            "Score a network on held-out images: eight measures of each structure of each level, and its cost.",
        ),
        "benchmark": (
            "benchmark:benchmark",
            "Tabulate the scores of many networks: ranks, levels, groups, classes, tests between all pairs, cost.",
        ),
        "zero-shot": (
            "zero_shot:zero_shot",
            "Test a network of structures on real films: agreement with drawn masks, and plausibility without them.",
        ),
        "calibrate-anatomy": (
            "zero_shot:calibrate_anatomy",
            "Write into a weights card what is known of its structures: thresholds, places, confidence, validation.",
        ),
        "agreement": (
            "agreement:agreement",
            "Compare grades of two tables, such as measurements and reports: accuracy, F1, kappa, ROC, confusion.",
        ),
        "hearts": (
            "hearts:hearts",
            "Compare the meshes of networks with true meshes: nodes, masks, volumes, tetrahedra, paired tests.",
        ),
        "roots": (
            "roots:roots",
            "Compare root systems with those of virtual plates: lengths, laterals, times of emergence, masks, groups.",
        ),
        "agreement-values": (
            "agreement:agreement_values",
            "Compare measured with true values, such as cardiothoracic ratios: correlation, error, Bland-Altman.",
        ),
        "classify-pictures": (
            "classify:classify_pictures",
            "Collect each image of a release twice, original and with the lungs cut out, with labels and split.",
        ),
        "classify": (
            "classify:classify",
            "Train one classifier on one kind of picture and write its predictions for validation and test images.",
        ),
        "classify-compare": (
            "classify:classify_compare",
            "Compare classifiers on original and on segmented images: rates, intervals, paired tests.",
        ),
    },
)
LABELS = _table(
    "labels",
    {
        "masks": (
            "masks:label_masks",
            "Label images from drawn masks: the masks and landmarks on their borders, with their definition of lungs.",
        ),
        "projections": (
            "projections:label_projections",
            "Label radiographs projected from CT: the masks of all structures that the source labels.",
        ),
        "outlines": (
            "masks:label_outlines",
            "Label images with a model's landmarks, corrected by lung outlines of another convention.",
        ),
        "own-masks": (
            "masks:label_own_masks",
            "Label a release's images with the workflow's own landmarks, as training data.",
        ),
        "balance": (
            "balance:balance_masks",
            "Balance radiographs with lung masks by randomly varied copies of each image, by source and class.",
        ),
        "nnunet": (
            "nnunet:nnunet_export",
            "Write labelled images as a raw dataset of nnU-Net v2, with our split as its only fold.",
        ),
        "from-label-studio": (
            "corrected:from_label_studio",
            "Turn corrected Label Studio tasks into a folder of masks with table.csv, for label masks.",
        ),
        "from-cvat": (
            "corrected:from_cvat",
            "Turn corrected annotations of CVAT into a folder of masks with table.csv, for label masks.",
        ),
    },
)
EXPORTS = _table(
    "export",
    {
        "ro-crate": (
            "crate:ro_crate",
            "Describe a run for archives: ro-crate-metadata.json in the folder of its results (RO-Crate 1.1).",
        ),
        "coco": (
            "coco:coco",
            "Write the masks as COCO instances: one JSON file a release, with compressed RLE.",
        ),
        "label-studio": (
            "annotation:label_studio",
            "Write pictures and Label Studio tasks with the masks as brushes or polygons to correct.",
        ),
        "cvat": (
            "annotation:cvat",
            "Write pictures and annotations for CVAT (CVAT for images 1.1), masks or polygons to correct.",
        ),
        "dicom-seg": (
            "dicom_seg:dicom_seg",
            "Write the masks as DICOM SEG: one object an image, with SNOMED CT codes; needs highdicom.",
        ),
        "nrrd": (
            "nrrd:nrrd",
            "Write the masks as segmentations of 3D Slicer (.seg.nrrd), with names, colours and codes.",
        ),
        "nifti": (
            "nifti:nifti",
            "Write the masks as NIfTI: a folder an image, a file a structure, and a table of names and colours.",
        ),
    },
)
# Groups of commands, listed after the commands for users.
GROUPS: dict[str, tuple[str, dict[str, Command]]] = {
    "stage": ("Run one step of the workflow; the rules call these commands.", STAGES),
    "study": ("Run a study on a product: gold standard, quality scores, bias, classifiers.", STUDIES),
    "export": ("Write a product, or chosen images of it, in a format that other programs open.", EXPORTS),
    "label": ("Make labelled training sets from folders of masks, or from the workflow's own masks.", LABELS),
}


def product_commands() -> dict[str, Command]:
    """Return the commands that the products declare in their own folders; a product without stages has none."""
    from cxrfactory import products

    found = {}
    for room in sorted(each.name for each in iter_modules(products.__path__) if each.ispkg):
        module = f"{products.__name__}.{room}.commands"
        if find_spec(module) is None:
            continue
        for name, function in import_module(module).COMMANDS.items():
            sentence = (function.__doc__ or "").strip().splitlines()[0]
            found[name] = Command(f"{module}:{function.__name__}", sentence)
    return found
