import numpy as np
import pytest
import torch

from cxrfactory.models.hybridvnet.graph import write_graph
from cxrfactory.models.hybridvnet.picture_table import PicturedHeart, write_pictures
from tests.models.hybridvnet.eggs import Egg, egg_graph


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def eggs(tmp_path_factory):
    """Folder with the pictures of 18 eggs, every sixth to validate, and their graph."""
    folder = tmp_path_factory.mktemp("eggs")
    rng = np.random.default_rng(2)
    hearts = []
    for number in range(18):
        egg = Egg(rng, views=("2ch", "4ch") if number % 5 == 4 else ("2ch", "3ch", "4ch"))
        split = "validate" if number % 6 == 5 else "train"
        hearts.append(PicturedHeart(f"egg{number:02d}", f"egg{number:02d}", "ED", split, egg.pictures, egg.vertices))
    write_pictures(folder / "pictures.parquet", hearts)
    write_graph(folder / "graph.npz", egg_graph())
    return folder
