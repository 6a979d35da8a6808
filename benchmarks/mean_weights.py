"""Write the mean of the numbers of two networks of one build, one of which was trained on from the other.

    python benchmarks/mean_weights.py second.safetensors third.safetensors mean.safetensors

The card is that of the second file, whose SHA-256 is renewed. Counters, such as the number of batches, are kept.
"""

import sys
from pathlib import Path

import numpy as np

from cxrfactory.errors import CxrError
from cxrfactory.tables.weights import read_weights, write_weights


def main(first: str, second: str, output: str) -> None:
    (one, _), (other, card) = read_weights(first), read_weights(second)
    if {name: each.shape for name, each in one.items()} != {name: each.shape for name, each in other.items()}:
        raise CxrError(f"{first} and {second}: other tensors or shapes; expected two networks of one build")
    mean = {
        name: ((one[name].astype(np.float32) + each) / 2).astype(each.dtype)
        if np.issubdtype(each.dtype, np.floating)
        else each
        for name, each in other.items()
    }
    write_weights(Path(output), mean, {name: value for name, value in card.items() if name != "sha256"})


if __name__ == "__main__":
    main(*sys.argv[1:])
