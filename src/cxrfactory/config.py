"""The typed config: every key with its default, its meaning and its bounds; unknown keys are refused.

``config.yaml`` and ``workflow/schemas/config.schema.json`` are generated from here
(``python -m cxrfactory config --write``).
"""

import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cxrfactory.errors import CxrError

Share = Annotated[float, Field(ge=0, le=1)]
SegmenterName = Literal[
    "hybridgnet",
    "fc",
    "pca",
    "multi-atlas",
    "unet",
    "unet-plus-plus",
    "attention-unet",
    "sa-unet",
    "res-cr-net",
    "unet-ht",
]


class Section(BaseModel):
    """A part of the config; keys that it does not name are an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def options(self, *names: str) -> str:
        """Command-line options of the named fields (all when none is named), e.g. ``--epochs 60``.

        Booleans become ``--name`` or ``--no-name``; a list becomes comma-separated; ``None`` is left out.
        """
        parts = []
        for name in names or tuple(type(self).model_fields):
            value, flag = getattr(self, name), name.replace("_", "-")
            if value is None:
                continue
            if isinstance(value, bool):
                parts.append(f"--{flag}" if value else f"--no-{flag}")
            else:
                text = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
                parts.append(f"--{flag} '{text}'")
        return " ".join(parts)


class CohortConfig(Section):
    """The embedded default: virtual patients deformed from one real chest CT."""

    folder: str = Field("results/cohort", description="where it is made; the default releases stand in it")
    patients: int = Field(160, ge=4, description="virtual patients")
    labelled: int = Field(104, ge=2, description="how many of them are the labelled training set")
    scans: int = Field(64, ge=1, description="virtual patients that are also written as a release of chest CT")
    scan_spacing_mm: float = Field(2.0, gt=0, le=10, description="voxel size of those scans")
    seed: int = Field(0, ge=0, description="another seed makes another cohort")

    @model_validator(mode="after")
    def _some_are_released(self) -> "CohortConfig":
        if self.labelled >= self.patients:
            raise ValueError(f"labelled is {self.labelled}; expected fewer than patients ({self.patients})")
        return self


class DatasetConfig(Section):
    """One hospital release."""

    root: str = Field(description="folder of the release, as downloaded")
    shards: int = Field(
        1, ge=1, le=9999, description="files that its images are split into; 1,000 to 5,000 images each"
    )
    view_from_procedure: bool = Field(
        False, description="where the view is missing, let the procedure text decide (MIMIC-CXR-JPG)"
    )
    check_files: bool = Field(False, description="look for every image file at ingest already")


class ScanConfig(Section):
    """One release of chest CT with labels."""

    root: str = Field(description="folder of the release, as downloaded; only read")
    ct: str = Field(
        "{study}/ct.nii.gz",
        description="where a study's CT is: {study} stands for its id, * for anything; a file or a DICOM folder",
    )
    labels: str = Field(
        "{study}/labels.nii.gz", description="where its labels are: one volume, or a folder of one file a structure"
    )
    names: str | None = Field(None, description="table of label values and names, in root; for one-volume labels")
    patient: str | None = Field(
        None, description="regular expression whose first group takes the patient out of the study id; none: one each"
    )
    axes: str | None = Field(
        None, description="sides to which the stored axes grow, e.g. RAS; only for files without an orientation"
    )
    spacing_mm: list[float] | None = Field(None, description="voxel size along the stored axes; goes with axes")
    shards: int = Field(1, ge=1, le=9999, description="files that its studies are split into; some 100 studies each")

    @model_validator(mode="after")
    def _patterns(self) -> "ScanConfig":
        for name in ("ct", "labels"):
            if "{study}" not in getattr(self, name):
                raise ValueError(f"{name} is '{getattr(self, name)}'; expected a path that holds {{study}}")
        if (self.axes is None) != (self.spacing_mm is None):
            raise ValueError("axes and spacing_mm go together; give both or neither")
        if self.spacing_mm is not None and (len(self.spacing_mm) != 3 or min(self.spacing_mm) <= 0):
            raise ValueError(f"spacing_mm is {self.spacing_mm}; expected three lengths above 0")
        return self


class ProjectConfig(Section):
    """CT to PA and lateral radiographs and masks."""

    size: int = Field(384, ge=32, le=4096, description="side of the projected image, pixels")
    body_only: bool = Field(False, description="set the table and what lies outside the body to air")
    without_arms: bool = Field(False, description="set arms beside or above the chest to air as well")
    curve_hu: list[float] | None = Field(
        None, description="CT numbers of an attenuation curve's nodes, ascending; none: water's, 0.0192 / mm at 0 HU"
    )
    curve_mu_per_mm: list[float] | None = Field(None, description="attenuation there, 1/mm; goes with curve_hu")
    source_detector_mm: float | None = Field(
        None, gt=0, description="distance of a point source from the detector; none: parallel rays"
    )
    source_object_mm: float | None = Field(
        None, gt=0, description="distance of that source from the middle of the scan; goes with source_detector_mm"
    )
    device: str = Field("cpu", description="cpu, or a torch device such as cuda")
    validation_fraction: Share = Field(
        0.06, description="share of patients for validation (the paper: 1,564 of 25,692)"
    )
    mask_png: bool = Field(False, description="also write every mask as a PNG file")

    @model_validator(mode="after")
    def _pairs(self) -> "ProjectConfig":
        for first, second in (("curve_hu", "curve_mu_per_mm"), ("source_detector_mm", "source_object_mm")):
            if (getattr(self, first) is None) != (getattr(self, second) is None):
                raise ValueError(f"{first} and {second} go together; give both or neither")
        return self


class LabelledConfig(Section):
    """The labelled training set, in the layout of the Chest-xray-landmark dataset."""

    root: str = Field("results/cohort/labelled", description="folder with RL/, LL/, H/ and clinical.csv")
    images: dict[str, str] = Field(
        {"Virtual": "results/cohort/labelled/images"}, description="image folder of each source named in clinical.csv"
    )
    train_list: str | None = Field(None, description="text file of training ids, one a line")
    val_list: str | None = Field(None, description="text file of validation ids, one a line")
    val_fraction: Share = Field(0.1, description="share of patients for validation where there are no lists")


class PreprocessConfig(Section):
    """Radiograph file to square 8-bit image."""

    size: int = Field(1024, ge=64, le=4096, description="side of the preprocessed image, pixels")
    remove_borders: bool = Field(True, description="cut uniform black or white borders")
    equalise: bool = Field(False, description="equalise the histogram of the whole image")
    clahe_clip: float | None = Field(
        None, gt=0, description="CLAHE clip limit in the engine's unit (opencv 2-4, skimage 0.01); none leaves it out"
    )
    clahe_tiles: int = Field(8, ge=1, le=64, description="CLAHE tiles a side")
    clahe_engine: Literal["opencv", "skimage"] = Field(
        "opencv", description="opencv: clip in multiples of the mean bin; skimage: in shares of a tile's pixels"
    )
    max_megapixels: float = Field(100, gt=0, description="larger images are rejected unread")


class ModelConfig(Section):
    """The segmenter."""

    segmenter: SegmenterName = Field("hybridgnet", description="registered name")
    graph: Literal["lungs", "lungs-heart", "lungs-heart-clavicles", "whole-lungs"] = Field(
        "lungs-heart", description="organs; whole-lungs include the part behind the heart"
    )
    input_size: int = Field(128, ge=32, multiple_of=32, description="side of the network's input, a multiple of 32")
    igsc: list[int] = Field(
        [4, 3], max_length=2, description="encoder blocks of the skip connections: two, one or none"
    )
    latent: int = Field(64, ge=1, description="size of the latent code")
    normalise: Literal["none", "equalise"] = Field(
        "none", description="grey values to the network: as they are, or equalised with the polarity set"
    )
    passes: int = Field(
        3, ge=0, le=9, description="how often the last stage corrects its landmarks; 0 for the published network"
    )


class TrainConfig(Section):
    """How to train; the paper's values stand in docs/training.md."""

    epochs: int = Field(220, ge=1, description="passes over the training images")
    batch_size: int = Field(8, ge=2, description="images a step; a batch holds one kind of labels")
    learning_rate: float = Field(7e-4, gt=0, description="peak rate of AdamW")
    weight_decay: float = Field(1e-5, ge=0, description="of AdamW")
    schedule: Literal["cosine", "step"] = Field("cosine", description="cosine to zero, or steps")
    step_factor: float = Field(0.9, gt=0, le=1, description="factor of the step schedule")
    step_epochs: int = Field(100, ge=1, description="epochs between its steps")
    loss: Literal["dice-cross-entropy", "tanimoto"] = Field("dice-cross-entropy", description="loss of pixel models")
    landmark_loss: Literal["contour", "squared"] = Field(
        "contour", description="loss of landmark models: distances across and along the contour, or squared errors"
    )
    kl_weight: float = Field(1e-5, ge=0, description="weight of the variational term")
    dense_weight: float = Field(
        0.02, ge=0, description="weight of masks taught to the encoder's maps of landmark models; 0 for none"
    )
    rotation_degrees: float = Field(5.0, ge=0, le=45, description="largest rotation")
    scale: float = Field(0.25, ge=0, lt=1, description="largest relative change of width and height")
    shift: Share = Field(0.08, description="largest shift, share of the side")
    gamma_low: float = Field(0.6, gt=0, description="smallest gamma")
    gamma_high: float = Field(1.4, gt=0, description="largest gamma")
    appearance: Share = Field(0.25, description="chance of each of contrast, curve, shading, blur, noise, marks")
    shapes: str | None = Field(
        None, description="landmark set (RL/, LL/, H/, clinical.csv) towards whose shapes half of the images are bent"
    )
    average: float = Field(0.99, ge=0, lt=1, description="decay of the running average of the weights; 0 for none")
    precision: Literal["fp32", "bf16"] = Field("bf16", description="bf16 is mixed precision")
    validate_every: int = Field(50, ge=1, description="epochs between validations and checkpoints")
    patience: int | None = Field(
        None, ge=1, description="validations without a better mean Dice that end the run; none: never, last weights"
    )
    balance: Literal["none", "source", "class"] = Field(
        "none", description="repeat, within an epoch, images of smaller sources, or of smaller classes"
    )
    classes: str | None = Field(None, description="CSV of image_id and class; goes with balance: class")
    seed: int = Field(0, ge=0, description="of initial weights, order and augmentation")
    threads: int = Field(2, ge=1, description="CPU threads; the weights' last digits depend on it, so it is fixed here")

    @model_validator(mode="after")
    def _gamma_range(self) -> "TrainConfig":
        if self.gamma_low > self.gamma_high:
            raise ValueError(f"gamma_low is {self.gamma_low}; expected at most gamma_high ({self.gamma_high})")
        return self

    @model_validator(mode="after")
    def _classes_of_balance(self) -> "TrainConfig":
        if (self.balance == "class") != (self.classes is not None):
            raise ValueError(
                f"balance is {self.balance}, classes {self.classes}; balance: class and classes go together"
            )
        return self


class RegistrationConfig(Section):
    """How to train the network that RCA registers images by."""

    steps: int = Field(4000, ge=1, description="training steps")
    batch_size: int = Field(16, ge=4, description="images a step")
    partners: int = Field(3, ge=1, description="images that each one of a step is registered onto")
    learning_rate: float = Field(1e-3, gt=0, description="peak rate of AdamW; cosine to zero")
    bending: float = Field(1.0, ge=0, description="weight of the bending energy, on the cells of the field")
    similarity: float = Field(0.2, ge=0, description="weight of the local correlation of the images")
    shapes: str | None = Field(
        None, description="landmark set (RL/, LL/, H/, clinical.csv) towards whose shapes half of the images are bent"
    )
    validate_every: int = Field(500, ge=1, description="steps between validations and checkpoints")
    seed: int = Field(0, ge=0, description="of initial weights, choice and augmentation")
    threads: int = Field(2, ge=1, description="CPU threads; the weights' last digits depend on it, so it is fixed here")


class InferConfig(Section):
    """Inference."""

    weights: str | None = Field(
        None, description="trained weights to use: a .safetensors file, or pretrained; null trains them"
    )
    samples: int = Field(20, ge=2, description="latent samples for mean and standard deviation")
    precision: Literal["fp32", "bf16"] = Field("fp32", description="of the convolutions")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto takes CUDA where there is one")
    batch_size: int = Field(16, ge=1, description="images in one pass on CUDA")


class RcaConfig(Section):
    """Reverse classification accuracy."""

    method: Literal["deep", "classical"] = Field("deep", description="deep: by a network; classical: SimpleITK, slow")
    network: str | None = Field(
        "pretrained-registration",
        description="of the deep one: a .safetensors file, or pretrained-registration; null trains it",
    )
    interpolation: Literal["nearest", "linear"] = Field(
        "nearest", description="of the warped labels; linear is that of the published code"
    )
    device: Literal["auto", "cpu", "cuda"] = Field("cpu", description="of the deep one")
    references: int = Field(5, ge=1, description="reference images an image is compared with")
    fraction: float = Field(0.8, gt=0, le=1, description="share of the labelled images that are references")
    size: int = Field(256, ge=64, le=1024, description="side at which images are registered, pixels")
    calibration: str | None = Field(
        None,
        description="adds Dice estimates with intervals to the Parquet: a file of rca-calibrate, or labelled, "
        "which makes it from the labelled images outside the references; null: none",
    )


class CompareConfig(Section):
    """Models that results/models trains, evaluates and audits side by side."""

    models: list[Literal[SegmenterName, "pretrained"]] = Field(
        ["hybridgnet", "unet"], min_length=1, description="names of model.segmenter; pretrained: of the package"
    )
    audit: bool = Field(True, description="also perturbations and occlusion: some 70 copies of every image a model")

    @model_validator(mode="after")
    def _once_each(self) -> "CompareConfig":
        if twice := next((name for name in self.models if self.models.count(name) > 1), None):
            raise ValueError(f"'{twice}' stands twice in models; name each once")
        return self


class Config(Section):
    """The whole config."""

    results: str = Field("results", description="folder for everything that is made")
    cohort: CohortConfig = CohortConfig()
    datasets: dict[str, DatasetConfig] = Field(
        {
            "mimic-cxr-jpg": DatasetConfig(root="results/cohort/mimic-cxr-jpg", shards=2),
            "vindr-cxr": DatasetConfig(root="results/cohort/vindr-cxr", shards=2),
        },
        min_length=1,
        description="hospital releases: mimic-cxr-jpg, chexpert, padchest, chestx-ray8, vindr-cxr, candid-ptx",
    )
    scans: dict[str, ScanConfig] = Field(
        {
            "virtual-ct": ScanConfig(
                root="results/cohort/virtual-ct",
                ct="ct/{study}.nii.gz",
                labels="labels/{study}.nii.gz",
                names="structures.csv",
                shards=4,
            )
        },
        description="releases of chest CT, by a name of your own",
    )
    labelled: LabelledConfig = LabelledConfig()
    preprocess: PreprocessConfig = PreprocessConfig()
    model: ModelConfig = ModelConfig()
    train: TrainConfig = TrainConfig()
    registration: RegistrationConfig = RegistrationConfig()
    infer: InferConfig = InferConfig()
    rca: RcaConfig = RcaConfig()
    compare: CompareConfig = CompareConfig()
    project: ProjectConfig = ProjectConfig()

    @model_validator(mode="after")
    def _release_names(self) -> "Config":
        for name in self.scans:
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
                raise ValueError(f"scans: release name '{name}'; expected letters, digits, '.', '_' and '-'")
        return self


def parse_config(values: dict[str, Any], source: str = "config.yaml") -> Config:
    """Check a config and fill in its defaults.

    Raises
    ------
    CxrError
        One line that names the first wrong key, what was found and what was expected.
    """
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "config"
        found = first.get("input")
        if first["type"] == "extra_forbidden":
            known = ", ".join(_known_keys(first["loc"]))
            message = f"unknown key '{key}'; known here: {known}"
        elif first["type"] == "missing":
            message = f"key '{key}' is missing"
        else:
            shown = "" if isinstance(found, dict) else f", found {found!r}"
            message = f"key '{key}': {first['msg'].removeprefix('Value error, ')}{shown}"
        more = f" ({error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise CxrError(f"{source}: {message}{more}; see docs/config.md") from error


def read_config(path: str | Path) -> Config:
    """Read and check a config file.

    Raises
    ------
    CxrError
        If it is missing, is not YAML, or does not fit.
    """
    path = Path(path)
    if not path.is_file():
        raise CxrError(f"{path}: no such file; expected a config like the config.yaml of the project")
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CxrError(f"{path}: not readable as YAML ({' '.join(str(error).split())})") from error
    if values is not None and not isinstance(values, dict):
        raise CxrError(f"{path}: expected keys and values, found a {type(values).__name__}")
    return parse_config(values or {}, str(path))


def _section_at(location: tuple[int | str, ...]) -> type[BaseModel]:
    section: type[BaseModel] = Config
    for part in location[:-1]:
        field = section.model_fields.get(str(part))
        if field is None:  # the name of a release: the field before it gave the section of all of them
            continue
        kinds = (field.annotation, *get_args(field.annotation))
        section = next((each for each in kinds if isinstance(each, type) and issubclass(each, BaseModel)), section)
    return section


def _known_keys(location: tuple[int | str, ...]) -> list[str]:
    return list(_section_at(location).model_fields)


def json_schema() -> str:
    """JSON Schema (2020-12) of the config, as text."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Config.model_json_schema()}
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


def default_yaml() -> str:
    """The default config as YAML, each key with its meaning behind it."""
    lines = [
        "# The embedded default: runs everywhere with nothing to download but one small package.",
        "# Generated from src/cxrfactory/config.py (python -m cxrfactory config --write); unknown keys are refused.",
    ]
    return commented_yaml(Config(), lines)


def commented_yaml(config: Config, head: list[str]) -> str:
    """A config as YAML, all defaults written out, each key with its meaning behind it."""
    lines = list(head)
    _render(config, lines, 0)
    return "\n".join(lines) + "\n"


def _render(section: Section, lines: list[str], depth: int) -> None:
    for name, field in type(section).model_fields.items():
        value, indent = getattr(section, name), "  " * depth
        if isinstance(value, Section):
            note = (type(value).__doc__ or "").splitlines()[0]
            lines += ["", f"{indent}{name}: # {note}"] if depth == 0 else [f"{indent}{name}: # {note}"]
            _render(value, lines, depth + 1)
        elif isinstance(value, dict):
            lines += (
                ["", f"{indent}{name}: # {field.description}"]
                if depth == 0
                else [f"{indent}{name}: # {field.description}"]
            )
            for key, item in value.items():
                if isinstance(item, Section):
                    lines.append(f"{indent}  {key}:")
                    _render(item, lines, depth + 2)
                else:
                    lines.append(f"{indent}  {key}: {json.dumps(item)}")
        else:
            lines.append(f"{indent}{name}: {_scalar(value)} # {field.description}")


def _scalar(value: Any) -> str:
    text = json.dumps(value)
    # YAML 1.1 reads 1e-05 as text; it wants a point before the exponent.
    return text.replace("e", ".0e") if isinstance(value, float) and "e" in text and "." not in text else text
