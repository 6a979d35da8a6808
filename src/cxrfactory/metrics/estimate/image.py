"""The estimates of one image's organs from its signals, and the reasons why they are low."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cxrfactory.errors import CxrError
from cxrfactory.metrics.estimate.model import OrganModel
from cxrfactory.tables.quality_calibration import QualityCalibration
from cxrfactory.tables.signals import signal_row

Interval = tuple[float, float, float]  # estimate, low end, high end
BOTH, LUNGS, HEART = "both", "lungs", "heart"


@dataclass(frozen=True)
class ImageEstimates:
    """The models of a quality calibration by organ, ready for use."""

    models: dict[str, OrganModel]

    @classmethod
    def of(cls, calibration: QualityCalibration, where: str) -> "ImageEstimates":
        """Build the models of a calibration.

        Raises
        ------
        CxrError
            If a model is damaged; the message names the file ``where`` and the organ.
        """
        models = {}
        for organ, values in calibration.models.items():
            try:
                models[str(organ)] = OrganModel.from_dict(values)
            except CxrError as error:
                raise CxrError(f"{where}: {organ}: {error}") from error
        return cls(models)

    def intervals(self, known: Mapping[str, float], with_heart: bool) -> dict[str, Interval | None]:
        """Return the estimate of each organ with its interval, and that of ``both``, from an image's signals.

        ``both`` is the mean of lungs and heart, as in the published score, or the lungs where the model has no heart;
        its ends are the means of their ends, so it holds wherever both intervals hold. An organ with an unknown signal
        has None.
        """
        found: dict[str, Interval | None] = {}
        for organ, model in self.models.items():
            values = model.interval(signal_row(known, model.signals)[None])[0]
            found[organ] = None if np.isnan(values).any() else tuple(values.tolist())  # type: ignore[assignment]
        parts = [found.get(organ) for organ in ((LUNGS, HEART) if with_heart else (LUNGS,))]
        known_parts = [part for part in parts if part is not None]
        whole = len(known_parts) == len(parts)
        found[BOTH] = tuple(np.mean(known_parts, axis=0).tolist()) if whole else None  # type: ignore[assignment]
        return found

    def table(self, rows: Sequence[Mapping[str, float]]) -> dict[str, Float[np.ndarray, " n"]]:
        """Return the estimates of many images by organ; NaN where a signal is unknown."""
        return {
            organ: model.interval(
                np.array([signal_row(row, model.signals) for row in rows]).reshape(-1, len(model.signals))
            )[:, 0]
            for organ, model in self.models.items()
        }

    def reasons(self, known: Mapping[str, float], organs: Sequence[str]) -> list[str]:
        """Return ``ORGAN:SIGNAL`` for each organ, with the signal that lowers its estimate most."""
        return [f"{organ}:{(model := self.models[organ]).reason(signal_row(known, model.signals))}" for organ in organs]

    def below_share(self, known: Mapping[str, float], share: float) -> list[str]:
        """Return the organs whose estimate is below that of a share of the images of the calibration's fit."""
        found = self.table([known])
        return [
            organ
            for organ, model in self.models.items()
            if share > 0 and not found[organ][0] >= model.threshold(share)  # also true for NaN
        ]
