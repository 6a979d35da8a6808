"""Settings of the study in section VI of the CXLSeg paper: classifiers on original and on lung-segmented images."""

from typing import Literal

from pydantic import Field

from cxrfactory.config.preprocess import ReadingLimits
from cxrfactory.config.sections import LocalPath, Section, Share

ClassifierName = Literal["resnet50", "mobilenet-v2", "densenet121", "inception-v3"]


class StudyPicturesConfig(ReadingLimits):
    """How the original images of the study are prepared: in the same way as the product's segmented images."""

    size: int = Field(224, ge=32, le=4096, description="Side in pixels of the product's pictures.")
    fit: Literal["stretch", "pad"] = Field("stretch", description="How the product fits images to a square.")
    jpeg_quality: int = Field(95, ge=1, le=100, description="JPEG quality of the product.")
    clahe_clip: float | None = Field(
        None, ge=1, description="CLAHE clip limit of the published pictures; leave it out where they are not enhanced."
    )
    clahe_tiles: int = Field(8, ge=1, le=64, description="Number of CLAHE tiles on each side of an image.")


class ClassifierConfig(Section):
    """How one classifier is trained."""

    labels: list[str] = Field(
        ["Lung Lesion", "Pneumonia", "Atelectasis", "Pleural Effusion"],
        min_length=1,
        description="CheXpert labels that the classifiers learn; the default is that of the paper.",
    )
    initial: LocalPath | None = Field(
        None,
        description="Folder of initial weights, MODEL.safetensors with torchvision's names; null starts from random "
        "weights.",
    )
    size: int = Field(224, ge=75, le=1024, description="Side in pixels of the classifiers' input.")
    epochs: int = Field(30, ge=1, description="Number of passes over the training images.")
    batch_size: int = Field(16, ge=2, description="Number of images in a training step.")
    learning_rate: float = Field(
        5e-4, gt=0, description="Peak learning rate of AdamW; it falls to zero along a cosine."
    )
    weight_decay: float = Field(1e-4, ge=0, description="Weight decay of AdamW.")
    rotation_degrees: float = Field(7.0, ge=0, le=90, description="Largest random rotation in degrees.")
    scale: Share = Field(0.1, description="Largest random relative change of size.")
    shift: Share = Field(0.05, description="Largest random shift as a share of the image's side.")
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="Device of the classifiers' training; auto takes CUDA where it is available."
    )
    seed: int = Field(0, ge=0, description="Seed of the initial weights, image order, augmentation and bootstrap.")
    threads: int = Field(
        2, ge=1, description="Number of CPU threads; the last digits depend on it, so it is fixed here."
    )


class ClassifyConfig(ClassifierConfig):
    """Classifiers trained on original and on lung-segmented images (results/classification)."""

    models: list[ClassifierName] = Field(
        ["resnet50", "mobilenet-v2", "densenet121", "inception-v3"],
        min_length=1,
        description="Classifiers to compare.",
    )
    repeats: int = Field(
        1, ge=1, le=50, description="Number of trainings of each classifier; each starts from other random weights."
    )
