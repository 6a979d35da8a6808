"""How studies are projected."""

from dataclasses import dataclass

from cxrfactory.config import ProjectionConfig, StoredAxesConfig
from cxrfactory.errors import CxrError
from cxrfactory.imaging.volume.orientation import VolumeLayout
from cxrfactory.projection.integrals import AttenuationCurve

_DEFAULT = ProjectionConfig()


@dataclass(frozen=True)
class ProjectionRecipe:
    """How studies are projected.

    Attributes
    ----------
    size
        Side of the square pictures, px; ``None`` keeps the voxel grid of the canonical volume.
    body_only, without_arms
        Set the table, or the arms too, to air.
    curve
        Attenuation of CT numbers; by default water's, scaled.
    source_detector_mm, source_object_mm
        Distances of a point source (:class:`cxrfactory.projection.cone.ConeBeam`), both or neither; without them rays
        are parallel.
    device
        Torch device; ``cpu`` uses the compiled passes, whose masks are the same.
    threads
        Threads within a study; the result does not depend on it.

    Raises
    ------
    CxrError
        If the settings do not go together.
    """

    size: int | None = _DEFAULT.size
    body_only: bool = _DEFAULT.body_only
    without_arms: bool = _DEFAULT.without_arms
    curve: AttenuationCurve | None = None
    source_detector_mm: float | None = _DEFAULT.source_detector_mm
    source_object_mm: float | None = _DEFAULT.source_object_mm
    device: str = _DEFAULT.device
    threads: int = 1

    @classmethod
    def of(cls, settings: ProjectionConfig, threads: int = 1) -> "ProjectionRecipe":
        """Return the recipe of a section of the config; ``size`` may be ``native`` there."""
        given = settings.model_dump(include=set(ProjectionConfig.model_fields))
        hu, attenuation = given.pop("curve_hu"), given.pop("curve_mu_per_mm")
        curve = None if hu is None else AttenuationCurve(tuple(hu), tuple(attenuation))
        size = None if given["size"] == "native" else given["size"]
        return cls(**(given | {"size": size, "curve": curve, "threads": threads}))

    def __post_init__(self) -> None:
        if (self.source_detector_mm is None) != (self.source_object_mm is None):
            raise CxrError("source_detector_mm and source_object_mm go together; give both or neither")
        if self.size is None and self.cone:
            raise CxrError("a point source magnifies, so the voxel grid cannot be kept; give a size in pixels")
        if self.curve is not None and self.device != "cpu" and not self.cone:
            raise CxrError(f"an attenuation curve on device '{self.device}' is not there; use cpu")

    @property
    def cone(self) -> bool:
        """Whether rays come from a point."""
        return self.source_detector_mm is not None


def layout_of(release: StoredAxesConfig) -> VolumeLayout | None:
    """Return the spacing and axes that a release's entry in the config states; None where it states none."""
    return None if release.axes is None else VolumeLayout(tuple(release.spacing_mm), release.axes)
