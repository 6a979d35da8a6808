"""Construction of the registration that RCA uses, from its settings, in the main process or in a worker."""

from cxrfactory.config.rca import AlignerConfig
from cxrfactory.errors import CxrError
from cxrfactory.rca.score import Aligner


def build_aligner(settings: AlignerConfig) -> Aligner:
    """Make the registration that the settings name.

    Raises
    ------
    CxrError
        If the network is not given or cannot be read, or the device is not available.
    """
    if settings.method == "classical":
        from cxrfactory.rca.classical import ClassicalAligner

        return ClassicalAligner(settings.interpolation)
    if settings.network is None:
        raise CxrError("RCA method is 'deep' and network is null; give the weights of train-registration")
    from cxrfactory.rca.deep import DeepAligner

    return DeepAligner(settings.network, settings.interpolation, settings.device)


def shares_memory(settings: AlignerConfig) -> bool:
    """Return whether images can run in threads of one process: torch lets other threads run, SimpleITK does not."""
    return settings.method == "deep"
