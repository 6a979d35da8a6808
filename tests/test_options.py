"""Options of the command line made from sections of the config."""

import inspect
from typing import Literal

import pytest
import typer
from pydantic import Field, model_validator
from typer.testing import CliRunner

from cxrfactory.config.options import with_options
from cxrfactory.config.sections import Section
from cxrfactory.errors import CxrError


class BeamConfig(Section):
    """A section with every kind of field."""

    size: int = Field(384, ge=32, description="side in pixels")
    body_only: bool = Field(False, description="Set air outside the body.")
    nodes: list[float] | None = Field(None, description="CT numbers of the nodes")
    order: list[int] = Field([4, 3], description="stages, outermost first")
    far_mm: float | None = Field(None, gt=0, description="distance of the source")
    clip: float | None = Field(2.0, gt=0, description="clip limit")
    engine: Literal["opencv", "skimage"] = Field("opencv", description="who computes it")
    frame: int | Literal["native"] = Field(384, description="side in pixels, or native")

    @model_validator(mode="after")
    def _pairs(self) -> "BeamConfig":
        if (self.far_mm is None) != (self.nodes is None):
            raise ValueError("far_mm and nodes go together; give both or neither")
        return self


class PackedBeamConfig(BeamConfig):
    """A section that inherits from another."""

    root: str = Field(description="folder of the release")
    names: list[Literal["PA", "LL"]] = Field(["PA"], min_length=1, description="views")


def run(section: type[Section], *words: str, old: dict[str, str] | None = None) -> tuple[Section | None, str]:
    """What a command with the options of the section is called with, and what it printed."""
    found: list[Section] = []

    def command(**given: Section) -> None:
        found.extend(given.values())

    command.__signature__ = inspect.Signature()
    app = typer.Typer(rich_markup_mode=None)
    app.command()(with_options(section, old=old)(command))
    result = CliRunner().invoke(app, list(words))
    if isinstance(result.exception, CxrError):
        raise result.exception
    return (found[0] if found else None), result.output


def test_defaults_stand_in_the_model_alone():
    assert run(BeamConfig)[0] == BeamConfig()


def test_every_kind_of_field_is_an_option():
    words = "--size 96 --body-only --nodes=-1000,0.5 --order 2 --far-mm 7.5 --engine skimage --frame native"
    found, _ = run(BeamConfig, *words.split())
    assert found == BeamConfig(
        size=96, body_only=True, nodes=[-1000, 0.5], order=[2], far_mm=7.5, engine="skimage", frame="native"
    )
    assert run(BeamConfig, "--frame", "512")[0].frame == 512
    assert run(BeamConfig, "--order", "")[0].order == []


def test_null_is_none_on_the_command_line():
    assert run(BeamConfig, "--clip", "none")[0].clip is None
    assert run(BeamConfig, "--clip", "0.5")[0].clip == 0.5


def test_inherited_fields_are_options_too():
    found, _ = run(PackedBeamConfig, "--root", "r", "--names", "PA, LL", "--size", "64")
    assert found == PackedBeamConfig(root="r", names=["PA", "LL"], size=64)
    assert "Missing option '--root'" in run(PackedBeamConfig)[1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--size 8", "--size: expected 32 or more, found '8'"),
        ("--far-mm 0 --nodes 1", "--far-mm: expected a number above 0, found '0.0'"),
        ("--nodes a,b --far-mm 1", "--nodes: expected a number, found 'a,b'"),
        ("--order 1.5", "--order: expected a whole number, found '1.5'"),
        ("--engine numpy", "--engine: expected 'opencv' or 'skimage', found 'numpy'"),
        ("--frame wide", "--frame: expected a whole number or 'native', found 'wide'"),
        ("--clip much", "--clip: expected a number or none, found 'much'"),
        ("--far-mm 3", "--far-mm and nodes go together; give both or neither"),
    ],
)
def test_a_refusal_names_the_option_and_what_is_expected(words, message):
    with pytest.raises(CxrError) as refused:
        run(BeamConfig, *words.split())
    assert str(refused.value) == message


def test_help_lists_choices_and_defaults():
    text = " ".join(run(PackedBeamConfig, "--help")[1].split())
    assert "Side in pixels. [default: 384]" in text
    assert "Who computes it. One of: opencv, skimage. [default: opencv]" in text
    assert "Views. Any of, with commas between them: PA, LL. [default: PA]" in text
    assert "Clip limit. Or none. [default: 2.0]" in text
    assert "Stages, outermost first. Values are separated by commas. [default: 4,3]" in text


def test_an_old_option_works_and_warns(capsys):
    found, output = run(BeamConfig, "--side", "96", old={"side": "size"})
    assert found.size == 96
    assert "warning: the option '--side' is now '--size'" in output
    assert "--side" not in run(BeamConfig, "--help", old={"side": "size"})[1]


def test_a_section_within_a_section_is_no_option():
    class Outer(Section):
        inner: BeamConfig = BeamConfig()

    with pytest.raises(TypeError, match="field 'inner'"):
        run(Outer)
