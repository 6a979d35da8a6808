"""The command line: one subcommand per stage. Parse, call the stage, print a clear error."""

import os
import sys
from importlib import import_module

import typer

from cxrfactory.errors import CxrError

# Each module holds functions of the subcommands named; heavy imports stand inside the functions.
COMMANDS = {
    "cohort": "cxrfactory.cli.cohort:cohort",
    "cohort-scans": "cxrfactory.cli.cohort:cohort_scans",
    "fetch-ct": "cxrfactory.cli.cohort:fetch_ct",
    "ingest": "cxrfactory.cli.ingest:ingest",
    "ingest-labelled": "cxrfactory.cli.ingest:ingest_labelled",
    "ingest-scans": "cxrfactory.cli.ingest:ingest_scans",
    "reports": "cxrfactory.cli.reports:reports",
    "selection": "cxrfactory.cli.ingest:selection",
    "preprocess": "cxrfactory.cli.preprocess:preprocess",
    "preprocess-labelled": "cxrfactory.cli.preprocess:preprocess_labelled",
    "project": "cxrfactory.cli.project:project",
    "project-shard": "cxrfactory.cli.project:project_shard",
    "export-weights": "cxrfactory.cli.train:export_weights",
    "label-masks": "cxrfactory.cli.train:label_masks",
    "label-outlines": "cxrfactory.cli.train:label_outlines",
    "train": "cxrfactory.cli.train:train",
    "infer": "cxrfactory.cli.infer:infer",
    "segment": "cxrfactory.cli.infer:segment",
    "overlays": "cxrfactory.cli.infer:overlays",
    "nnunet-export": "cxrfactory.cli.nnunet:nnunet_export",
    "train-post-dae": "cxrfactory.cli.post_dae:train_post_dae",
    "mask-to-landmarks": "cxrfactory.cli.landmarks:mask_to_landmarks",
    "train-mask-landmarks": "cxrfactory.cli.landmarks:train_mask_landmarks",
    "train-registration": "cxrfactory.cli.train:train_registration",
    "rca-reference": "cxrfactory.cli.rca:rca_reference",
    "rca": "cxrfactory.cli.rca:rca",
    "rca-check": "cxrfactory.cli.rca:rca_check",
    "rca-calibrate": "cxrfactory.cli.rca:rca_calibrate",
    "package": "cxrfactory.cli.package:package",
    "package-card": "cxrfactory.cli.package:package_card",
    "package-worst": "cxrfactory.cli.package:package_worst",
    "package-radgenome": "cxrfactory.cli.radgenome:package_radgenome",
    "cxlseg-shard": "cxrfactory.cli.cxlseg:cxlseg_shard",
    "package-cxlseg": "cxrfactory.cli.cxlseg:package_cxlseg",
    "cxlseg-card": "cxrfactory.cli.cxlseg:cxlseg_card",
    "evaluate-lungs": "cxrfactory.cli.cxlseg:evaluate_lungs",
    "balance-masks": "cxrfactory.cli.cxlseg:balance_masks",
    "classify-pictures": "cxrfactory.cli.classify:classify_pictures",
    "classify": "cxrfactory.cli.classify:classify",
    "classify-compare": "cxrfactory.cli.classify:classify_compare",
    "evaluate": "cxrfactory.cli.evaluate:evaluate",
    "evaluate-model": "cxrfactory.cli.audit:evaluate_model",
    "audit": "cxrfactory.cli.audit:audit",
    "gold-export": "cxrfactory.cli.validation:gold_export",
    "gold-import": "cxrfactory.cli.validation:gold_import",
    "gold-evaluate": "cxrfactory.cli.validation:gold_evaluate",
    "rca-statistics": "cxrfactory.cli.validation:rca_statistics",
    "bias": "cxrfactory.cli.validation:bias",
    "bias-discovery": "cxrfactory.cli.validation:bias_discovery",
    "label-own-masks": "cxrfactory.cli.validation:label_own_masks",
    "config": "cxrfactory.cli.config:config",
    "status": "cxrfactory.cli.status:status",
}


def build_app() -> typer.Typer:
    """Assemble the application from the table of commands."""
    app = typer.Typer(
        name="cxrfactory",
        help="Chest-radiograph releases and chest CT in, anatomy-labelled datasets out.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    for name, target in COMMANDS.items():
        module, function = target.split(":")
        app.command(name)(getattr(import_module(module), function))
    return app


def main() -> None:
    """Run the command line; a user's error is one line on standard error and exit status 1."""
    from cxrfactory.logs import setup

    setup()
    try:
        build_app()()
    except CxrError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
