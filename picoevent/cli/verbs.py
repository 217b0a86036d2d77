"""What makes a function a verb: its examples in the help, and the options that every verb has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from picoevent.cli.options import setting_option


class Verb(click.Command):
    """A command whose help ends with examples."""

    examples: tuple[str, ...] = ()

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples as they are to be typed."""
        write_lines(formatter, "Examples", self.examples)
        super().format_epilog(ctx, formatter)


class VerbGroup(click.Group):
    """A group that lists its verbs in the order in which they were added."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        """Return the verbs in order."""
        return list(self.commands)


def help_if_alone(ctx: click.Context) -> None:
    """Print the help of a group that is called without a verb; who tries that wants to look around."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def write_lines(formatter: click.HelpFormatter, heading: str, lines: tuple[str, ...]) -> None:
    """Write a section of lines that are not to be wrapped."""
    if lines:
        with formatter.section(heading):
            for line in lines:
                formatter.write(f"{' ' * formatter.current_indent}{line}\n")


def debug_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--debug`; `picoevent.cli.root` looks for it itself, since an error may come before options are read."""
    text = "Show where an error comes from.  [PICOEVENT_DEBUG=1]"
    return click.option("--debug", is_flag=True, expose_value=False, help=text)(command)


def _shared_options(*, with_url: bool) -> list[click.Parameter]:
    def shared() -> None: ...

    with_debug = debug_option(shared)
    return click.command()(setting_option("url", metavar="URL")(with_debug) if with_url else with_debug).params


def verb(name: str, *examples: str, with_url: bool = True) -> Callable[[Callable[..., Any]], Verb]:
    """Return a decorator that makes a function the verb of this name."""

    def make(function: Callable[..., Any]) -> Verb:
        command = click.command(name, cls=Verb)(function)
        # Behind the verb's own: they are the same everywhere.
        command.params += _shared_options(with_url=with_url)
        command.examples = examples
        return command

    return make
