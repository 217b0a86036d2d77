"""What the processes of this machine have counted and what waits in their spools, put together; reads files only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from picoevent.cli.rows import Column
from picoevent.cli.waiting import Waiting, look_at_spools

if TYPE_CHECKING:
    from picoevent.settings import Settings
    from picoevent.write.published import Published, PublishedProcess

FIGURES = (
    "sent",
    "stored",
    "replayed",
    "refused",
    "spooled",
    "set_aside",
    "lost",
    "in_flight",
    "cut_off",
    "adopted",
    "given_another_id",
)
WAITING = ("spooled", "in_flight")
"""Figures that fall again; all others only rise."""
REFUSED_FOR = "refused."


def _count(value: object) -> str:
    return f"{value:,}"


COLUMNS = (
    Column("process", "PROCESS"),
    Column("program", "PROGRAM"),
    Column("sent", "SENT", numeric=True, show=_count),
    Column("adopted", "ADOPTED", numeric=True, show=_count),
    Column("stored", "STORED", numeric=True, show=_count),
    Column("replayed", "REPLAYED", numeric=True, show=_count),
    Column("refused", "REFUSED", numeric=True, show=_count),
    Column("spooled", "SPOOLED", numeric=True, show=_count),
    Column("set_aside", "SET ASIDE", numeric=True, show=_count),
    Column("in_flight", "IN FLIGHT", numeric=True, show=_count),
    Column("lost", "LOST", numeric=True, show=_count),
    Column("cut_off", "CUT OFF", numeric=True, show=_count),
    Column("given_another_id", "OTHER ID", numeric=True, show=_count),
)
SELDOM = ("replayed", "adopted", "lost", "cut_off")
"""Columns that are shown where there is something in them."""

Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class Machine:
    """The processes of this machine that log into one database, and their spools.

    A process that has ended can't say what became of what it had spooled: whoever adopts its spool counts that. So
    what waits is counted on the disk, and not summed up from figures of the dead. What was under way when a process
    ended is `cut_off`: nobody was told that it is stored.
    """

    published: Published
    waiting: Waiting

    def rows(self) -> list[Row]:
        """Return a row for each living process, one for all that have ended, and the total."""
        living = self._living_rows()
        if not living and not self.published.ended and not self.waiting.spools:
            return []
        ended, total = self._ended(), self.totals()
        return [
            *living,
            {"process": "ended", "pid": None, "program": None} | {name: ended[name] for name in FIGURES},
            {"process": "total", "pid": None, "program": None} | {name: total[name] for name in FIGURES},
        ]

    def totals(self) -> dict[str, int]:
        """Return the figures of all processes together, refusals by reason too; `spooled` is what waits on the disk."""
        living, ended = self._living(), self._ended()
        totals = {name: living.get(name, 0) + ended.get(name, 0) for name in sorted({*living, *ended})}
        return totals | {"spooled": self.waiting.events}

    def metrics(self, *, database_up: bool) -> dict[str, int]:
        """Return what docs/metrics.md lists, by the names that its table uses."""
        waiting = self.waiting
        oldest = [spool.oldest_event_id for spool in waiting.spools if spool.oldest_event_id is not None]
        return self.totals() | {
            "spooled": self._living()["spooled"],
            "database_up": int(database_up),
            "processes": len(self._living_rows()),
            "spool_events": waiting.events,
            "spool_bytes": waiting.bytes,
            "spool_max_bytes": waiting.max_bytes,
            "spool_disk_free_bytes": waiting.disk_free_bytes,
            "spool_set_aside": waiting.set_aside,
            "spool_oldest": _unix_seconds(min(oldest)) if oldest else 0,
        }

    def _living_rows(self) -> list[Row]:
        """Return a row for each process that lives, however many event logs it has."""
        of_process: dict[int, list[PublishedProcess]] = {}
        for process in self.published.processes:
            if process.alive:
                of_process.setdefault(process.pid, []).append(process)
        return [_living_row(event_logs) for event_logs in of_process.values()]

    def _living(self) -> dict[str, int]:
        return _complete(self.published.living)

    def _ended(self) -> dict[str, int]:
        ended = _complete(self.published.ended)
        return ended | {"cut_off": ended["in_flight"], "in_flight": 0, "spooled": self.waiting.left_by_the_dead}


def look_at_machine(settings: Settings) -> Machine:
    """Read what lies in the folder of all spools; raise `SettingsError` where there is none, and `OSError`."""
    from picoevent.write.published import read_published

    waiting = look_at_spools(settings)
    return Machine(read_published(waiting.folder), waiting)


def columns_of(rows: list[Row]) -> list[Column]:
    """Return the columns of a table of these rows."""
    return [column for column in COLUMNS if column.key not in SELDOM or any(row[column.key] for row in rows)]


def refused_by_reason(counters: Mapping[str, int]) -> dict[str, int]:
    """Return the refusals among counters, by reason."""
    return {
        name.removeprefix(REFUSED_FOR): count
        for name, count in counters.items()
        if name.startswith(REFUSED_FOR) and count
    }


def report_cache_of(counters: Mapping[str, int]) -> dict[str, object]:
    """Return how reports were answered, and the share that came from the cache; None where there were none."""
    from picoevent.write.counters import OF_REPORTS

    figures = {name.removeprefix("report_"): counters.get(name, 0) for name in OF_REPORTS}
    kept = figures["hits"] + figures["stale"]
    asked = kept + figures["misses"]
    return figures | {"hit_rate": round(kept / asked, 3) if asked else None}


def _living_row(event_logs: list[PublishedProcess]) -> Row:
    """Return the row of one process, whose event logs have each published their own."""
    from picoevent.write.published import sum_counts

    process = event_logs[0]
    figures = _complete(sum_counts(*(event_log.counters for event_log in event_logs)))
    named = {"process": str(process.pid), "pid": process.pid, "program": process.program}
    return named | {name: figures[name] for name in FIGURES}


def _complete(counters: Mapping[str, int]) -> dict[str, int]:
    figures = dict.fromkeys(FIGURES, 0) | dict(counters)
    # What was handed over by mistake, and then took another state, is less than nothing for a moment.
    return figures | {name: max(0, figures[name]) for name in WAITING}


def _unix_seconds(event_id: int) -> int:
    from picoevent.ids import id_time

    return int(id_time(event_id).timestamp())
