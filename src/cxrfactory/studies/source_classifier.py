"""How well the source of an image can be told from a network's code: a classifier, cross-validated by patient."""

import numpy as np
from jaxtyping import Float, Int

from cxrfactory.errors import CxrError
from cxrfactory.tables.keys import seed_of

FOLDS = 5
COMPONENTS = 16  # principal components that the classifier reads, so that codes of different sizes compare
PENALTY = 1e-2  # weight of the squared coefficients beside the mean log-likelihood


def told_apart(
    codes: Float[np.ndarray, "images features"], sources: list[str], patients: list[str], seed: int = 0
) -> Float[np.ndarray, " images"]:
    """Return 1 for each image whose source a classifier tells rightly from its code, else 0.

    The classifier is a multinomial logistic regression of the first principal components. Every source weighs alike in
    its training. It never sees an image of a patient whom it judges: patients are divided into five folds, source by
    source.

    Parameters
    ----------
    codes
        Code of each image.
    sources, patients
        Source and patient of each image.
    seed
        Seed of the folds.

    Raises
    ------
    CxrError
        If there are fewer than two sources, or a source has fewer patients than folds.
    """
    names = sorted(set(sources))
    if len(names) < 2:
        raise CxrError(f"all images are of source {names[0]}; a classifier of the source needs two or more sources")
    truth = np.array([names.index(source) for source in sources])
    folds = np.array(patient_folds(sources, patients, seed))
    right = np.zeros(len(truth))
    for fold in range(FOLDS):
        test = folds == fold
        centre, axes = _components(codes[~test])
        train, held = (codes[~test] - centre) @ axes, (codes[test] - centre) @ axes
        right[test] = _classify(train, truth[~test], held, len(names)) == truth[test]
    return right


def patient_folds(sources: list[str], patients: list[str], seed: int) -> list[int]:
    """Return the fold of each image, 0 to 4; patients stay whole, and every source is spread over all folds.

    Raises
    ------
    CxrError
        If a source has fewer patients than folds.
    """
    home = dict(zip(patients, sources, strict=True))
    fold_of: dict[str, int] = {}
    for source in sorted(set(home.values())):
        own = sorted((each for each in home if home[each] == source), key=lambda name: seed_of(name, "fold", seed))
        if len(own) < FOLDS:
            raise CxrError(f"source {source} has {len(own)} patients; a cross-validation needs {FOLDS} or more")
        fold_of |= {patient: place % FOLDS for place, patient in enumerate(own)}
    return [fold_of[patient] for patient in patients]


def _components(codes: Float[np.ndarray, "n f"]) -> tuple[Float[np.ndarray, " f"], Float[np.ndarray, "f k"]]:
    """Return centre and axes of the first principal components, each scaled to a variance of 1."""
    centre = codes.mean(0)
    _, spread, axes = np.linalg.svd(codes - centre, full_matrices=False)
    kept = np.flatnonzero(spread[:COMPONENTS] > 1e-9 * max(spread[0], 1e-30))
    return centre, (axes[kept] / spread[kept, None]).T * np.sqrt(len(codes))


def _classify(
    train: Float[np.ndarray, "n k"], truth: Int[np.ndarray, " n"], test: Float[np.ndarray, "m k"], classes: int
) -> Int[np.ndarray, " m"]:
    from scipy.optimize import minimize

    inputs = np.column_stack([train, np.ones(len(train))])
    counts = np.bincount(truth, minlength=classes)
    weights = 1 / (counts[truth] * classes)
    wanted = np.eye(classes)[truth]

    def loss(flat: Float[np.ndarray, " p"]) -> tuple[float, Float[np.ndarray, " p"]]:
        matrix = flat.reshape(inputs.shape[1], classes)
        scores = inputs @ matrix
        scores -= scores.max(1, keepdims=True)
        logs = scores - np.log(np.exp(scores).sum(1, keepdims=True))
        shrunk = matrix.copy()
        shrunk[-1] = 0  # intercepts are free
        value = -(weights[:, None] * wanted * logs).sum() + PENALTY * (shrunk**2).sum() / 2
        slope = inputs.T @ (weights[:, None] * (np.exp(logs) - wanted)) + PENALTY * shrunk
        return value, slope.ravel()

    found = minimize(loss, np.zeros(inputs.shape[1] * classes), jac=True, method="L-BFGS-B")
    matrix = found.x.reshape(inputs.shape[1], classes)
    return (np.column_stack([test, np.ones(len(test))]) @ matrix).argmax(1)
