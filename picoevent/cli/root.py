"""The command `picoevent` itself: which verbs there are, its help, and the one place where every error ends."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import Any, NoReturn

import click

from picoevent import __version__
from picoevent.cli.cells import visible
from picoevent.cli.failures import EXIT_CODES, exit_code_of, report
from picoevent.cli.options import setting_option
from picoevent.cli.verbs import debug_option, help_if_alone, write_lines

SECTIONS = {
    "First steps": {
        "demo": "picoevent.cli.demo:demo",
        "init": "picoevent.cli.schema:init",
        "serve": "picoevent.cli.serving:serve",
    },
    "Events": {
        "log": "picoevent.cli.writing:log",
        "import": "picoevent.cli.importing:import_",
        "events": "picoevent.cli.reading:list_events",
        "get": "picoevent.cli.reading:get",
        "tail": "picoevent.cli.tail:tail",
        "report": "picoevent.cli.reporting:report",
        "goal": "picoevent.cli.goals:goal",
    },
    "Upkeep": {
        "types": "picoevent.cli.declarations:types",
        "declare": "picoevent.cli.declarations:declare",
        "withdraw": "picoevent.cli.withdrawing:withdraw",
        "analyst": "picoevent.cli.analysts:analyst",
        "worker": "picoevent.cli.worker:worker",
        "verify": "picoevent.cli.verify:verify",
        "rollups": "picoevent.cli.rollups:rollups",
        "status": "picoevent.cli.status:status",
        "spool": "picoevent.cli.spool:spool",
        "settings": "picoevent.cli.settings:settings",
    },
}
"""Every verb and where it is defined, as `--help` shows them; a module is imported when its verb is used."""
VERBS = {name: place for verbs in SECTIONS.values() for name, place in verbs.items()}
SETTINGS_HELP = """An option stands above the environment, and the environment above the default. Most often set:
PICOEVENT_URL, PICOEVENT_REPLICA_URL, PICOEVENT_CACHE_URL, PICOEVENT_SECRET_KEY, PICOEVENT_SOURCE. Passwords and keys
can come from files: PICOEVENT_SECRET_KEY_FILE=/run/secrets/key. All of them: picoevent settings"""


class Root(click.Group):
    """The group of all verbs."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        """Return the verbs in the order of the help."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # as above
        """Import and return a verb."""
        if cmd_name not in VERBS:
            return None
        module, _, name = VERBS[cmd_name].partition(":")
        command = getattr(import_module(module), name)
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb; for one that is not there, name those that look like it."""
        name = args[0]
        if name not in VERBS and not name.startswith("-"):
            close = get_close_matches(name, VERBS, n=2)
            meant = f" Did you mean {' or '.join(close)}?" if close else ""
            ctx.fail(f"There is no command {name!r}.{meant}")
        return super().resolve_command(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verbs by section, and behind them the options."""
        for title, verbs in SECTIONS.items():
            commands = [(name, self.get_command(ctx, name)) for name in verbs]
            rows = [(name, command.get_short_help_str(limit=90)) for name, command in commands if command]
            with formatter.section(title):
                formatter.write_dl([(f"{name:<8}", text) for name, text in rows])
        click.Command.format_options(self, ctx, formatter)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  # as above
        """Write how settings are given, and the exit codes."""
        with formatter.section("Settings"):
            formatter.write_text(SETTINGS_HELP)
        write_lines(formatter, "Exit codes", tuple(f"{code:>3}  {words}" for code, words in EXIT_CODES))

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: FBT001, FBT002  # click's signature
        **extra: Any,  # noqa: ANN401  # as above
    ) -> Any:  # noqa: ANN401  # as above
        """Run a command line; unless the caller wants exceptions, print errors in one line and exit."""

        def run() -> Any:  # noqa: ANN401  # as above
            return super(Root, self).main(args, prog_name, complete_var, standalone_mode=False, **extra)

        return _run_and_exit(run) if standalone_mode else run()

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401  # click's own
        """Run the verb; whoever reads only the beginning of the output ends it, and that is no error."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            # Python would flush once more at its exit, and complain.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return None
        return result


def _run_and_exit(run: Callable[[], object]) -> NoReturn:
    try:
        result = run()
    except (click.Abort, KeyboardInterrupt) as error:
        sys.exit(exit_code_of(error))
    # The outermost place of the program: whatever comes here becomes one line, and with --debug its traceback.
    except Exception as error:  # noqa: BLE001
        report(error, debug=_wants_debug())
        sys.exit(exit_code_of(error))
    sys.exit(result if isinstance(result, int) else 0)


def _wants_debug() -> bool:
    return "--debug" in sys.argv or os.environ.get("PICOEVENT_DEBUG", "") not in ("", "0")


@click.group(cls=Root, invoke_without_command=True)
@setting_option("url", metavar="URL")
@setting_option("replica_url", metavar="URL")
@setting_option("cache_url", metavar="URL")
@debug_option
@click.version_option(__version__, prog_name="picoevent", message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Record what happens in your applications, and look at it in the browser.

    PicoEvent keeps events in an SQLite file, or in MySQL or MariaDB. New here? Run: picoevent demo
    """
    _show_warnings()
    help_if_alone(ctx)


SPEAKER = "PicoEvent: "
"""What a warning begins with, so that a host knows who speaks; here everybody knows."""
TOLD_BY_VERBS = ("Event refused", "%s in the spool, for the next process")
"""Warnings of what is the matter of the verb that sent the event."""


class Warnings(logging.Handler):
    """Prints what the library warns of on stderr, but for what verbs tell themselves."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one record as one line."""
        if not str(record.msg).removeprefix(SPEAKER).startswith(TOLD_BY_VERBS):
            click.echo(f"warning: {visible(record.getMessage().removeprefix(SPEAKER))}", err=True)


def _show_warnings() -> None:
    logger = logging.getLogger("picoevent")
    if not any(isinstance(handler, Warnings) for handler in logger.handlers):
        logger.addHandler(Warnings(logging.WARNING))


def main() -> NoReturn:
    """Run the command line of this process."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that can't show a character must not end the program.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # both are text files here
    cli.main(prog_name="picoevent")
    raise AssertionError("click exits by itself")
