"""Commands that compare grades, and measured with true values."""

from pathlib import Path
from typing import Annotated

import typer

from cxrfactory.config.agreement import AgreementTestConfig, ValueAgreementConfig
from cxrfactory.config.options import with_options


@with_options(AgreementTestConfig)
def agreement(
    measured: Annotated[Path, typer.Option(help="Table of graded measurements (CSV or Parquet), as of measure.")],
    reference: Annotated[
        list[Path], typer.Option(help="Table of reference grades (CSV or Parquet), as of reports; repeat for several.")
    ],
    output: Annotated[Path, typer.Option(help="Folder for tables (CSV, Markdown) and figures (PNG).")],
    links: Annotated[
        list[Path] | None,
        typer.Option(help="Table with the columns of both keys and the patient, such as a manifest; repeat."),
    ] = None,
    answers: Annotated[
        list[str] | None,
        typer.Option(help="NAME=FILE, a table with the grades of another system; repeat for each system."),
    ] = None,
    *,
    agreement_test_config: AgreementTestConfig,
) -> None:
    """Compare grades of two tables, such as measurements and reports: accuracy, F1, kappa, ROC, confusion."""
    from cxrfactory.evaluate.agreement.study import compare_grades
    from cxrfactory.tables.named_values import named_values

    systems = named_values(answers or [], "--answers", "NAME=FILE", "such as model-a=answers.csv")
    compare_grades(measured, reference, output, agreement_test_config, links or [], systems)


@with_options(ValueAgreementConfig)
def agreement_values(
    table: Annotated[
        list[Path], typer.Option(help="Table with a true and a measured value (CSV or Parquet); repeat for several.")
    ],
    output: Annotated[Path, typer.Option(help="Folder for the table (CSV) and figures (PNG).")],
    *,
    value_agreement_config: ValueAgreementConfig,
) -> None:
    """Compare measured with true values, such as cardiothoracic ratios: correlation, error, Bland-Altman."""
    from cxrfactory.evaluate.agreement.values import compare_values

    compare_values(table, output, value_agreement_config)
