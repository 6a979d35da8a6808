"""Does cutting out the lungs help classifiers? The study of CXLSeg's section VI."""

from typing import Literal

from pydantic import Field

from cxrfactory.config.sections import Section, Share

ClassifierName = Literal["resnet50", "mobilenet-v2", "densenet121", "inception-v3"]


class ClassifierConfig(Section):
    """How one classifier is trained."""

    labels: list[str] = Field(
        ["Lung Lesion", "Pneumonia", "Atelectasis", "Pleural Effusion"],
        min_length=1,
        description="CheXpert labels that they learn; those of the paper",
    )
    initial: str | None = Field(
        None, description="folder of first weights, MODEL.safetensors with torchvision's names; null: random ones"
    )
    size: int = Field(224, ge=75, le=1024, description="side of what the classifiers see, pixels")
    epochs: int = Field(30, ge=1, description="passes over the training images")
    batch_size: int = Field(16, ge=2, description="images a step")
    learning_rate: float = Field(5e-4, gt=0, description="peak rate of AdamW; cosine to zero")
    weight_decay: float = Field(1e-4, ge=0, description="of AdamW")
    rotation_degrees: float = Field(7.0, ge=0, le=90, description="largest rotation")
    scale: Share = Field(0.1, description="largest relative change of size")
    shift: Share = Field(0.05, description="largest shift, share of the side")
    seed: int = Field(0, ge=0, description="of weights, order, changes and draws")
    threads: int = Field(2, ge=1, description="CPU threads; the last digits depend on it, so it is fixed here")


class ClassifyConfig(ClassifierConfig):
    """Classifiers trained on original and on lung-segmented images (results/classification)."""

    models: list[ClassifierName] = Field(
        ["resnet50", "mobilenet-v2", "densenet121", "inception-v3"], min_length=1, description="classifiers to compare"
    )
    repeats: int = Field(1, ge=1, le=50, description="trainings of each, with other random weights")
