"""`init`: make the tables, or bring them forward."""

from __future__ import annotations

import click

from picoevent.cli.cells import visible
from picoevent.cli.options import current_settings
from picoevent.cli.verbs import verb


@verb(
    "init",
    "picoevent init",
    "picoevent --url mysql+pymysql://root@localhost/picoevent init",
)
def init() -> None:
    """Make the tables in the database, or upgrade them.

    Each step is printed before it is taken. Safe to repeat, also after it was stopped half-way, and to run in two
    places at once. An SQLite file needs no init: it is made when the first event is logged.
    """
    from picoevent.store import open_store
    from picoevent.store.base import Purpose

    settings = current_settings()
    store = open_store(settings.url, settings, Purpose.ADMIN)
    try:
        steps = store.init(lambda step: click.echo(visible(step)))
        version = store.schema_version()
    finally:
        store.close()
    click.echo(f"Schema is at version {version}." if steps else f"Nothing to do: schema is at version {version}.")
