"""What a study is: steps of existing commands, parts of its own, and what it found. The module is light to import."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from cxrfactory.config.paper_studies import StudyRunConfig
from cxrfactory.errors import CxrError
from cxrfactory.studies.requirement import Requirement

SUMMARY = "summary"  # the last step of every study; its folder is results/study/NAME
LANDMARK_EPOCHS, MASK_EPOCHS = 220, 60  # of the small size, for landmark networks and for those of masks
OUT = "{out}"  # in the words of a step: its own folder


@dataclass(frozen=True)
class Step:
    """One step of a study: commands that write into one folder.

    Parameters
    ----------
    name
        Name in lower case with hyphens, which is also the folder.
    commands
        Words of each command after ``python -m cxrfactory``. In a word, ``{out}`` is the step's own folder and
        ``{NAME}`` that of the earlier step ``NAME``.
    needs
        Earlier steps whose folders the commands read.
    trains
        Whether the step trains a network: it then gets the threads and the device of trainings, and after an
        interruption it continues in its folder.
    """

    name: str
    commands: tuple[tuple[str, ...], ...]
    needs: tuple[str, ...] = ()
    trains: bool = False


@dataclass(frozen=True)
class Context:
    """What the steps of a study are made for.

    Parameters
    ----------
    tables
        Paths of the labelled tables.
    settings
        Size of the study, device, threads, seed and sizes of pixels.
    """

    tables: tuple[str, ...]
    settings: StudyRunConfig = field(default_factory=StudyRunConfig)

    @property
    def small(self) -> bool:
        """Whether the study is to take minutes on a processor."""
        return self.settings.small

    def epochs(self, small: int, full: int) -> int:
        """Return the number of epochs for the study's size."""
        return small if self.small else full

    def network_epochs(self, network: str, full: int) -> int:
        """Return the number of epochs of a network for the study's size, with about 200 films to train on.

        In the small size a landmark network gets more than the others: masks are learned in fewer epochs, which take
        several times as long.
        """
        return self.epochs(LANDMARK_EPOCHS if network == "hybridgnet" else MASK_EPOCHS, full)

    def side(self, small: int | str, full: int | str) -> int | str:
        """Return the side of the network's input for the study's size, or its rows and columns."""
        return small if self.small else full

    @property
    def labelled(self) -> tuple[str, ...]:
        """Options ``--labelled`` with all tables."""
        return tuple(f"--labelled={path}" for path in self.tables)

    def train(self, name: str, *options: str, labelled: Sequence[str] = (), needs: tuple[str, ...] = ()) -> Step:
        """Return a step that trains a segmenter: ``weights.safetensors`` with card, and ``history.csv``.

        Parameters
        ----------
        name
            Name of the step.
        options
            Options of ``train``, such as ``--segmenter=unet``.
        labelled
            Tables to train on instead of the study's, such as ``{removed}/labelled.parquet``.
        needs
            Steps that make those tables.
        """
        settings = self.settings
        tables = [f"--labelled={path}" for path in labelled or self.tables]
        own = (f"--device={settings.device}", f"--threads={settings.threads}")
        seed = () if any(each.startswith("--seed=") for each in options) else (f"--seed={settings.seed}",)
        out = (f"--output={OUT}/weights.safetensors", f"--history={OUT}/history.csv")
        return Step(name, (("train", *tables, *out, *own, *seed, *options),), needs, trains=True)

    def part(self, study: str, part: str, inputs: Mapping[str, Sequence[str]], name: str = "") -> Step:
        """Return a step that runs a part of the study's own code (:attr:`Study.parts`).

        Parameters
        ----------
        study, part
            Names of the study and the part.
        inputs
            Paths by key, as the part's function receives them; ``{NAME}`` in a path is the folder of an earlier step,
            which the step then needs.
        name
            Name of the step; by default that of the part.
        """
        settings = self.settings
        given = [f"--input={key}={path}" for key, paths in inputs.items() for path in paths]
        sizes = [f"--pixel-mm={source}={side}" for source, side in settings.pixel_mm.items()]
        run = (f"--size={settings.size}", f"--device={settings.device}", f"--threads={settings.threads}")
        words = ("study", "part", study, part, *given, f"--output={OUT}", *run, f"--seed={settings.seed}", *sizes)
        return Step(name or part, (words,), tuple(dict.fromkeys(_named(given))))


Inputs = Mapping[str, list[Path]]
Part = Callable[[Inputs, Path, StudyRunConfig], None]


@dataclass(frozen=True)
class Study:
    """A study of a paper.

    Parameters
    ----------
    name
        Name in lower case with hyphens: ``results/study/NAME``.
    paper
        Paper and its table, figure or section.
    question
        What the study asks, as one question.
    published
        What the paper found, with its figures.
    hours
        Rough number of hours of the small size on two cores, on the labelled set of the default run.
    steps
        Function that returns the steps in an order in which each needs only earlier ones; the last is ``summary``.
    parts
        Own code by part: ``module:function``; a function takes inputs by key, the folder to write and the settings.
    needs
        What the labelled tables must have, for people; empty if any table will do.
    requires
        The same, as it is checked before the page of all studies is planned.
    """

    name: str
    paper: str
    question: str
    published: str
    hours: float
    steps: Callable[[Context], tuple[Step, ...]]
    parts: Mapping[str, str]
    needs: str = ""
    requires: Requirement = field(default_factory=Requirement)

    def load(self, part: str) -> Part:
        """Import a part's function.

        Raises
        ------
        CxrError
            If the study has no such part.
        """
        if part not in self.parts:
            raise CxrError(f"study '{self.name}' has no part '{part}'; expected one of {', '.join(self.parts)}")
        module, function = self.parts[part].split(":")
        return getattr(import_module(module), function)


def _named(words: Sequence[str]) -> list[str]:
    """Return the names in braces in words, without ``out``."""
    import string

    names = [name for word in words for _, name, _, _ in string.Formatter().parse(word) if name]
    return [name for name in names if name != "out"]
