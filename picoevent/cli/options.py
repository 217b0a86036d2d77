"""Options that several verbs share; those of settings take their name, help and default from the table of settings."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypedDict, TypeVar

import click

from picoevent.cli.moments import read_moment
from picoevent.cli.rows import FORMATS
from picoevent.settings import Settings, env_name, parse_setting

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

GIVEN_SETTINGS = "picoevent.given_settings"
"""The key in the context's `meta` of the settings that were given as options."""

_NUMBER = re.compile("0|[1-9][0-9]{0,18}")
"""A user who is meant as a number, as numbers are written; up to 19 digits can be one."""


def setting_option(name: str, *, metavar: str = "TEXT") -> Callable[[Decorated], Decorated]:
    """Return the option of a setting; what is given goes into the settings and not to the verb."""
    return click.option(
        f"--{name.replace('_', '-')}",
        name,
        metavar=metavar,
        expose_value=False,
        callback=_keep_setting,
        help=setting_help(name),
    )


def setting_help(name: str) -> str:
    """Return a setting's help, with its variable and its default."""
    meta = Settings.__dataclass_fields__[name].metadata
    default = f"; default: {meta['default']}" if meta["default"] not in ("", False) else ""
    return f"{meta['help']}  [{env_name(name)}{default}]"


def _keep_setting(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    # Options of the verb are read after those of `picoevent` itself, so the ones nearer to the verb win.
    if value is not None and param.name is not None:
        ctx.meta.setdefault(GIVEN_SETTINGS, {})[param.name] = parse_setting(param.name, value)


def given_settings() -> dict[str, Any]:
    """Return the settings that this command line gives."""
    return dict(click.get_current_context().meta.get(GIVEN_SETTINGS, {}))


def current_settings(**overrides: Any) -> Settings:  # noqa: ANN401  # fields of Settings
    """Return the settings of this command line: options, then environment, then defaults."""
    return Settings.from_env(**given_settings() | overrides)


def format_option(*formats: str, what: str = "") -> Callable[[Decorated], Decorated]:
    """Return `--format` with these choices, by default all; the verb gets it as `output`."""
    choices = formats or FORMATS
    text = f"How to print{what}: {', '.join(choices[:-1])} or {choices[-1]}."
    return click.option(
        "--format",
        "output",
        type=click.Choice(choices),
        metavar="FORMAT",
        default="table",
        show_default=True,
        help=text,
    )


def moment_option(*names: str, text: str) -> Callable[[Decorated], Decorated]:
    """Return an option that takes a time."""
    return click.option(*names, metavar="TIME", callback=read_moment, help=text)


def _read_user(_ctx: click.Context, _param: click.Parameter, value: str | None) -> int | str | None:
    if value is not None and _NUMBER.fullmatch(value):
        return int(value)
    return value


def user_options(command: Decorated) -> Decorated:
    """Add `--user` and `--text-user`; see `chosen_user`."""
    text = click.option("--text-user", metavar="TEXT", help="The same, for a text that looks like a number.")
    number = click.option(
        "--user",
        metavar="USER",
        callback=_read_user,
        help="The user whom it is about: digits are a number, anything else is a text.",
    )
    return number(text(command))


def chosen_user(user: int | str | None, text_user: str | None) -> int | str | None:
    """Return the user of the two options; only one of them may be given."""
    if user is not None and text_user is not None:
        raise click.UsageError("--user and --text-user exclude each other.")
    return text_user if user is None else user


class ChosenFilters(TypedDict):
    """What `filter_options` hands to a verb."""

    event_types: tuple[str, ...]
    user: int | str | None
    text_user: str | None
    source: str | None


def filter_options(command: Decorated) -> Decorated:
    """Add the filters of events: type, user and source."""
    by_type = click.option(
        "--type", "event_types", metavar="TYPE", multiple=True, help="Only this event type; repeat it for several."
    )
    by_source = click.option("--source", metavar="SOURCE", help="Only events that this source has logged.")
    return by_type(user_options(by_source(command)))
