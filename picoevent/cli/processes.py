"""What the processes of this machine have counted and what waits in their spools, put together; reads files only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from picoevent.cli.failures import CommandFailed
from picoevent.cli.rows import Column

if TYPE_CHECKING:
    from picoevent.settings import Settings
    from picoevent.spool import SpoolStatus
    from picoevent.write.published import Published, PublishedProcess

FIGURES = (
    "sent",
    "stored",
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
    Column("stored", "STORED", numeric=True, show=_count),
    Column("refused", "REFUSED", numeric=True, show=_count),
    Column("spooled", "SPOOLED", numeric=True, show=_count),
    Column("set_aside", "SET ASIDE", numeric=True, show=_count),
    Column("in_flight", "IN FLIGHT", numeric=True, show=_count),
    Column("lost", "LOST", numeric=True, show=_count),
    Column("cut_off", "CUT OFF", numeric=True, show=_count),
    Column("given_another_id", "OTHER ID", numeric=True, show=_count),
)
SELDOM = ("lost", "cut_off")
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
    spools: list[SpoolStatus]

    @property
    def waiting(self) -> int:
        """How many events wait in all spools."""
        return sum(spool.pending for spool in self.spools)

    def rows(self) -> list[Row]:
        """Return a row for each living process, one for all that have ended, and the total."""
        living = [_living_row(process) for process in self.published.processes if process.alive]
        if not living and not self.published.ended and not self.spools:
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
        return totals | {"spooled": self.waiting}

    def metrics(self, *, database_up: bool) -> dict[str, int]:
        """Return what docs/metrics.md lists, by the names that its table uses."""
        oldest = [spool.oldest_event_id for spool in self.spools if spool.oldest_event_id is not None]
        return self.totals() | {
            "spooled": self._living()["spooled"],
            "database_up": int(database_up),
            "processes": sum(process.alive for process in self.published.processes),
            "spool_events": self.waiting,
            "spool_bytes": sum(spool.bytes for spool in self.spools),
            "spool_set_aside": sum(spool.set_aside for spool in self.spools),
            "spool_oldest": _unix_seconds(min(oldest)) if oldest else 0,
        }

    def _living(self) -> dict[str, int]:
        return _complete(self.published.living)

    def _ended(self) -> dict[str, int]:
        ended = _complete(self.published.ended)
        return ended | {"cut_off": ended["in_flight"], "in_flight": 0, "spooled": left_by_the_dead(self.spools)}


def look_at_machine(folder: Path) -> Machine:
    """Read what lies in the folder of all spools; raise OSError where it can't be read."""
    from picoevent.spool import list_spools
    from picoevent.write.published import read_published

    return Machine(read_published(folder), list_spools(folder))


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


def folder_of(settings: Settings) -> Path:
    """Return the folder of all spools of these settings; raise `SettingsError` where there is no place for it."""
    from picoevent.spool import spool_folder

    return spool_folder(settings)


def list_readable(folder: Path) -> list[SpoolStatus]:
    """Return the spools in a folder; raise `CommandFailed` where this user may not read it."""
    from picoevent.spool import list_spools

    try:
        return list_spools(folder)
    except OSError as error:
        message = f"The spool in {folder} can't be read ({error.strerror})."
        raise CommandFailed(message, hint="Run this as the user of the application.") from error


def total_of(spools: list[SpoolStatus]) -> dict[str, int]:
    """Return what lies in all spools together."""
    return {
        "spools": len(spools),
        "events": sum(spool.pending for spool in spools),
        "of_dead_processes": left_by_the_dead(spools),
        "bytes": sum(spool.bytes for spool in spools),
        "set_aside": sum(spool.set_aside for spool in spools),
    }


def left_by_the_dead(spools: list[SpoolStatus]) -> int:
    """Return how many events wait in the spools of dead processes."""
    return sum(spool.pending for spool in spools if spool.pid is None)


def spool_in_words(total: Mapping[str, int]) -> str:
    """Return a total in words."""
    waiting, left = total["events"], total["of_dead_processes"]
    if not waiting:
        return "empty"
    dead = f", {left:,} of them left by dead processes" if left else ""
    return f"{waiting:,} {'event waits' if waiting == 1 else 'events wait'}{dead}; see: picoevent spool status"


def problems_of(spools: list[SpoolStatus]) -> list[str]:
    """Return what is wrong with the spools, a sentence each."""
    aside = sum(spool.set_aside for spool in spools)
    found = [f"{spool.name} can't be read: {spool.trouble}" for spool in spools if spool.trouble]
    return [
        *found,
        *(
            [f"{aside:,} {'event was' if aside == 1 else 'events were'} set aside. See: picoevent spool status"]
            if aside
            else []
        ),
    ]


def _living_row(process: PublishedProcess) -> Row:
    figures = _complete(process.counters)
    named = {"process": str(process.pid), "pid": process.pid, "program": process.program}
    return named | {name: figures[name] for name in FIGURES}


def _complete(counters: Mapping[str, int]) -> dict[str, int]:
    figures = dict.fromkeys(FIGURES, 0) | dict(counters)
    # What was handed over by mistake, and then took another state, is less than nothing for a moment.
    return figures | {name: max(0, figures[name]) for name in WAITING}


def _unix_seconds(event_id: int) -> int:
    from picoevent.ids import id_time

    return int(id_time(event_id).timestamp())
