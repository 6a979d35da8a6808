"""The labelled training set."""

from pydantic import Field

from cxrfactory.config.sections import LocalPath, Section, Share


class LabelledConfig(Section):
    """The labelled training set, in the layout of the Chest-xray-landmark dataset."""

    root: LocalPath = Field("results/cohort/labelled", description="Folder with RL/, LL/, H/ and clinical.csv.")
    images: dict[str, LocalPath] = Field(
        {"Virtual": "results/cohort/labelled/images"}, description="Image folder of each source in clinical.csv."
    )
    train_list: LocalPath | None = Field(None, description="Text file of the image ids to train on, one in each line.")
    val_list: LocalPath | None = Field(None, description="Text file of the image ids to validate on, one in each line.")
    val_fraction: Share = Field(
        0.1, description="Share of the patients for validation where no list covers their source."
    )
