"""What became of the events: the traces of the workers against what the database holds, event by event."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from picoevent.store.pending import unpack_batch
from picoevent.testing.servers import MariaDBAddress
from torture.frame import Verdict

UID = re.compile(r'"uid":"([^"]+)"')
ROWS_AT_ONCE = 10_000


@dataclass(slots=True)
class Traces:
    """What workers wrote down: payload ids that were sent, acknowledged (with the id they got), and refused."""

    sent: set[str] = field(default_factory=set)
    acked: dict[str, int] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)

    @property
    def unanswered(self) -> set[str]:
        """What was sent and got no answer: the worker died within the call."""
        return self.sent - self.acked.keys() - self.refused

    def read(self, path: Path) -> None:
        """Add the lines of one worker; a last line that was cut off by a full disk says nothing."""
        for line in path.read_text("ascii").splitlines(keepends=True):
            if not line.endswith("\n"):
                return
            kind, name, *event_id = line.split()
            if kind == ">":
                self.sent.add(name)
            elif kind == "+":
                self.acked[name] = int(event_id[0])
            else:
                self.refused.add(name)


@dataclass(frozen=True, slots=True)
class Account:
    """The comparison: names of payloads, and ids where something is wrong with `pending`."""

    traces: Traces
    stored: dict[str, int]
    """Payload ids in the database, and under which event id."""
    duplicated: list[str]
    pending_twice: list[int]
    pending_never: list[int]
    halves: list[int]
    """Ids that stand in one of `event_log` and `event_data` only, or in `pending` alone."""

    @property
    def lost(self) -> list[str]:
        """What was acknowledged and is not stored."""
        return sorted(self.traces.acked.keys() - self.stored.keys())

    @property
    def moved(self) -> int:
        """How many acknowledged events are stored under another id than `log()` returned."""
        acked = self.traces.acked
        return sum(self.stored[name] != event_id for name, event_id in acked.items() if name in self.stored)

    @property
    def refused_yet_stored(self) -> list[str]:
        """What the application was told is refused, and was stored: it would send it again."""
        return sorted(self.traces.refused & self.stored.keys())


def read_traces(folder: Path) -> Traces:
    """Read what all workers of a folder wrote down."""
    traces = Traces()
    for path in sorted(folder.glob("*.trace")):
        traces.read(path)
    return traces


def settle(address: MariaDBAddress, database: str, traces: Traces) -> Account:
    """Read the whole database, and compare; events without a payload id are none of ours."""
    payloads: dict[int, str] = {}
    counts: Counter[str] = Counter()
    for event_id, data in _rows(address, database, "SELECT event_id, event_data FROM event_data"):
        if found := UID.search(data):
            payloads[event_id] = found[1]
            counts[found[1]] += 1
    narrow = {event_id for (event_id,) in _rows(address, database, "SELECT event_id FROM event_log")}
    packed = _rows(address, database, "SELECT packed FROM pending")
    pending = Counter(event_id for (batch,) in packed for event_id in unpack_batch(batch).event_ids)
    data_ids = {event_id for (event_id,) in _rows(address, database, "SELECT event_id FROM event_data")}
    return Account(
        traces=traces,
        stored={name: event_id for event_id, name in payloads.items()},
        duplicated=sorted(name for name, count in counts.items() if count > 1),
        pending_twice=_some(event_id for event_id, count in pending.items() if count > 1),
        pending_never=_some(narrow - pending.keys()),
        halves=_some((data_ids - narrow) | (pending.keys() - narrow)),
    )


def judge(verdict: Verdict, account: Account, *, may_lose: int = 0, folded: bool = False) -> None:
    """Add an account to a verdict: nothing acknowledged is lost, nothing is there or pending twice.

    Where it was `folded`, what is not pending has been counted; `torture.folding.judge_rollups` says how.
    """
    verdict.sent += len(account.traces.sent)
    verdict.acked += len(account.traces.acked)
    verdict.lost += len(account.lost)
    verdict.duplicated += len(account.duplicated)
    verdict.pending_twice += len(account.pending_twice)
    for wrong, what in (
        (account.lost if len(account.lost) > may_lose else [], "acknowledged and lost"),
        (account.duplicated, "stored twice"),
        (account.pending_twice, "in pending twice"),
        ([] if folded else account.pending_never, "stored and not pending"),
        (account.halves, "stored by half"),
        (account.refused_yet_stored, "refused and yet stored"),
    ):
        verdict.require(not wrong, f"{len(wrong)} {what}, such as {wrong[:1]}")


def _some(event_ids: Iterable[int]) -> list[int]:
    return sorted(event_ids)


def _rows(address: MariaDBAddress, database: str, statement: str) -> Iterator[tuple]:
    with address.cursor(database) as cursor:
        cursor.execute(statement)
        while rows := cursor.fetchmany(ROWS_AT_ONCE):
            yield from rows
