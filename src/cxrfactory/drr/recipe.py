"""Settings for the projection of CT studies."""

from dataclasses import dataclass

from cxrfactory.config import ProjectionConfig, StoredAxesConfig
from cxrfactory.errors import CxrError
from cxrfactory.imaging.volume.orientation import AffineRules, VolumeLayout
from cxrfactory.projection.integrals import AttenuationCurve

_DEFAULT = ProjectionConfig()


@dataclass(frozen=True)
class ProjectionRecipe:
    """Settings for the projection of CT studies.

    Attributes
    ----------
    size
        Side length of the square pictures in pixels; ``None`` keeps the voxel grid of the canonical volume.
    body_only, without_arms
        ``body_only`` sets everything outside the body to air, and ``without_arms`` also removes the arms.
    curve
        Attenuation as a function of the CT number; the default scales the attenuation of water.
    source_detector_mm, source_object_mm
        Distances of a point source (:class:`cxrfactory.projection.cone.ConeBeam`). Either both or neither are given;
        without them, rays are parallel.
    device
        PyTorch device; ``cpu`` uses the compiled functions, which give the same masks.
    threads
        Number of threads within a study; the result does not depend on it.

    Raises
    ------
    CxrError
        If the settings contradict each other.
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
        """Return the recipe for a section of the config; a ``size`` of ``native`` becomes None."""
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
        """Whether the rays come from a point source."""
        return self.source_detector_mm is not None


def layout_of(release: StoredAxesConfig) -> VolumeLayout | None:
    """Return the spacing and axes from a release's entry in the config, or None if the entry has no axes."""
    return None if release.axes is None else VolumeLayout(tuple(release.spacing_mm), release.axes)


def rules_of(release: StoredAxesConfig) -> AffineRules:
    """Return which affine of a file counts, from a release's entry in the config."""
    return AffineRules(release.affine, release.trust_identity)
