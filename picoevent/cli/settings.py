"""`settings`: every setting, what it is now, and where that came from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields

from picoevent.cli.options import current_settings, format_option, given_settings, setting_option
from picoevent.cli.rows import Column, Row, print_rows
from picoevent.cli.verbs import verb
from picoevent.settings import Settings, env_name, masked

COLUMNS = (
    Column("name", "NAME"),
    Column("variable", "VARIABLE", optional=True),
    Column("value", "VALUE"),
    Column("from", "FROM"),
    Column("help", "HELP", shrinks=True),
)


@verb(
    "settings", "picoevent settings", "PICOEVENT_URL=mysql+pymysql://app@db1/picoevent picoevent settings --format json"
)
@setting_option("replica_url", metavar="URL")
@setting_option("cache_url", metavar="URL")
@format_option()
def settings(output: str) -> None:
    """List every setting, its value, and where it comes from.

    Passwords and keys are masked. A setting can also be read from a file: PICOEVENT_PASSWORD_FILE=/run/secrets/db
    """
    print_rows(list_settings(current_settings(), given_settings(), os.environ), COLUMNS, output)


def list_settings(current: Settings, given: Mapping[str, object], environ: Mapping[str, str]) -> list[Row]:
    """Return a row for each setting; `given` are those of the command line."""
    return [
        {
            "name": row.name,
            "variable": env_name(row.name),
            "value": masked(row.name, getattr(current, row.name)),
            "from": _origin(row.name, given, environ),
            "help": row.metadata["help"],
        }
        for row in fields(Settings)
    ]


def _origin(name: str, given: Mapping[str, object], environ: Mapping[str, str]) -> str:
    if name in given:
        return "option"
    if env_name(name) in environ:
        return "environment"
    return "file" if f"{env_name(name)}_FILE" in environ else "default"
