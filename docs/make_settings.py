"""Writes docs/settings.md from the table in `picoevent.settings`: `python docs/make_settings.py`."""

from __future__ import annotations

from dataclasses import fields
from itertools import groupby
from pathlib import Path

from picoevent.settings import Settings, env_name

PAGE = Path(__file__).with_name("settings.md")
HEAD = """# Settings

Every setting can be given as an argument (`EventLog(url, strict=True)`, `picoevent --url URL`), as an environment
variable, or in a file that a variable names: `PICOEVENT_PASSWORD_FILE=/run/secrets/password`. An argument stands above
the environment, the environment above a file, and that above the default. A wrong value stops at construction, with
the name of the setting and what would be right. `picoevent settings` lists them with their values here.

This page is written by `python docs/make_settings.py`.
"""


def settings_page() -> str:
    """Return the page."""
    parts = [HEAD]
    for group, rows in groupby(fields(Settings), key=lambda row: row.metadata["group"]):
        parts.append(f"\n## {group}\n\n| Variable | Argument | Default | What it is for |\n|---|---|---|---|\n")
        for row in rows:
            default = _shown(row.metadata["default"])
            parts.append(f"| `{env_name(row.name)}` | `{row.name}` | {default} | {row.metadata['help']} |\n")
    return "".join(parts)


def _shown(default: object) -> str:
    if isinstance(default, bool):
        return "`true`" if default else "`false`"
    return "" if default == "" else f"`{default}`"


if __name__ == "__main__":
    PAGE.write_text(settings_page(), encoding="utf-8")
