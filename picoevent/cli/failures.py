"""Errors as the person at the terminal sees them: one line with a hint, and the exit code of its kind."""

from __future__ import annotations

import traceback

import click

from picoevent.cli.cells import visible
from picoevent.errors import (
    InvalidQuery,
    PicoEventError,
    QueryTooCostly,
    Rejected,
    RejectReason,
    SettingsError,
    StoreCorrupt,
    StoreNotReady,
    StoreUnavailable,
)

FAILED, WRONG_USAGE, DATABASE, INTERRUPTED = 1, 2, 3, 130

EXIT_CODES = (
    (0, "done"),
    (FAILED, "failed: an event was refused or not found, a file could not be read"),
    (WRONG_USAGE, "wrong usage, a wrong setting, or a question that costs too much"),
    (DATABASE, "the database is away, not ready or damaged"),
    (INTERRUPTED, "interrupted with Ctrl-C"),
)
"""Every exit code and what it says; `picoevent --help` prints this."""

_OF_THE_DATABASE = (StoreUnavailable, StoreNotReady, StoreCorrupt)
_OF_THE_CALLER = (SettingsError, InvalidQuery, QueryTooCostly)
_DATABASE_AWAY = (RejectReason.STORE_UNAVAILABLE, RejectReason.STORE_NOT_READY)


class CommandFailed(PicoEventError):
    """What was asked for did not work out; for failures that are the command line's own."""


def exit_code_of(error: BaseException) -> int:
    """Return the exit code of an error's kind."""
    if isinstance(error, click.ClickException):
        return error.exit_code
    if isinstance(error, (click.Abort, KeyboardInterrupt)):
        return INTERRUPTED
    if isinstance(error, Rejected):
        return DATABASE if error.reason in _DATABASE_AWAY else FAILED
    if isinstance(error, _OF_THE_DATABASE):
        return DATABASE
    return WRONG_USAGE if isinstance(error, _OF_THE_CALLER) else FAILED


def report(error: Exception, *, debug: bool) -> None:
    """Print the error as one line on stderr, behind its traceback where that is wanted."""
    if debug:
        click.echo("".join(traceback.format_exception(error)), err=True, nl=False)
    print_error(_words_of(error))


def print_error(words: str) -> None:
    """Print one line of error on stderr; control characters of data are escaped."""
    click.echo(f"error: {visible(' '.join(words.split()))}", err=True)


def _words_of(error: Exception) -> str:
    if isinstance(error, click.UsageError):
        command = error.ctx.command_path if error.ctx else "picoevent"
        return f"{_sentence(error.format_message())} See: {command} --help"
    if isinstance(error, click.ClickException):
        return error.format_message()
    if isinstance(error, Rejected) and error.reason in _DATABASE_AWAY:
        return f"The event was not stored: {error.detail}"
    if isinstance(error, PicoEventError):
        return str(error)
    return f"Unexpected {type(error).__name__}: {error}. This is a bug; --debug shows where."


def _sentence(words: str) -> str:
    return words if words.endswith((".", "?", "!")) else f"{words}."
