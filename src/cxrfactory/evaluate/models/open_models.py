"""Open any trained model as a segmenter: our weights or an nnU-Net folder, optionally with a post-processor."""

from collections.abc import Sequence
from pathlib import Path

from cxrfactory.errors import CxrError
from cxrfactory.evaluate.models.naming import model_name
from cxrfactory.evaluate.models.nnunet import NnUNetSegmenter
from cxrfactory.models.postprocess import PostProcessed, PostProcessor
from cxrfactory.models.segmenter import Segmenter, Segments
from cxrfactory.tables.weights import read_weights


def named_models(weights: Sequence[str | Path], post: str | Path | None = None) -> dict[str, tuple[Path, Path | None]]:
    """Return each model's weights and post-processor, by name.

    With ``post``, every model appears twice: first without the post-processor, then with it.

    Raises
    ------
    CxrError
        If there are no weights, or two have the same name.
    """
    found: dict[str, tuple[Path, Path | None]] = {}
    for path in map(Path, weights):
        name = model_name(path)
        if name in found:
            raise CxrError(f"{path}: a second file named '{name}'; models are told apart by their file's name")
        found[name] = path, None
        if post is not None:
            found[f"{name}+{Path(post).stem}"] = path, Path(post)
    if not found:
        raise CxrError("no weights given; expected one .safetensors file or more")
    return found


def open_model(weights: Path, post: Path | None = None, device: str = "cpu") -> Segments:
    """Open weights (a safetensors file, or the folder of a trained nnU-Net) and the post-processor, if one is given.

    Raises
    ------
    CxrError
        If a file is missing, unreadable or of another kind.
    """
    if weights.is_dir():
        segmenter: Segments = NnUNetSegmenter(weights, device)
    else:
        segmenter = Segmenter(*read_weights(weights), device=device, source=str(weights))
    if post is None:
        return segmenter
    return PostProcessed(segmenter, PostProcessor(*read_weights(post), device=device, source=str(post)))
