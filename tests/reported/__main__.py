"""Run all reported kinds and print for each: inputs tried, right, refused, reported, wrong."""

import importlib
import pkgutil
import tempfile
from pathlib import Path

import tests.reported as room
from tests.reported import ENDS


def main() -> int:
    """Print one line a kind, and a sum; return the number of wrong ends."""
    total = dict.fromkeys(("tried", *ENDS, "wrong"), 0)
    print("kind;tried;" + ";".join(ENDS) + ";wrong;source")
    for found in sorted(each.name for each in pkgutil.iter_modules(room.__path__) if each.name.startswith("test_")):
        module = importlib.import_module(f"tests.reported.{found}")
        counts = dict.fromkeys(total, 0)
        for case in module.CASES:
            counts["tried"] += 1
            with tempfile.TemporaryDirectory() as folder:
                try:
                    case.run(Path(folder))
                    counts[case.ends] += 1
                except Exception as error:  # any other end is a wrong one
                    counts["wrong"] += 1
                    print(f"# {module.KIND}, {case.id}: {type(error).__name__}: {str(error).splitlines()[:1]}")
        print(";".join((module.KIND, *map(str, counts.values()), module.SOURCE)))
        total = {name: total[name] + counts[name] for name in total}
    print(";".join(("all", *map(str, total.values()), "")))
    return total["wrong"]


if __name__ == "__main__":
    raise SystemExit(1 if main() else 0)
