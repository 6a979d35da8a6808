"""Compare networks of hearts on held-out virtual patients: views, losses, and the baseline of principal modes.

    python benchmarks/heart_network.py PICTURES GRAPHS OUTPUT [--epochs 40] [--only multi single ...]

PICTURES is a table of prepared pictures with the splits train, validate and test (several: separated by commas),
GRAPHS a folder with surface.npz and volume.npz. Each variant is trained with the same number of epochs and measured on
the split test about the true frame and about the frame that is found (three passes). OUTPUT is a folder: weights,
histories and comparison.csv, with paired Wilcoxon tests against the first variant. It takes hours on two cores.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from cxrfactory.metrics.mesh import mesh_errors
from cxrfactory.models.hybridvnet.inputs import collated, sample
from cxrfactory.models.hybridvnet.losses import LossWeights
from cxrfactory.models.hybridvnet.network import NetworkSettings
from cxrfactory.models.hybridvnet.predict import MeshPredictor
from cxrfactory.tables.weights import read_weights
from cxrfactory.train.hearts.data import load_hearts, true_frame
from cxrfactory.train.hearts.finder import FinderTraining, train_finder
from cxrfactory.train.hearts.run import train_hearts
from cxrfactory.train.hearts.settings import HeartTraining

BASE = HeartTraining()
VOLUME = replace(BASE, weights=LossWeights(laplacian=0.0))
VARIANTS = {
    "multi": ("surface", BASE),
    "single": ("surface", replace(BASE, network=NetworkSettings(views=()))),
    "published": ("surface", replace(BASE, network=NetworkSettings(windows=0))),
    "without-deep": ("surface", replace(BASE, weights=LossWeights(deep=0.0))),
    "without-laplacian": ("surface", replace(BASE, weights=LossWeights(laplacian=0.0))),
    "without-both": ("surface", replace(BASE, weights=LossWeights(deep=0.0, laplacian=0.0))),
    "edge": ("surface", replace(BASE, weights=LossWeights(laplacian=0.0, edge=0.01))),
    "normal": ("surface", replace(BASE, weights=LossWeights(laplacian=0.0, normal=1e-4))),
    "pca": ("surface", replace(BASE, model="pca")),
    "volume": ("volume", VOLUME),
    "volume-1e-4": ("volume", replace(VOLUME, weights=LossWeights(laplacian=0.0, tetrahedra=1e-4))),
    "volume-1e-3": ("volume", replace(VOLUME, weights=LossWeights(laplacian=0.0, tetrahedra=1e-3))),
    "volume-1e-2": ("volume", replace(VOLUME, weights=LossWeights(laplacian=0.0, tetrahedra=1e-2))),
}


def measured(predictor: MeshPredictor, tables: list[Path]) -> pd.DataFrame:
    """Return one row a case with the errors about the true and about the found frame."""
    rows = []
    for heart in load_hearts(tables, "test", predictor.graph.places, predictor.graph.template_nodes):
        frame = true_frame(heart, predictor.graph, predictor.settings.side_mm)
        with torch.no_grad():
            answer = predictor.network(collated([sample(heart.pictures, frame, predictor.settings)]))
        about_truth = mesh_errors(frame.to_mm(answer.positions[0].numpy()), heart.vertices_mm)
        vertices = predictor.predict(heart.pictures, heart.key).vertices_mm
        found = mesh_errors(vertices, heart.vertices_mm)
        row = {"case": heart.key, "mae_mm": found.mae_mm, "distance_mm": found.distance_mm, "rmse_mm": found.rmse_mm}
        rows.append(row | {"mae_about_truth_mm": about_truth.mae_mm, "scaled_jacobian": jacobian(predictor, vertices)})
    return pd.DataFrame(rows)


def jacobian(predictor: MeshPredictor, vertices_mm: np.ndarray) -> float:
    """Return the mean scaled Jacobian of the tetrahedra; NaN for a surface."""
    from cxrfactory.geometry.mesh.quality import scaled_jacobian

    tetrahedra = predictor.graph.tetrahedra
    return float(scaled_jacobian(vertices_mm, tetrahedra).mean()) if len(tetrahedra) else float("nan")


def main() -> None:
    """Train and measure the variants."""
    from scipy.stats import wilcoxon

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures")
    parser.add_argument("graphs", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--epochs", type=int, default=BASE.epochs)
    parser.add_argument("--only", nargs="*", default=list(VARIANTS))
    options = parser.parse_args()
    tables, device = [Path(each) for each in options.pictures.split(",")], torch.device("cpu")
    options.output.mkdir(parents=True, exist_ok=True)
    finder = options.output / "finder.safetensors"
    if not finder.is_file():
        training = FinderTraining(epochs=options.epochs)
        print("finder", train_finder(tables, options.graphs / "surface.npz", finder, training, device), flush=True)
    rows, first = [], None
    for name in options.only:
        kind, settings = VARIANTS[name]
        weights = options.output / f"{name}.safetensors"
        if not weights.is_file():
            settings = replace(settings, epochs=options.epochs)
            train_hearts(tables, options.graphs / f"{kind}.npz", weights, settings, device, weights.with_suffix(".csv"))
        cases = measured(MeshPredictor(*read_weights(weights), *read_weights(finder), "cpu", samples=0), tables)
        first = cases if first is None else first
        same = cases is first
        p_value = float("nan") if same else float(wilcoxon(cases["mae_mm"], first["mae_mm"]).pvalue)
        rows.append({"variant": name, **cases.drop(columns="case").mean().to_dict(), "p_against_first": p_value})
        print(rows[-1], flush=True)
        pd.DataFrame(rows).to_csv(options.output / "comparison.csv", index=False, float_format="%.4g")


if __name__ == "__main__":
    main()
