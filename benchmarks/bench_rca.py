"""Seconds for an image of deep and of classical RCA on one core, and memory over the number of images.

    python benchmarks/bench_rca.py --images SHARD --landmarks SHARD --reference REF [--classical 8] [--rounds 3]

Both methods do the whole work for an image: they decode its PNG, register it onto five references, and warp and compare
the masks. The first image is not timed, because it describes (deep) or prepares (classical) the references. If more
images are requested than the shard holds, its images are used repeatedly.
"""

import json
import resource
import time
from itertools import cycle, islice
from pathlib import Path
from typing import Annotated

import typer


def main(
    images: Annotated[Path, typer.Option(help="Image shard.")],
    landmarks: Annotated[Path, typer.Option(help="Landmark shard.")],
    reference: Annotated[Path, typer.Option(help="Reference set.")],
    network: Annotated[str, typer.Option(help="Registration network.")] = "pretrained-registration",
    deep: Annotated[int, typer.Option(help="Number of images for the deep method.")] = 100,
    classical: Annotated[int, typer.Option(help="Number of images for the classical method.")] = 8,
    rounds: Annotated[int, typer.Option(help="Rounds of both, in turn.")] = 3,
) -> None:
    from cxrfactory.config.rca import AlignerConfig
    from cxrfactory.rca.aligners import build_aligner
    from cxrfactory.rca.reference import read_reference
    from cxrfactory.rca.shard import image_jobs, score_job
    from cxrfactory.tables.parquet import read_table

    known = read_reference(reference)
    columns = ["image_id", "landmarks", "latent", "size"]
    jobs = list(image_jobs(images, read_table(landmarks, columns=columns)))
    settings = {name: AlignerConfig(method=name, network=network) for name in ("deep", "classical")}
    aligners = {name: build_aligner(each) for name, each in settings.items()}
    counts = {"deep": deep, "classical": classical}
    spent: dict[str, list[float]] = {name: [] for name in aligners}
    for name, aligner in aligners.items():
        for job in islice(cycle(jobs), counts[name]):
            score_job(job, known, aligner, 5)
    memory = [_peak_mb()]
    for _ in range(rounds):
        for name, aligner in aligners.items():
            started = time.process_time()
            for job in islice(cycle(jobs), counts[name]):
                score_job(job, known, aligner, 5)
            spent[name].append((time.process_time() - started) / counts[name])
        memory.append(_peak_mb())
    best = {name: min(each) for name, each in spent.items()}
    found = {
        "s_an_image": best,
        "ratio": best["classical"] / best["deep"],
        "ratio_by_round": [c / d for c, d in zip(spent["classical"], spent["deep"], strict=True)],
        "peak_mb_after_each_round": memory,
    }
    print(json.dumps(found, indent=2))


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    typer.run(main)
