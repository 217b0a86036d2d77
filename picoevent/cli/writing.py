"""`log`: one event from the command line."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import TypedDict, Unpack

import click

from picoevent.cli.moments import HELP
from picoevent.cli.opening import open_for_writing
from picoevent.cli.options import chosen_user, moment_option, user_options
from picoevent.cli.verbs import verb


class ChosenEvent(TypedDict):
    """What the options of `log` say about the event."""

    user: int | str | None
    text_user: str | None
    source: str | None
    at: datetime | None


@verb(
    "log",
    "picoevent log signup",
    "picoevent log order.paid '{\"amount\": 42}' --user 7",
    "curl -s https://example.com/status.json | picoevent log probe.done -",
)
@click.argument("event_type", metavar="TYPE")
@click.argument("data", metavar="[DATA]", required=False)
@user_options
@click.option("--source", metavar="SOURCE", help="Who logs it.  [PICOEVENT_SOURCE; default: default]")
@moment_option("--at", text=f"When it happened, if not now: {HELP}.")
def log(event_type: str, data: str | None, **chosen: Unpack[ChosenEvent]) -> None:
    """Log one event and print its id.

    TYPE is what happened, such as order.paid. DATA is a JSON object with what else is to be known, or - to read it
    from standard input. The id is printed once the event is stored, or is on the disk of the spool while the database
    is away. A refused event is an error with its reason.
    """
    payload = None if data is None else _read_data(data)
    user = chosen_user(chosen["user"], chosen["text_user"])
    with open_for_writing(strict=True) as events:
        event_id = events.log(event_type, payload, user_id=user, source=chosen["source"], at=chosen["at"])
    click.echo(event_id)
    if _waits(events.counters()):
        then = "the next process that logs brings it into the database, or: picoevent spool drain"
        click.echo(f"The event is in the spool on this machine's disk; {then}", err=True)


def _waits(counters: Mapping[str, int]) -> bool:
    """Say whether the one event waits: others may, which a dead process has left, and they are drained before it."""
    return counters["spooled"] > 0 and counters["stored"] == counters["replayed"]


def _read_data(data: str) -> dict[str, object]:
    try:
        found = json.loads(sys.stdin.buffer.read() if data == "-" else data)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise _wrong_data(f"DATA is not JSON ({error.msg}, {place}).") from None
    except (ValueError, RecursionError) as error:
        raise _wrong_data(f"DATA can't be read as JSON ({type(error).__name__}).") from None
    if not isinstance(found, dict):
        raise _wrong_data("DATA is JSON, but not an object.")
    return found


def _wrong_data(words: str) -> click.UsageError:
    return click.UsageError(f"{words} Write it like '{{\"amount\": 42}}', in single quotes.")
