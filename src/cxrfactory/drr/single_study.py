"""Project a single study from the command line: 8-bit and 16-bit pictures of both views, and masks of every label."""

from pathlib import Path

from cxrfactory.drr.label_tables import UNNAMED, names_of, unnamed
from cxrfactory.drr.recipe import ProjectionRecipe
from cxrfactory.drr.study import project_study
from cxrfactory.imaging.drawing.png import save_png
from cxrfactory.imaging.volume.orientation import AffineRules, VolumeLayout
from cxrfactory.logs import get_logger
from cxrfactory.projection.conventions import VIEWS
from cxrfactory.projection.grey import COUNTS_PER_UNIT, to_8bit, to_16bit
from cxrfactory.projection.mask_rows import mask_rows
from cxrfactory.projection.structures import labelled
from cxrfactory.tables.parquet import write_arrow

MASKS_FILE = "masks.parquet"

log = get_logger(__name__)


def project(
    ct: str | Path,
    labels: str | Path,
    output: str | Path,
    names: str | Path | None = None,
    recipe: ProjectionRecipe | None = None,
    layout: VolumeLayout | None = None,
    rules: AffineRules | None = None,
) -> None:
    """Write ``PA.png``, ``LL.png`` (8 bit), ``PA_16.png``, ``LL_16.png`` (path integral) and ``masks.parquet``.

    Parameters
    ----------
    ct, labels
        Paths of the CT and of its labels, as in :func:`cxrfactory.drr.study.project_study`.
    output
        Folder to write to; it is created if it does not exist.
    names
        Table of label values and names, or a table of TotalSegmentator (:mod:`cxrfactory.drr.label_tables`).
    recipe, layout, rules
        The same as in :func:`cxrfactory.drr.study.project_study`.

    Raises
    ------
    CxrError
        If the study or the table of names cannot be used.
    """
    output = Path(output)
    study = project_study(ct, labels, names_of(names), recipe or ProjectionRecipe(), layout, rules)
    if unnamed(study.names, study.source_ids):
        log.warning("%s", UNNAMED)
    structures = labelled(study.names, study.source_ids, study.cut_off)
    output.mkdir(parents=True, exist_ok=True)
    for view in VIEWS:
        counts, saturated = to_16bit(study.integrals[view])
        if saturated:
            log.warning(
                "%s: %d pixels above a path integral of %g are stored as that", view, saturated, 65535 / COUNTS_PER_UNIT
            )
        save_png(to_8bit(study.integrals[view]), output / f"{view}.png")
        save_png(counts, output / f"{view}_16.png")
        rows, columns = study.pixel_mm[view]
        height, width = counts.shape
        log.info("%s: %d x %d px of %.4f x %.4f mm (rows x columns)", view, height, width, rows, columns)
    write_arrow(mask_rows(output.name, structures, study.masks), output / MASKS_FILE)
    for note in study.notes:
        log.info("%s", note)
    known = sum(each.class_id is not None for each in structures)
    shown = sum(bool(mask.any()) for mask in study.masks["PA"])
    log.info(
        "%s: %d structures, %d of them in the taxonomy, %d not empty; a path integral of 1 is %d counts of 16 bits",
        output, len(structures), known, shown, COUNTS_PER_UNIT,
    )  # fmt: skip
