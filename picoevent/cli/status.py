"""`status`: how database, replica, cache, processes and spools are doing, and what is wrong, in plain words."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from picoevent.cli.cells import json_text, visible
from picoevent.cli.event_rows import show_time
from picoevent.cli.failures import exit_code_of
from picoevent.cli.opening import check_file
from picoevent.cli.options import current_settings, format_option, setting_option
from picoevent.cli.processes import (
    Machine,
    columns_of,
    look_at_machine,
    refused_by_reason,
    report_cache_of,
)
from picoevent.cli.rows import FORMATS, Column, print_rows, print_table
from picoevent.cli.spool_problems import problems_of, set_aside_problem
from picoevent.cli.verbs import verb
from picoevent.cli.waiting import in_words
from picoevent.errors import PicoEventError, StoreNotReady, StoreUnavailable
from picoevent.event import format_time

if TYPE_CHECKING:
    from picoevent.parts import Parts
    from picoevent.settings import Settings
    from picoevent.store.base import ReadingStore

UNKNOWN = {"pending_events": 0, "fold_heartbeat": 0, "replica_up": 1, "replica_behind": 0}
"""Figures of the servers, until they are asked."""
COLUMNS = (Column("name", "WHAT"), Column("value", "HOW IT IS"))


@dataclass
class Findings:
    """What was found: facts in the order in which they are shown, problems, and the exit code they lead to."""

    facts: dict[str, object] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    exit_code: int = 0
    machine: Machine | None = None
    figures: dict[str, int] = field(default_factory=lambda: dict(UNKNOWN))
    """What only the database knows, by the names that metrics use."""

    def blame(self, error: PicoEventError, *, prefix: str = "") -> None:
        """Note an error as a problem."""
        self.problems.append(f"{prefix}{error}")


@verb("status", "picoevent status", "picoevent status --format json", "picoevent status --format prometheus")
@setting_option("replica_url", metavar="URL")
@setting_option("cache_url", metavar="URL")
@setting_option("spool_dir", metavar="FOLDER")
@format_option(*FORMATS, "prometheus")
@click.pass_context
def status(ctx: click.Context, output: str) -> None:
    """Show how the database is doing, and what became of events.

    Says what is wrong, in plain words. Nothing is changed, and nothing is counted that would take long on a large
    table. What processes have counted is of this machine and this user, since the spool was made. Exits with 3 where
    the database is away or not ready; with --format prometheus a metric says so.
    """
    findings = look(current_settings(), datetime.now(UTC))
    if output == "prometheus":
        _print_metrics(findings)
        return
    _print(findings, output)
    if findings.exit_code:
        ctx.exit(findings.exit_code)


def look(settings: Settings, now: datetime) -> Findings:
    """Ask the database, the replica and the cache of these settings, and read what processes have left on the disk."""
    from picoevent.parts import Parts

    findings = Findings()
    parts = Parts(settings)
    try:
        _look_at_database(findings, settings)
        if not findings.exit_code:
            _look_at_events(findings, parts, now)
        _look_at_replica(findings, parts, settings)
        _look_at_cache(findings, parts, settings)
    finally:
        parts.close()
    _look_at_machine(findings, settings)
    return findings


def _look_at_database(findings: Findings, settings: Settings) -> None:
    from picoevent.store import open_store
    from picoevent.store.base import Purpose

    # With the patience of a reader: the size of a large database is not known within the deadline of log().
    store = open_store(settings.url, settings, Purpose.READ)
    try:
        check_file(settings)
        findings.facts |= {_key(label): text for label, text in store.describe().items()}
        findings.facts["schema_version"] = store.schema_version()
        _look_at_fold(findings, store)
    except PicoEventError as error:
        findings.exit_code = exit_code_of(error)
        findings.facts["server"] = "away" if isinstance(error, StoreUnavailable) else "not ready"
        findings.blame(error)
    finally:
        store.close()


def _look_at_fold(findings: Findings, store: ReadingStore) -> None:
    from picoevent.cli.fold_status import look_at_fold

    fold = look_at_fold(store)
    findings.facts |= {"rollups": fold.words, "pending_events": fold.pending_events}
    findings.figures |= {"pending_events": fold.pending_events, "fold_heartbeat": fold.heartbeat_ms // 1000}
    findings.problems += fold.problems


def _look_at_events(findings: Findings, parts: Parts, now: datetime) -> None:
    from picoevent.read.query import make_query

    try:
        newest = parts.reader.page(make_query({}, limit=1)).events
        findings.facts["newest_event"] = format_time(newest[0].time) if newest else None
        findings.facts["newest_event_age_seconds"] = round((now - newest[0].time).total_seconds()) if newest else None
        findings.facts["event_types"] = len(parts.reader.event_types())
        findings.facts["sources"] = len(parts.reader.sources())
    except PicoEventError as error:
        if not parts.settings.replica_url:
            findings.exit_code = exit_code_of(error)
        findings.blame(error, prefix="Events can't be read: ")


def _look_at_replica(findings: Findings, parts: Parts, settings: Settings) -> None:
    if not settings.replica_url:
        findings.facts["replica"] = "none set"
        return
    from picoevent.read.replica import DataAge

    try:
        server = parts.reading_store.describe()["Server"]
        age = parts.replica.age() if parts.replica else DataAge(None, None)
        findings.facts["replica"] = f"answers: {server}, {age.behind or ('up to date' if age.as_of else 'age unknown')}"
        findings.figures["replica_behind"] = round(age.behind_seconds or 0)
        if age.behind:
            findings.problems.append(f"Replica: {server} is {age.behind}. See runbooks/replica-behind.md.")
    except PicoEventError as error:
        findings.figures["replica_up"] = 0
        findings.facts["replica"] = "not ready" if isinstance(error, StoreNotReady) else "does not answer"
        findings.blame(error, prefix="Replica: ")


def _look_at_cache(findings: Findings, parts: Parts, settings: Settings) -> None:
    if settings.cache_url.startswith("memory:"):
        # What this short-lived process has in its own says nothing.
        findings.facts["cache"] = "in-process, each process its own"
        return
    findings.facts["cache"] = words = parts.cache.describe()
    if "does not answer" in words:
        findings.problems.append(f"Cache: {words}.")


def _look_at_machine(findings: Findings, settings: Settings) -> None:
    try:
        findings.machine = machine = look_at_machine(settings)
    except PicoEventError as error:
        findings.blame(error, prefix="Spool: ")
        return
    except OSError as error:
        findings.problems.append(f"Spool: {error.filename} can't be read ({error.strerror}).")
        return
    findings.facts["spool"] = machine.waiting.total()
    findings.facts["refused"] = refused_by_reason(machine.totals())
    findings.facts["report_cache"] = report_cache_of(machine.totals())
    findings.facts["processes"] = machine.rows()
    problems = [*problems_of(machine.waiting), *set_aside_problem(machine.waiting)]
    findings.problems += [f"Spool: {words}" for words in problems]


def _key(label: str) -> str:
    return label.lower().replace(" ", "_")


def _print(findings: Findings, output: str) -> None:
    if output == "table":
        _print_for_people(findings)
    elif output == "csv":
        facts = findings.facts | {"problems": " ".join(findings.problems) or None}
        print_rows([{"name": name, "value": value} for name, value in facts.items()], COLUMNS, output)
    else:
        document = findings.facts | {"problems": findings.problems}
        click.echo(json_text(document, indent=2 if output == "json" else None))


def _print_metrics(findings: Findings) -> None:
    from picoevent.contrib.metrics import COUNTED, OF_THE_MACHINE, text_format

    if findings.machine is not None:
        figures = findings.machine.metrics(database_up=not findings.exit_code) | findings.figures
        click.echo(text_format((*COUNTED, *OF_THE_MACHINE), figures), nl=False)
    for problem in findings.problems:
        click.echo(f"warning: {visible(problem)}", err=True)


def _print_for_people(findings: Findings) -> None:
    facts = dict(findings.facts)
    age = facts.pop("newest_event_age_seconds", None)
    for name in ("processes", "pending_events"):
        facts.pop(name, None)
    if findings.machine:
        facts["spool"] = in_words(findings.machine.waiting)
    for name, value in facts.items():
        words = _in_words(name, value, age)
        click.echo(visible(f"{name.replace('_', ' ').capitalize():<18}{words}"))
    _print_processes(findings.machine)
    for problem in findings.problems or ["none"]:
        click.echo(visible(f"{'Problems':<18}{problem}"))


def _print_processes(machine: Machine | None) -> None:
    rows = machine.rows() if machine else []
    if rows:
        click.echo()
        print_table(rows, columns_of(rows))
        click.echo()
    elif machine:
        click.echo(f"{'Processes':<18}none of this machine has sent an event yet")


def _in_words(name: str, value: object, age: object) -> str:
    if name == "refused" and isinstance(value, dict):
        return ", ".join(f"{count:,} {reason}" for reason, count in value.items()) or "none"
    if name == "report_cache" and isinstance(value, dict):
        return _report_cache_in_words(value)
    if name == "newest_event":
        return f"{show_time(value)} UTC, {_ago(age)}" if isinstance(age, int) else "none yet"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _report_cache_in_words(figures: dict[str, object]) -> str:
    rate = figures["hit_rate"]
    if not isinstance(rate, float):
        return "no report was asked for yet"
    asked, rest = figures["misses"], ("stale", "computations", "waits")
    counts = ", ".join(f"{figures[name]:,} {name}" for name in rest)
    return f"{rate:.0%} of answers from it: {figures['hits']:,} hits, {asked:,} misses, {counts}"


def _ago(seconds: int) -> str:
    if seconds < 0:
        return "ahead of this machine's clock"
    for size, word in ((86_400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds // size:,} {word} ago"
    return f"{seconds} s ago"
