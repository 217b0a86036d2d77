"""`serve`: the pages for analysts, checked before anything listens."""

from __future__ import annotations

import logging
from types import ModuleType
from typing import TYPE_CHECKING

import click

from picoevent.cli.failures import CommandFailed
from picoevent.cli.options import current_settings, setting_option
from picoevent.cli.verbs import verb

if TYPE_CHECKING:
    from picoevent.settings import Settings

LOOPBACK = ("127.0.0.1", "::1", "localhost")


@verb(
    "serve",
    "PICOEVENT_SECRET_KEY_FILE=/etc/picoevent/key picoevent serve",
    "picoevent serve --host 0.0.0.0 --workers 4",
)
@setting_option("host")
@setting_option("port", metavar="N")
@setting_option("workers", metavar="N")
@setting_option("threads", metavar="N")
def serve() -> None:
    """Serve the pages on which analysts browse events.

    Runs until Ctrl-C. Needs PICOEVENT_SECRET_KEY, and an analyst who can sign in: picoevent analyst create NAME
    """
    settings = current_settings()
    server = import_server()
    server.check_secret_key(settings)
    anybody = _has_analysts(settings)
    log_to_stderr(logging.INFO)
    server.serve(settings, on_ready=lambda url: _announce(url, settings, anybody=anybody))
    click.echo("Stopped.")


def import_server() -> ModuleType:
    """Import and return the server; raise `CommandFailed` where its packages are not installed."""
    try:
        from picoevent_admin import server
    except ImportError as error:
        missing = error.name or "a package"
        raise CommandFailed(
            f"The pages need packages that are not installed ({missing}).", hint="pip install 'picoevent[web]'"
        ) from error
    return server


def log_to_stderr(level: int) -> None:
    """Send what the library and the pages log to stderr, with the time, as one reads it in a service's log."""
    # The handler for short-lived verbs would print everything twice.
    logging.getLogger("picoevent").handlers.clear()
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING)
    logging.getLogger("picoevent").setLevel(level)
    logging.getLogger("picoevent_admin").setLevel(level)


def _has_analysts(settings: Settings) -> bool:
    """Return whether anybody can sign in; raise as the database does where it is not ready."""
    from picoevent.analysts import open_analysts

    analysts = open_analysts(settings)
    try:
        return any(found.enabled for found in analysts.list())
    finally:
        analysts.close()


def _announce(url: str, settings: Settings, *, anybody: bool) -> None:
    click.echo(f"PicoEvent is at {url} and Ctrl-C stops it.")
    if not anybody:
        click.echo("Nobody can sign in yet. Make an analyst: picoevent analyst create NAME")
    if settings.host not in LOOPBACK and not settings.secure_cookies:
        click.echo(
            "Others on the network can read along: put TLS in front, and set PICOEVENT_SECURE_COOKIES=true.", err=True
        )
