"""Balance a folder of masks by varied copies."""

from pathlib import Path
from typing import Annotated

import typer


def balance_masks(
    recipe: Annotated[Path, typer.Option(help="Recipe (YAML); resources/ holds an example.")],
    root: Annotated[
        Path | None, typer.Option(help="Folder with table.csv (image_id, patient_id, source, class), images/, masks/.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="New folder of the same layout.")] = None,
    count: Annotated[bool, typer.Option(help="Only count what becomes of the recipe's own image counts.")] = False,
) -> None:
    """Balance radiographs with lung masks by varied copies, so many an image, by source and class."""
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
