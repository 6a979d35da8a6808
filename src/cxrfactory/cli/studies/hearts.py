"""Command that compares networks of hearts."""

from pathlib import Path
from typing import Annotated

import typer


def hearts(
    template: Annotated[Path, typer.Option(help="Template (.npz), as stage hearts-template leaves it.")],
    cases: Annotated[list[Path], typer.Option(help="Table of cases with true meshes; repeat for each shard.")],
    meshes: Annotated[
        list[str], typer.Option(help="Table of stage hearts-infer as NETWORK=FILE; repeat for each network and shard.")
    ],
    output: Annotated[Path, typer.Option(help="Folder for tables (CSV) and figures (PNG); replaced if it is there.")],
    split: Annotated[str | None, typer.Option(help="Split of the cases, such as test; by default all cases.")] = None,
) -> None:
    """Compare the meshes of networks with true meshes: nodes, masks, volumes, tetrahedra, paired tests."""
    from cxrfactory.errors import CxrError
    from cxrfactory.hearts.evaluate.compare import compare
    from cxrfactory.hearts.template import read_template

    by_network: dict[str, list[Path]] = {}
    for each in meshes:
        name, sign, path = each.partition("=")
        if not sign or not name or not path:
            raise CxrError(f"--meshes: found '{each}'; expected NETWORK=FILE")
        by_network.setdefault(name, []).append(Path(path))
    compare(read_template(template).mesh, cases, by_network, output, split)
