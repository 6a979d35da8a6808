"""Every study is a list of steps that can run: each needs earlier ones only, and each command takes its words."""

import pytest
from typer.main import get_command

from cxrfactory.cli.application import build_app
from cxrfactory.config.paper_studies import StudyRunConfig
from cxrfactory.errors import CxrError
from cxrfactory.studies.catalogue import all_studies, study_of
from cxrfactory.studies.study import SUMMARY, Context, Study

CASES = [
    pytest.param(study, size, id=f"{name}-{size}")
    for name, study in all_studies().items()
    for size in ("small", "full")
]


def parse(words):
    """Let the command line read the words of a command, without running it; return the command's values."""
    group, context, rest = get_command(build_app()), None, list(words)
    while hasattr(group, "resolve_command"):
        context = group.make_context("cxrfactory", rest, parent=context) if context is None else context
        _, command, rest = group.resolve_command(context, rest)
        group = command
        if hasattr(command, "resolve_command"):
            name, *rest = rest
            rest = [name, *rest]
            context = command.make_context(command.name, rest, parent=context)
    return command.make_context(command.name, rest, parent=context).params


@pytest.mark.parametrize(("study", "size"), CASES)
def test_steps_follow_one_another_and_their_commands_are_understood(study: Study, size, tmp_path):
    tables = (str(tmp_path / "one.parquet"), str(tmp_path / "two.parquet"))
    for table in tables:
        open(table, "w").close()
    steps = study.steps(Context(tables, StudyRunConfig(size=size, pixel_mm={"JSRT": 0.35})))
    known: list[str] = []
    for step in steps:
        assert set(step.needs) <= set(known), step.name
        assert step.name not in known
        places = {name: str(tmp_path / name) for name in step.needs} | {"out": str(tmp_path / "out")}
        for words in step.commands:
            assert parse([word.format_map(places) for word in words])
        known.append(step.name)
    assert known[-1] == SUMMARY
    needed = {name for step in steps for name in step.needs}
    assert needed == set(known[:-1]), "a step that no other needs is in vain"


@pytest.mark.parametrize("study", all_studies().values(), ids=all_studies())
def test_a_study_says_what_it_asks_and_has_its_parts(study: Study):
    assert study.question.endswith("?")
    assert study.published.endswith(".")
    assert study.hours > 0
    assert all(callable(study.load(part)) for part in study.parts)


def test_a_command_with_a_wrong_word_is_not_understood():
    with pytest.raises(Exception, match="--no-such-option"):
        parse(["study", "page", "x", "--output=y", "--no-such-option=1"])


def test_an_unknown_study_or_part_is_one_line():
    with pytest.raises(CxrError, match=r"no study 'x'; expected one of .*occlusion"):
        study_of("x")
    with pytest.raises(CxrError, match="study 'occlusion' has no part 'x'; expected one of summary"):
        study_of("occlusion").load("x")
