"""The application, built from the table of commands; its groups import a command only when it is called."""

import sys
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from cxrfactory.cli.commands import GROUPS, PEOPLE, Command, product_commands
from cxrfactory.cli.renamed import RENAMED
from cxrfactory.errors import CxrError


class LazyGroup(TyperGroup):
    """A group whose commands are rows of a table, listed under headings with one whole sentence for each command."""

    panels: Mapping[str, Mapping[str, Command]] = {}

    @classmethod
    def of(cls, name: str, sentence: str, rows: Mapping[str, Command]) -> "LazyGroup":
        """Return a group with the commands of one table."""
        group = cls(name=name, help=sentence, no_args_is_help=True, rich_markup_mode=None)
        group.panels = {"Commands": rows}
        return group

    def rows(self) -> dict[str, Command]:
        """Return all commands of the group by name."""
        return {name: command for rows in self.panels.values() for name, command in rows.items()}

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names in the order of the table."""
        return list(self.rows())

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import and return one command."""
        row = self.rows().get(cmd_name)
        return None if row is None else _as_click(cmd_name, row)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command that the arguments name.

        Raises
        ------
        CxrError
            If there is no such command; the message is one line with the nearest names.
        """
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            raise CxrError(f"no command '{args[0]}'; {self.nearest(args[0])}")
        return super().resolve_command(ctx, args)

    def nearest(self, name: str) -> str:
        """Return a hint with the command names that resemble a name, or with the way to list them."""
        listing = f"python -m cxrfactory {'' if self.name == 'cxrfactory' else f'{self.name} '}--help lists them"
        found = _nearest(name, self.known())
        return f"did you mean {' or '.join(found)}? {listing}" if found else listing

    def known(self) -> dict[str, str]:
        """Return the names that a user may have meant, each with the words to type for it."""
        return {name: name for name in self.rows()}

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write each heading with its commands; sentences are not truncated."""
        for heading, rows in self.panels.items():
            with formatter.section(heading):
                formatter.write_dl([(name, row.sentence) for name, row in rows.items()])


class StageGroup(LazyGroup):
    """The commands of the workflow's stages, including those of the products."""

    def rows(self) -> dict[str, Command]:
        """Return the commands of the stages and of the products."""
        return {**super().rows(), **product_commands()}

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import and return one command; the products are searched only if no stage has the name."""
        row = super().rows().get(cmd_name) or product_commands().get(cmd_name)
        return None if row is None else _as_click(cmd_name, row)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the stages, then the products."""
        super().format_commands(ctx, formatter)
        with formatter.section("Products"):
            formatter.write_dl([(name, row.sentence) for name, row in product_commands().items()])


class Application(LazyGroup):
    """The whole command line: commands for users first, then the groups; old names give a warning."""

    panels = PEOPLE

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the commands and of the groups."""
        return [*super().list_commands(ctx), *GROUPS]

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Replace an old command name by the new words."""
        if args and args[0] in RENAMED:
            new = RENAMED[args[0]]
            print(f"warning: the command '{args[0]}' is now '{new}'; the old name ends with 0.2", file=sys.stderr)
            args = [*new.split(), *args[1:]]
        return super().resolve_command(ctx, args)

    def known(self) -> dict[str, str]:
        """Return the names of commands and groups, and the commands within the groups."""
        within = {name: f"{group} {name}" for group, (_, rows) in GROUPS.items() for name in rows}
        products = {name: f"stage {name}" for name in product_commands()}
        return {**within, **products, **super().known(), **{group: group for group in GROUPS}}

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command or a group."""
        if cmd_name in GROUPS:
            sentence, rows = GROUPS[cmd_name]
            if cmd_name == "study":
                return _study_group(sentence, rows)
            return (StageGroup if cmd_name == "stage" else LazyGroup).of(cmd_name, sentence, rows)
        return super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands, then the groups."""
        super().format_commands(ctx, formatter)
        with formatter.section("Groups of commands"):
            formatter.write_dl([(name, sentence) for name, (sentence, _) in GROUPS.items()])


def _study_group(sentence: str, rows: Mapping[str, Command]) -> Any:
    """Return the group of studies, with ``--list`` for those of the papers."""
    app = _plain(name="study", cls=LazyGroup, no_args_is_help=True)
    app.callback(help=sentence)(_before_a_study)
    group: Any = get_command(app)
    group.panels = {"Commands": rows}
    return group


def _list_studies(wanted: bool) -> None:
    if wanted:
        from cxrfactory.studies.catalogue import all_studies

        for study in all_studies().values():
            typer.echo(f"results/study/{study.name}  ({study.hours:g} h)\n  {study.question}\n  {study.paper}")
        raise typer.Exit


def _before_a_study(
    listing: Annotated[
        bool,
        typer.Option(
            "--list", is_eager=True, callback=_list_studies, help="List the studies of the papers with their targets."
        ),
    ] = False,
) -> None:
    """Take the options that stand before a study's command."""


def _say_version(wanted: bool) -> None:
    if wanted:
        from cxrfactory import __version__

        typer.echo(f"cxrfactory {__version__}")
        raise typer.Exit


def build_app() -> typer.Typer:
    """Return the application; only the table of commands is imported."""
    app = _plain(name="cxrfactory", cls=Application, no_args_is_help=True)
    app.callback(help="Turn releases of chest radiographs and chest CT into anatomy-labelled datasets.")(_front)
    return app


def _nearest(name: str, known: Mapping[str, str]) -> list[str]:
    """Return the words to type for at most three known names that resemble a name, the nearest first."""
    from difflib import get_close_matches

    return [f"'{known[each]}'" for each in get_close_matches(name, known, n=3, cutoff=0.6)]


def _front(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_say_version, help="Show the version and exit.")
    ] = False,
) -> None:
    """Take the options that stand before a command."""


def _as_click(name: str, row: Command) -> Any:
    app = _plain()
    app.command(name)(row.load())
    return get_command(app)


def _plain(**options: Any) -> typer.Typer:
    return typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None, **options)
