"""Old module names, which work for one more release: importing one warns and returns the module of the new name."""

import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

# Old name -> new name, both relative to ``cxrfactory.``. The old modules `evaluate.bias`, `evaluate.models`,
# `imaging.radiograph`, `imaging.volume`, `train.data`, `train.registration` and `workflow` are not listed, because
# packages have these names now.
RENAMED_MODULES = {
    "cli.options": "config.options",
    "config.inputs": "config",
    "config.quality": "config",
    "config.training": "config",
    "evaluate.as_file": "evaluate.models.segment_changed",
    "evaluate.audit": "evaluate.models.audit",
    "evaluate.audit_plots": "evaluate.models.audit_plots",
    "evaluate.bias_discovery": "evaluate.bias.discovery",
    "evaluate.bias_plots": "evaluate.bias.plots",
    "evaluate.compare": "evaluate.product.against_truth",
    "evaluate.cost": "evaluate.models.cost",
    "evaluate.curves": "evaluate.models.curves",
    "evaluate.gold.run": "evaluate.gold.evaluate_gold",
    "evaluate.groups": "evaluate.bias.groups",
    "evaluate.labelled": "evaluate.models.labelled",
    "evaluate.lung_pictures": "products.cxlseg.evaluation",
    "evaluate.measure": "evaluate.models.measure",
    "evaluate.model_pictures": "evaluate.models.pictures",
    "evaluate.naming": "evaluate.models.naming",
    "evaluate.nnunet": "evaluate.models.nnunet",
    "evaluate.occlusion": "evaluate.models.occlusion",
    "evaluate.opening": "evaluate.models.open_models",
    "evaluate.perturb": "evaluate.models.perturb",
    "evaluate.plots": "evaluate.product.plots",
    "evaluate.rca_statistics": "evaluate.product.rca_statistics",
    "evaluate.run": "evaluate.product.evaluate_product",
    "evaluate.statistics": "evaluate.models.statistics",
    "failures": "workflow.failures",
    "imaging.borders": "imaging.radiograph.borders",
    "imaging.codestream": "imaging.radiograph.codestream",
    "imaging.contact_sheet": "imaging.drawing.contact_sheet",
    "imaging.dicom": "imaging.radiograph.dicom",
    "imaging.dicom_series": "imaging.volume.dicom_series",
    "imaging.figure": "imaging.drawing.figure",
    "imaging.grid": "imaging.volume.grid",
    "imaging.intensity": "imaging.radiograph.intensity",
    "imaging.jpeg_stream": "imaging.radiograph.jpeg_stream",
    "imaging.label_names": "imaging.volume.label_names",
    "imaging.label_values": "imaging.volume.label_values",
    "imaging.label_volume": "imaging.volume.label_volume",
    "imaging.masked": "imaging.radiograph.masked",
    "imaging.orientation": "imaging.volume.orientation",
    "imaging.overlay": "imaging.drawing.overlay",
    "imaging.png": "imaging.drawing.png",
    "imaging.png_stream": "imaging.radiograph.png_stream",
    "imaging.prepare": "imaging.radiograph.prepare",
    "imaging.reading": "imaging.radiograph.reading",
    "imaging.screening": "imaging.radiograph.screening",
    "imaging.vary": "imaging.radiograph.vary",
    "imaging.volume_files": "imaging.volume.files",
    "infer.predictor": "models.segmenter",
    "ingest.reports.indiana": "ingest.reports.formats.indiana",
    "ingest.reports.layouts": "ingest.reports.registry",
    "package": "products",
    "package.accounts": "products.accounts",
    "package.card": "products.chexmask.card",
    "package.card_text": "products.chexmask.card_text",
    "package.chexmask": "products.chexmask.release",
    "package.coco": "tables.coco",
    "package.cxlseg": "products.cxlseg.release",
    "package.cxlseg_card": "products.cxlseg.card",
    "package.cxlseg_inputs": "products.cxlseg.inputs",
    "package.cxlseg_shard": "products.cxlseg.shard",
    "package.cxlseg_text": "products.cxlseg.card_text",
    "package.estimates": "products.chexmask.estimates",
    "package.inputs": "products.chexmask.inputs",
    "package.markdown": "products.markdown",
    "package.provenance": "products.provenance",
    "package.radgenome": "products.radgenome.pack",
    "package.radgenome_card": "products.radgenome.card_text",
    "package.radgenome_figures": "products.radgenome.figures",
    "package.radgenome_inputs": "products.radgenome.inputs",
    "package.radgenome_masks": "products.radgenome.masks",
    "package.radgenome_stats": "products.radgenome.statistics",
    "package.rows": "products.chexmask.rows",
    "package.worst": "products.chexmask.worst",
    "products.radgenome.coco": "tables.coco",
    "project": "drr",
    "project.beams": "drr.beams",
    "project.by_hand": "drr.single_study",
    "project.recipe": "drr.recipe",
    "project.rows": "projection.mask_rows",
    "project.shard": "drr.shard",
    "project.structures": "projection.structures",
    "project.study": "drr.study",
    "drr.rows": "projection.mask_rows",
    "drr.structures": "projection.structures",
    "projection.drr": "projection.conventions",
    "projection.truth": "anatomy.film_regions",
    "scheduling": "workflow.scheduling",
    "tables.cxlseg": "products.cxlseg.tables",
    "train.augment": "train.data.augment",
    "train.balance": "train.data.balance",
    "train.degrade": "train.postprocess.degrade",
    "train.dense": "train.segmenter.dense",
    "train.loop": "train.segmenter.loop",
    "train.mask_folder": "labelling.mask_folder",
    "train.mask_pictures": "train.postprocess.examples",
    "train.masks": "labelling.lung_masks",
    "train.multiples": "labelling.balanced_copies",
    "train.nnunet": "train.data.nnunet",
    "train.outlines": "labelling.outlines",
    "train.own_masks": "labelling.own_masks",
    "train.pairs": "train.registration.losses",
    "train.plot": "train.segmenter.curves",
    "train.post_dae": "train.postprocess.post_dae",
    "train.reshape": "train.data.reshape",
    "train.run": "train.segmenter.run",
    "train.shapes": "train.data.shapes",
    "train.stopping": "train.segmenter.stopping",
    "train.tasks": "train.segmenter.tasks",
    "train.validate": "train.segmenter.validate",
}


class RenamedModules(MetaPathFinder, Loader):
    """Import hook that finds renamed modules under their old names."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Return a spec for an old name, and None for any other name."""
        if name.removeprefix("cxrfactory.") in RENAMED_MODULES and name.startswith("cxrfactory."):
            return ModuleSpec(name, self)
        return None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Import the module under its new name and warn."""
        new = f"cxrfactory.{RENAMED_MODULES[spec.name.removeprefix('cxrfactory.')]}"
        warnings.warn(f"{spec.name} is now {new}; the old name ends with 0.2", FutureWarning, stacklevel=2)
        return import_module(new)

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing, because the import under the new name has executed the module."""


def install() -> None:
    """Install the import hook for old module names; further calls have no effect."""
    if not any(isinstance(each, RenamedModules) for each in sys.meta_path):
        sys.meta_path.insert(0, RenamedModules())
