"""Run the bombs of a family, each confined: ``python -m tests.faults.bombs FAMILY NAME...``; prints JSON."""

import json
import sys
from collections.abc import Sequence

from .checks import confined
from .families import FAMILIES


def main(family: str, names: Sequence[str]) -> None:
    run, cases = FAMILIES[family]
    bombs = {case.name: case for case in cases if case.bomb}
    print(json.dumps({name: confined(run, bombs[name]) for name in names}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
