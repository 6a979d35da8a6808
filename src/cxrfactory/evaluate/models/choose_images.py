"""The images of a split that models are evaluated on, or audited on; the others are counted in the log."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from cxrfactory.anatomy.graph import DEFINITIONS
from cxrfactory.anatomy.organs import LUNGS
from cxrfactory.anatomy.regions import region_of
from cxrfactory.errors import CxrError
from cxrfactory.evaluate.models.labelled import LabelledImage
from cxrfactory.logs import get_logger
from cxrfactory.models.segmenter import Segments

log = get_logger(__name__)


def segmented_regions(segmenter: Segments) -> dict[str, str]:
    """Return the regions that a model segments, with the names of its organs."""
    return {region_of(organ, segmenter.definition): organ for organ in segmenter.organs}


def annotated_images(
    cases: list[LabelledImage], segmenters: Mapping[str, Segments], path: str | Path
) -> list[LabelledImage]:
    """Keep the images that annotate, by a drawn mask or a contour, at least one region that a model segments.

    Log messages count the drawn masks and the contours of each region, and the images that are left out.

    Raises
    ------
    CxrError
        If two models mean different regions by the name of an organ, or no image annotates a region of some model.
    """
    _check_names(segmenters)
    segmented = {name: segmented_regions(segmenter) for name, segmenter in segmenters.items()}
    drawn = Counter(region for case in cases for region in case.regions)
    contours = Counter(region for case in cases for region in case.contour_regions if region not in case.regions)
    for name, regions in segmented.items():
        if not set(regions) & (drawn.keys() | contours.keys()):
            found = ", ".join(sorted(drawn.keys() | contours.keys())) or "nothing"
            raise CxrError(
                f"{path}: '{name}' segments {', '.join(regions)}; no image annotates any of these, by landmarks or by "
                f"a drawn mask (the images annotate {found}): give images that do, or another model"
            )
    wanted = dict.fromkeys(region for regions in segmented.values() for region in regions)
    kept = [case for case in cases if any(each in case.regions or each in case.contour_regions for each in wanted)]
    counts = "; ".join(f"{each}: {drawn[each]} drawn masks, {contours[each]} contours" for each in wanted)
    log.info("%s: %d images to measure; %s", path, len(kept), counts)
    if len(kept) < len(cases):
        log.warning("%s: left out %d images that annotate none of %s",
                    path, len(cases) - len(kept), ", ".join(wanted))  # fmt: skip
    return kept


def contoured_images(
    cases: list[LabelledImage], segmenters: Mapping[str, Segments], path: str | Path
) -> list[LabelledImage]:
    """Keep the images with landmarks of both lungs by the definition of the models, as an audit needs them.

    Log messages count the images that are left out.

    Raises
    ------
    CxrError
        If two models define the organs differently, no image is left, or a model segments no organ of the images.
    """
    _check_names(segmenters)
    with_lungs = [case for case in cases if case.graph is not None and set(LUNGS) <= set(case.graph.organs)]
    if len(with_lungs) < len(cases):
        log.warning("%s: left out %d images without landmarks of both lungs", path, len(cases) - len(with_lungs))
    if not with_lungs:
        raise CxrError(f"{path}: no image has landmarks of both lungs; expected labels L, LH, LHC or W")
    definition = next(iter(segmenters.values())).definition
    kept = [case for case in with_lungs if case.graph.definition == definition]
    if not kept:
        raise CxrError(
            f"{path}: no image is labelled by the models' definition '{definition}' ({DEFINITIONS[definition]}); found "
            f"'{with_lungs[0].graph.definition}': give labels of that definition"
        )
    annotated = {organ for case in kept for organ in case.graph.organs}
    for name, segmenter in segmenters.items():
        if not annotated & set(segmenter.organs):
            raise CxrError(
                f"{path}: '{name}' segments {', '.join(segmenter.organs)}; no image has landmarks of these, and an "
                f"audit takes its truth from landmarks ({', '.join(sorted(annotated))}): evaluate-model takes drawn "
                "masks too"
            )
    if len(kept) < len(with_lungs):
        log.warning("%s: left out %d images labelled by another definition than the models' '%s'",
                    path, len(with_lungs) - len(kept), definition)  # fmt: skip
    return kept


def _check_names(segmenters: Mapping[str, Segments]) -> None:
    """Refuse models whose organs of one name are different regions."""
    meant: dict[str, str] = {}
    for segmenter in segmenters.values():
        for region, organ in segmented_regions(segmenter).items():
            if meant.setdefault(organ, region) != region:
                names = ", ".join(f"'{name}' {each.definition}" for name, each in segmenters.items())
                raise CxrError(f"models define the organs differently ({names}); compare models of one definition")
