"""Command that balances a folder of masks by varied copies."""

from pathlib import Path
from typing import Annotated

import typer


def balance_masks(
    recipe: Annotated[Path, typer.Option(help="Recipe (YAML): copies by source and class; see resources/.")],
    root: Annotated[
        Path | None, typer.Option(help="Folder with table.csv (image_id, patient_id, source, class), images/, masks/.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Folder of the same layout to write; it must be new or empty.")
    ] = None,
    count: Annotated[
        bool, typer.Option(help="Only print the counts that the recipe would give for its own image counts.")
    ] = False,
) -> None:
    """Balance radiographs with lung masks by randomly varied copies of each image, by source and class."""
    from cxrfactory.errors import CxrError
    from cxrfactory.labelling import balanced_copies as multiples

    plan = multiples.read_recipe(recipe)
    if count:
        table = multiples.planned(plan, plan.images)
        multiples.log_plan(table)
        typer.echo(table.to_csv(index=False), nl=False)
    elif root is None or output is None:
        raise CxrError("--root and --output go together; give both, or --count")
    else:
        multiples.balance_masks(root, plan, output)
