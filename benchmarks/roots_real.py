"""Compare a run of results/roots on real pictures with what people drew in them (RSML).

    python benchmarks/roots_real.py split DATA FOLDER
    snakemake results/roots --configfile FOLDER/config.yaml
    python benchmarks/roots_real.py compare RESULTS FOLDER/judged OUTPUT
    snakemake results/roots --configfile FOLDER/several.yaml
    python benchmarks/roots_real.py compare RESULTS FOLDER/judged OUTPUT-several

``DATA`` holds folders of pictures with RSML files of the same names, such as ``rapeseed`` and ``barley``. The first
form copies all pictures into ``FOLDER/labelled``, and those that training will put aside (about a fifth, by a hash of
their names) also into ``FOLDER/judged``. It writes two configs that learn from the others and find roots in the judged
ones. They differ in ``main_roots`` alone: one for plants with a main root, several for barley; the second run makes
graphs and what follows them anew. Training measures itself on the pictures that it puts aside, and chooses nothing by
them. The last form prints for each set the Dice of masks (all pixels together, and the mean over pictures) against
lines drawn at the width that is measured in the picture, and writes ``OUTPUT/SET/summary.csv`` and ``pictures.csv``
with lengths, precision and recall of roots.
"""

import argparse
from pathlib import Path
from shutil import copyfile

import numpy as np
import yaml

from cxrfactory.imaging.root_pictures import read_picture
from cxrfactory.roots.evaluate.drawn import evaluate_edges
from cxrfactory.roots.segment.drawn import draw_roots, width_of_roots
from cxrfactory.roots.segment.examples import VALIDATED
from cxrfactory.tables.keys import put_aside
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.rle import rle_decode
from cxrfactory.tables.rsml import read_rsml, walk

TRAINING = {"steps": 4000, "patch_px": 192, "train_batch_size": 6}


def split(data: Path, folder: Path) -> None:
    """Copy the pictures and RSML files of all sets into a folder, and those that training puts aside into another."""
    counts = {"judged": 0, "labelled": 0}
    for path in sorted(data.glob("*/*.rsml")):
        picture = path.with_suffix(".jpg")
        if not picture.is_file():
            continue
        name = f"{path.parent.name}-{path.stem}"
        aside = put_aside(f"traced {name}", "roots, validate", VALIDATED)
        for place in ("labelled", "judged") if aside else ("labelled",):
            (folder / place).mkdir(parents=True, exist_ok=True)
            for each in (path, picture):
                copyfile(each, folder / place / f"{name}{each.suffix}")
            counts[place] += 1
    section = {"root": str(folder / "judged"), "labelled": str(folder / "labelled"), "series": False} | TRAINING
    (folder / "config.yaml").write_text(yaml.safe_dump({"roots": section}))
    (folder / "several.yaml").write_text(yaml.safe_dump({"roots": section | {"main_roots": "several"}}))
    print(counts)


def masks_of(results: Path) -> dict[str, np.ndarray]:
    """Return the found mask of each picture."""
    found = {}
    for path in sorted((results / "roots-work" / "segment").glob("*-of-????.parquet")):
        for row in read_table(path).itertuples():
            found[row.plate] = rle_decode(row.rle, row.height, row.width)
    return found


def compare(results: Path, truth: Path, output: Path) -> None:
    """Print the Dice of each set, and write the comparison of graphs."""
    found = masks_of(results)
    edges = sorted((results / "roots-work" / "graphs").glob("*.edges.parquet"))
    sets: dict[str, list[str]] = {}
    for path in sorted(truth.glob("*.rsml")):
        sets.setdefault(path.name.partition("-")[0], []).append(path.stem)
    for name, stems in {**sets, "all": [stem for each in sets.values() for stem in each]}.items():
        parts = []
        for stem in stems:
            grey = read_picture(truth / f"{stem}.jpg")
            lines = [root.points for _, root, _, _ in walk(read_rsml(truth / f"{stem}.rsml"))]
            true = draw_roots(grey.shape, lines, width_of_roots(grey, lines)) > 0
            mask = found.get(stem, np.zeros(grey.shape, np.uint8)) > 0
            parts.append((int((mask & true).sum()), int(mask.sum()), int(true.sum())))
        both, ours, theirs = np.array(parts).T
        dice = 2 * both / (ours + theirs)
        print(f"{name}: {len(stems)} pictures, Dice {2 * both.sum() / (ours.sum() + theirs.sum()):.3f} together, "
              f"mean {dice.mean():.3f} ({dice.min():.3f} to {dice.max():.3f}), "
              f"precision {both.sum() / max(ours.sum(), 1):.3f}, recall {both.sum() / theirs.sum():.3f}")  # fmt: skip
        evaluate_edges(edges, truth, output / name, stems)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    forms = parser.add_subparsers(dest="form", required=True)
    for form, names in (("split", ("data", "folder")), ("compare", ("results", "truth", "output"))):
        command = forms.add_parser(form)
        for name in names:
            command.add_argument(name, type=Path)
    chosen = vars(parser.parse_args())
    {"split": split, "compare": compare}[chosen.pop("form")](**chosen)


if __name__ == "__main__":
    main()
