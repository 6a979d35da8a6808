"""Check whether the RCA score follows the true Dice, with good and spoiled masks of images whose truth is known.

The registrations depend only on the images. Each image is therefore aligned once, and all its masks are scored with the
same transforms.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from cxrfactory.anatomy.graph import graph_of_labels, landmark_graph
from cxrfactory.anatomy.organs import HEART
from cxrfactory.config.rca import RcaCheckConfig
from cxrfactory.errors import CxrError, ImageError
from cxrfactory.logs import get_logger, progress
from cxrfactory.rca.agreement import AgreementReport, agreement, plot_agreement
from cxrfactory.rca.aligners import build_aligner
from cxrfactory.rca.cases import SEVERITIES, CheckedImage, cases_of_labelled, cases_of_truth, masks_of
from cxrfactory.rca.labels import LUNGS, Codes, organ_dice
from cxrfactory.rca.reference import check_definition, encoder_of, library_digest, read_reference
from cxrfactory.rca.score import Aligner, origin, score_aligned, select_references
from cxrfactory.tables.atomic import write_text
from cxrfactory.tables.keys import seed_of
from cxrfactory.tables.parquet import read_table, stored_graph
from cxrfactory.tables.rows import Row

log = get_logger(__name__)


def true_dice(codes: Codes, truth: Codes, with_heart: bool) -> dict[str, float | None]:
    """Compute the true Dice: ``true_dice`` (mean of lungs and heart), ``lungs_true`` and ``heart_true``."""
    lungs, heart = organ_dice(codes, truth)
    if not with_heart:
        return {"true_dice": lungs, "lungs_true": lungs, "heart_true": None}
    return {"true_dice": float(np.mean([lungs, heart])), "lungs_true": lungs, "heart_true": heart}


def check_cases(
    cases: Sequence[CheckedImage],
    reference: str | Path,
    aligner: Aligner,
    references: int,
    severities: Sequence[float] = SEVERITIES,
) -> pd.DataFrame:
    """Score the given and the spoiled masks of every case.

    Parameters
    ----------
    cases
        At least two cases; ``swap`` moves each case's landmarks towards those of the next case.
    reference
        Reference set from ``rca-reference``; a case in this set is not used as its own reference.
    aligner
        Registration method.
    references
        Number of references that an image is compared with.
    severities
        Degrees of each kind of spoiling.

    Returns
    -------
    DataFrame
        One row per mask: ``image_id``, ``kind`` (``none`` for the case's own), ``severity``, ``true_dice``,
        ``dice_rca_mean``, ``dice_rca_max``, then by organ ``lungs_true``, ``lungs_mean``, ``lungs_max``,
        ``heart_true``, ... (empty without a heart), ``typicality`` of the image, and ``dice_std``, ``lungs_std``,
        ``heart_std`` (:class:`~cxrfactory.rca.cases.CheckedImage`; empty for spoiled masks, which the network's
        uncertainty does not describe). Cases whose registration fails are logged and left out.

    Raises
    ------
    CxrError
        If there are fewer than two cases, an image does not have the size of the references, or no image can be
        registered.
    """
    if len(cases) < 2:
        raise CxrError(f"{len(cases)} images to check RCA on; expected at least 2")
    known = read_reference(reference)
    rows: list[Row] = []
    for number, case in enumerate(progress(cases, "rca-check")):
        with_heart = known.has_heart and HEART in case.graph.organs
        if case.image.shape != (known.size, known.size):
            raise CxrError(
                f"image '{case.image_id}' of shape {case.image.shape}; references are {known.size} x {known.size}"
            )
        chosen = select_references(case.latent, known.latents, known.ids, references, exclude=case.image_id)
        atlas = [known.references[position] for position in chosen]
        try:
            aligned = aligner.align(case.image, atlas)
        except ImageError as error:
            log.warning("left out %s: %s", case.image_id, error)
            continue
        other = cases[(number + 1) % len(cases)].landmarks
        for kind, severity, codes in case.candidates(other, severities):
            score = score_aligned(codes, with_heart, aligned, atlas).as_row()
            score.pop("references")
            spread = case.spread if case.spread is not None and kind == "none" else {}
            rows.append(
                {"image_id": case.image_id, "kind": kind, "severity": severity}
                | true_dice(codes, case.truth, with_heart)
                | score
                | {"dice_std": spread.get("both"), "lungs_std": spread.get(LUNGS), "heart_std": spread.get(HEART)}
            )
    if not rows:
        raise CxrError("no image could be registered; RCA cannot be checked")
    return pd.DataFrame(rows)


def run_check(
    cases: Sequence[CheckedImage], reference: str | Path, output: str | Path, aligner: Aligner, references: int
) -> AgreementReport:
    """Check RCA on the cases, and write ``rca_check.csv``, ``rca_check.json`` and ``rca_check.png``."""
    output = Path(output)
    table = check_cases(cases, reference, aligner, references)
    come_from = origin(aligner, references, cases[0].image.shape[0], library_digest(reference))
    found = agreement(table) | {"origin": come_from.model_dump(mode="json")}
    write_text(output / "rca_check.csv", table.to_csv(index=False, float_format="%.6f"))
    write_text(output / "rca_check.json", json.dumps(found, indent=2) + "\n")
    plot_agreement(table, found, output / "rca_check.png")
    log.info("%d images, %d masks: Pearson r %.3f (mean), %.3f (max); wrote %s",
             found["images"], found["masks"], found["r_mean"], found["r_max"], output)  # fmt: skip
    return found


def check_truth(
    images: Sequence[str | Path],
    landmarks: Sequence[str | Path],
    truth: str | Path,
    reference: str | Path,
    output: str | Path,
    settings: RcaCheckConfig,
) -> AgreementReport:
    """Check RCA on images of shards whose truth is known; at most ``settings.count`` images are used.

    Raises
    ------
    CxrError
        If landmarks and references define the organs differently, or under the conditions of :func:`cases_of_truth`
        and :func:`check_cases`.
    """
    for path in landmarks:
        check_definition(path, reference)
    size = read_reference(reference).size
    cases = cases_of_truth(images, landmarks, truth, settings.count, size)
    return run_check(cases, reference, output, build_aligner(settings), settings.references)


def check_labelled(
    labelled: str | Path,
    weights: str | Path,
    models: Sequence[str | Path],
    reference: str | Path,
    output: str | Path,
    settings: RcaCheckConfig,
) -> AgreementReport:
    """Check RCA on labelled images outside the reference set, with true masks, spoiled masks and masks of models.

    Parameters
    ----------
    labelled
        Parquet of schema ``LABELLED_IMAGES``.
    weights
        Weights that the reference set was encoded with.
    models
        Weights of segmenters whose masks are also scored.
    reference, output
        The reference set, and the folder to write (:func:`run_check`).
    settings
        Number and split of the images, and how their masks are scored.

    Raises
    ------
    CxrError
        If fewer than two images are left, or two models have files of the same name.
    """
    known = read_reference(reference)
    encode = encoder_of(weights)[0]
    table = read_table(labelled, columns=["image_id", "labels", "split"])
    table = table[~table["image_id"].isin(known.ids) & (table["split"] == settings.split if settings.split else True)]
    definition = landmark_graph(stored_graph(reference) or "lungs").definition
    fits = [
        own.definition == definition
        and set(landmark_graph("lungs").organs) <= set(own.organs)
        and (HEART in own.organs or not known.has_heart)
        for own in (graph_of_labels(code, str(labelled)) for code in table["labels"])
    ]
    ids = sorted(table["image_id"][fits], key=lambda each: seed_of(each, "rca-check"))[: settings.count]
    log.info("%s: %d images outside the reference set, took %d", labelled, sum(fits), len(ids))
    answers = {Path(each).stem: masks_of(each) for each in models}
    if len(answers) != len(models):
        raise CxrError(f"models {', '.join(map(str, models))}: two files of one name; give each a name of its own")
    cases = cases_of_labelled(labelled, encode, ids, known.size, answers)
    return run_check(cases, reference, output, build_aligner(settings), settings.references)
