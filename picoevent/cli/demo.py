"""`demo`: a filled shop in the browser with one command; it fills, goes on logging, serves, and ends what it began."""

from __future__ import annotations

import logging
import secrets
import signal
import time
from datetime import UTC, datetime
from types import ModuleType
from typing import TYPE_CHECKING, TypedDict, Unpack

import click

from picoevent.cli.failures import INTERRUPTED
from picoevent.cli.interruption import Interruption
from picoevent.cli.options import given_settings
from picoevent.cli.progress import progress_bar
from picoevent.cli.serving import import_server, log_to_stderr
from picoevent.cli.verbs import verb

if TYPE_CHECKING:
    from picoevent.demo.history import Plan, Span
    from picoevent.demo.place import DemoPlace
    from picoevent.eventlog import EventLog

LINK_MINUTES = 12 * 60
DAYS = 28


class ChosenHistory(TypedDict):
    """What the options of `demo` say about the shop's past."""

    days: int
    events_per_day: int | None
    fresh: bool


class ChosenAddress(TypedDict):
    """What the options of `demo` say about the pages."""

    host: str
    port: int
    no_serve: bool


class Chosen(ChosenHistory, ChosenAddress):
    """All options of `demo` but the file."""


@verb("demo", "picoevent demo", "picoevent demo --days 90 --file shop.db", with_url=False)
@click.option("--file", default="picoevent-demo.db", show_default=True, metavar="FILE", help="The SQLite file to fill.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    default=8080,
    show_default=True,
    metavar="N",
    type=click.IntRange(1, 65535),
    help="Port to listen on, or the next free one.",
)
@click.option(
    "--days", default=DAYS, show_default=True, metavar="N", type=click.IntRange(1, 3650), help="How far back it goes."
)
@click.option("--events-per-day", metavar="N", type=click.IntRange(1, 1_000_000), help="On average.  [default: 8000]")
@click.option("--fresh", is_flag=True, help="Delete an earlier demo in this file, and begin again.")
@click.option("--no-serve", is_flag=True, help="Only fill the file.")
@click.pass_context
def demo(ctx: click.Context, file: str, **chosen: Unpack[Chosen]) -> None:
    """Fill a file with a small web shop and show it in the browser.

    Four weeks of events, more than 200,000, and then it goes on as you look. Needs no server and no account, and
    touches nothing but its file and a key beside it. Ctrl-C ends it; the file stays, and the next run goes on with it.
    """
    from picoevent.cli.demo_words import how_to_go_on
    from picoevent.demo.place import DemoPlace

    if given_settings():
        raise click.UsageError("The demo has a file of its own: say --file instead of --url and the like.")
    server = None if chosen["no_serve"] else import_server()
    place = DemoPlace(file)
    place.check()
    with place.reserved(), Interruption() as interruption:
        try:
            spans = _fill(place, chosen, interruption)
            if server is None:
                click.echo(how_to_go_on(place))
            else:
                _serve(server, place, spans, chosen, interruption)
        except KeyboardInterrupt:
            click.echo(f"Stopped. The data stays in {file}; the next run goes on with it.")
            ctx.exit(INTERRUPTED)
    if server is not None:
        click.echo(f"Stopped. The data stays in {file}.")


def _fill(place: DemoPlace, chosen: ChosenHistory, interruption: Interruption) -> tuple[Span, ...]:
    """Bring the shop's past up to now; return all spans of it."""
    from picoevent.demo import EVENTS_PER_DAY
    from picoevent.demo.declared import declare_shop
    from picoevent.demo.history import make_plan
    from picoevent.eventlog import EventLog

    if chosen["fresh"]:
        place.remove()
    with EventLog(place.settings()) as events:
        # Before the first event, so that nothing has to be filled in afterwards.
        declare_shop(events)
        plan = make_plan(events, datetime.now(UTC), chosen["days"], chosen["events_per_day"] or EVENTS_PER_DAY)
        _tell_plan(place, plan)
        for span in plan.spans:
            _fill_span(events, span, place, interruption)
    return (*plan.known, *plan.spans[len(plan.unfinished) :])


def _tell_plan(place: DemoPlace, plan: Plan) -> None:
    if plan.unfinished:
        click.echo(f"Completing {place.name}: an earlier run was stopped while it was filled.")
    elif plan.known:
        click.echo(f"Going on with {place.name}.")


def _fill_span(events: EventLog, span: Span, place: DemoPlace, interruption: Interruption) -> None:
    from picoevent.cli.demo_words import length_of
    from picoevent.demo.history import fill

    click.echo(f"Filling {place.name} with {length_of(span)} of a small web shop ...")
    started = time.perf_counter()
    with progress_bar("Filling") as advance:

        def on_progress(done: int, total: int, count: int) -> None:
            interruption.check()
            advance(done, total, count)

        count = fill(events, span, on_progress)
    seconds = time.perf_counter() - started
    click.echo(f"{count:,} events in {seconds:.1f} s ({count / seconds:,.0f}/s).")


def _serve(
    server: ModuleType, place: DemoPlace, spans: tuple[Span, ...], chosen: ChosenAddress, interruption: Interruption
) -> None:
    """Serve the pages until Ctrl-C, while another process goes on logging."""
    from picoevent.cli.analysts import sign_in_url
    from picoevent.cli.demo_words import welcome
    from picoevent.demo.run import start_logging, stop_logging

    settings = place.settings(secret_key=place.secret_key())
    token = _sign_in_token(place)

    def on_ready(url: str) -> None:
        if interruption.wished:
            # The wish came after the last check, and before the server listened to it.
            signal.raise_signal(signal.SIGINT)
        else:
            click.echo(welcome(place, spans, url, sign_in_url(url, token)))

    interruption.check()
    log_to_stderr(logging.WARNING)
    shop = start_logging(place, spans[-1].events_per_day)
    try:
        server.serve(settings, host=chosen["host"], port=chosen["port"], try_next_ports=True, on_ready=on_ready)
    finally:
        stop_logging(shop)


def _sign_in_token(place: DemoPlace) -> str:
    """Return the token of a one-time link for the demo's analyst, who is made without a password that anybody knows."""
    from picoevent.analysts import open_analysts
    from picoevent.demo.place import ANALYST

    analysts = open_analysts(place.settings())
    try:
        analyst = analysts.find(ANALYST) or analysts.create(ANALYST, secrets.token_urlsafe(32))
        if not analyst.enabled:
            analysts.enable(ANALYST)
        return analysts.make_sign_in_link(analyst, LINK_MINUTES)
    finally:
        analysts.close()
