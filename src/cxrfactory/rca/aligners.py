"""Which registration RCA uses: a choice that travels to worker processes, and what it builds."""

from dataclasses import dataclass

from cxrfactory.errors import CxrError
from cxrfactory.rca.score import Aligner


@dataclass(frozen=True)
class AlignerChoice:
    """A method with its settings.

    Attributes
    ----------
    method
        ``deep`` or ``classical``.
    network
        Weights of the deep one: a file, or ``pretrained-registration``.
    interpolation
        Of the labels: ``nearest``, or ``linear`` as in the published code.
    device
        Of the deep one: ``auto``, ``cpu`` or ``cuda``.
    """

    method: str = "deep"
    network: str = "pretrained-registration"
    interpolation: str = "nearest"
    device: str = "cpu"

    def __post_init__(self) -> None:
        for name, allowed in (("method", ("classical", "deep")), ("interpolation", ("nearest", "linear"))):
            if getattr(self, name) not in allowed:
                raise CxrError(f"RCA {name} is '{getattr(self, name)}'; expected one of {', '.join(allowed)}")

    @property
    def shares_memory(self) -> bool:
        """Whether images run side by side in one process: torch lets other threads run, SimpleITK does not."""
        return self.method == "deep"

    def build(self) -> Aligner:
        """Make the aligner.

        Raises
        ------
        CxrError
            If the network cannot be read.
        """
        if self.method == "classical":
            from cxrfactory.rca.classical import ClassicalAligner

            return ClassicalAligner(self.interpolation)
        from cxrfactory.rca.deep import DeepAligner

        return DeepAligner(self.network, self.interpolation, self.device)
