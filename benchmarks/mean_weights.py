"""Write the mean of the numbers of two networks of one build, one of which was trained on from the other.

    python benchmarks/mean_weights.py second.safetensors third.safetensors mean.safetensors

The card is that of the second file, whose SHA-256 is renewed. Counters, such as the number of batches, are kept.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from cxrfactory.errors import CxrError
from cxrfactory.tables.weights import read_weights, write_weights


def main(
    first: Annotated[str, typer.Argument(help="Weights (.safetensors).")],
    second: Annotated[str, typer.Argument(help="Weights of the same network, whose card is kept.")],
    output: Annotated[Path, typer.Argument(help="Weights to write.")],
) -> None:
    """Write the mean of the numbers of two networks of one build."""
    (one, _), (other, card) = read_weights(first), read_weights(second)
    if {name: each.shape for name, each in one.items()} != {name: each.shape for name, each in other.items()}:
        raise CxrError(f"{first} and {second}: other tensors or shapes; expected two networks of one build")
    mean = {
        name: ((one[name].astype(np.float32) + each) / 2).astype(each.dtype)
        if np.issubdtype(each.dtype, np.floating)
        else each
        for name, each in other.items()
    }
    write_weights(output, mean, {name: value for name, value in card.items() if name != "sha256"})


if __name__ == "__main__":
    typer.run(main)
