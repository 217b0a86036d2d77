"""`analyst`: who may sign in to the pages that `serve` shows."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from picoevent.cli.cells import visible
from picoevent.cli.event_rows import show_time
from picoevent.cli.opening import check_file
from picoevent.cli.options import current_settings, format_option, setting_option
from picoevent.cli.rows import Column, print_rows
from picoevent.cli.verbs import VerbGroup, help_if_alone, verb
from picoevent.event import format_time

if TYPE_CHECKING:
    from picoevent.analysts import Analyst, Analysts

COLUMNS = (
    Column("name", "NAME"),
    Column("status", "STATUS"),
    Column("created", "CREATED (UTC)", show=show_time),
)


@click.group(cls=VerbGroup, invoke_without_command=True)
@click.pass_context
def analyst(ctx: click.Context) -> None:
    """Say who may sign in to the pages of `serve`.

    An analyst is a person who browses events; there is none to begin with.
    """
    help_if_alone(ctx)


@contextmanager
def _open_analysts() -> Iterator[Analysts]:
    from picoevent.analysts import open_analysts

    settings = current_settings()
    check_file(settings)
    analysts = open_analysts(settings)
    try:
        yield analysts
    finally:
        analysts.close()


@verb("create", "picoevent analyst create ann", "picoevent analyst create ann --link")
@click.argument("name")
@click.option("--link", is_flag=True, help="Without a password: print a link that signs in once.")
def create(name: str, *, link: bool) -> None:
    """Make an analyst.

    The password is asked for; without a terminal it is the first line of standard input.
    """
    # Nobody is asked for a password in vain: the database is looked at first.
    with _open_analysts() as analysts:
        analysts.list()
        made = analysts.create(name, secrets.token_urlsafe(32) if link else _ask_password())
        if link:
            _print_link(analysts, made)
        else:
            click.echo(f"{visible(made.name)} may sign in now.")


@verb("password", "picoevent analyst password ann")
@click.argument("name")
def password(name: str) -> None:
    """Give an analyst another password, and end their sessions.

    The password is asked for; without a terminal it is the first line of standard input.
    """
    with _open_analysts() as analysts:
        analysts.set_password(name, _ask_password())
    click.echo(f"{visible(name)} has another password now; every session of theirs has ended.")


@verb("list", "picoevent analyst list", "picoevent analyst list --format json")
@format_option()
def list_(output: str) -> None:
    """List the analysts."""
    with _open_analysts() as analysts:
        rows = [_to_row(found) for found in analysts.list()]
    print_rows(rows, COLUMNS, output)
    if not rows:
        click.echo("There is none yet. Make one: picoevent analyst create NAME", err=True)


@verb("disable", "picoevent analyst disable ann")
@click.argument("name")
def disable(name: str) -> None:
    """Keep an analyst out from now on, and end their sessions."""
    with _open_analysts() as analysts:
        analysts.disable(name)
    click.echo(f"{visible(name)} can't sign in any more; every session of theirs has ended.")


@verb("enable", "picoevent analyst enable ann")
@click.argument("name")
def enable(name: str) -> None:
    """Let an analyst in again, with the password they had."""
    with _open_analysts() as analysts:
        analysts.enable(name)
    click.echo(f"{visible(name)} may sign in again.")


@verb("link", "picoevent analyst link ann", "picoevent analyst link ann --address https://events.example.com")
@click.argument("name")
@click.option("--address", metavar="URL", help="How the pages are reached.  [default: the host and port of `serve`]")
@setting_option("host")
@setting_option("port", metavar="N")
def link(name: str, address: str | None) -> None:
    """Print a link that signs an analyst in once, within 15 minutes."""
    with _open_analysts() as analysts:
        found = analysts.find(name)
        if found is None:
            from picoevent.analysts import AnalystNotFound

            raise AnalystNotFound(f"There is no analyst {name!r}.", hint="See: picoevent analyst list")
        _print_link(analysts, found, address)


for command in (create, list_, password, disable, enable, link):
    analyst.add_command(command)


def _ask_password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))


def _print_link(analysts: Analysts, found: Analyst, address: str | None = None) -> None:
    settings = current_settings()
    base = address or f"http://{settings.host}:{settings.port}"
    click.echo(sign_in_url(base, analysts.make_sign_in_link(found)))


def sign_in_url(base: str, token: str) -> str:
    """Return the address of the page that a one-time link leads to."""
    return f"{base.rstrip('/')}/sign-in/link/{token}"


def _to_row(found: Analyst) -> dict[str, object]:
    return {
        "name": found.name,
        "status": "active" if found.enabled else "disabled",
        "created": format_time(found.created),
    }
