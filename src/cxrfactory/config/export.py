"""Choice of the images of a finished product that are exported; it is given on the command line."""

from typing import Literal

from pydantic import Field

from cxrfactory.config.sections import LocalPath, Section


class ChosenImagesConfig(Section):
    """Images and masks of a product to export, and where its radiographs are."""

    ids: LocalPath | None = Field(
        None,
        description="File with the ids of the images to export: one id a line, or a CSV table with a column image_id. "
        "By default, all images of the product are exported.",
    )
    verdict: str | None = Field(
        None, description="With a table of verdicts in ids: only the images whose last verdict is this, such as bad."
    )
    images: list[str] | None = Field(
        None, description="Ids of images to export, separated by commas; they are added to those of ids."
    )
    releases: list[str] | None = Field(
        None, description="Names of the releases to export, as in the product's files, separated by commas."
    )
    masks: list[str] | None = Field(
        None, description="Names of the masks to export, separated by commas; by default all."
    )
    roots: list[str] | None = Field(
        None,
        description="Folders of the radiographs, each NAME=FOLDER with the dataset's name in the config, separated by "
        "commas; by default the folders in the product's config.yaml.",
    )
    manifests: LocalPath | None = Field(
        None,
        description="Folder of the manifests, which hold the path of each image; by default the one beside the "
        "product.",
    )


class ShapesConfig(Section):
    """How masks are exported to an annotation program."""

    shapes: Literal["masks", "polygons"] = Field(
        "masks",
        description="Masks pixel by pixel, or polygons, whose vertices can be moved; a mask that no polygon gives "
        "exactly, such as one with a hole, stays a mask. One of: masks, polygons.",
    )
