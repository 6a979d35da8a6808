"""The registration that RCA uses, made from its settings, in the main process or in a worker."""

from cxrfactory.config.quality import AlignerConfig
from cxrfactory.errors import CxrError
from cxrfactory.rca.score import Aligner


def build_aligner(settings: AlignerConfig) -> Aligner:
    """Make the registration that the settings name.

    Raises
    ------
    CxrError
        If the network cannot be read or is not named, or the device is not there.
    """
    if settings.method == "classical":
        from cxrfactory.rca.classical import ClassicalAligner

        return ClassicalAligner(settings.interpolation)
    if settings.network is None:
        raise CxrError("RCA method is 'deep' and network is null; give the weights of train-registration")
    from cxrfactory.rca.deep import DeepAligner

    return DeepAligner(settings.network, settings.interpolation, settings.device)


def shares_memory(settings: AlignerConfig) -> bool:
    """Whether images run side by side in one process: torch lets other threads run, SimpleITK does not."""
    return settings.method == "deep"
