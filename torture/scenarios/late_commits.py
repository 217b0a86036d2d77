"""R19: what commits late, behind others with larger ids and numbers, is counted all the same."""

from __future__ import annotations

import threading
import time
from random import Random

from picoevent.ids import IdMinter
from picoevent.settings import Settings
from picoevent.store import open_store
from picoevent.store.base import Purpose
from picoevent.store.names import EVENT_TYPES, SOURCES
from picoevent.store.record import Record
from torture.folding import judge_rollups
from torture.frame import Scenario, Size, Verdict
from torture.site import Database, Site

WRITERS, BATCH = 8, 250
LONGEST_DELAY_SECONDS = 0.5
USERS = 1000
MAX_NAMES = 100


class LateWriter(threading.Thread):
    """Writes batches, and commits each one only after a while."""

    def __init__(self, database: Database, batches: int, seed: int) -> None:
        super().__init__(name="late writer", daemon=True)
        settings = Settings(url=database.url, deadline_ms=10_000)
        self._store = open_store(database.url, settings, Purpose.WRITE)
        self._batches = batches
        self._random = Random(seed)
        self._minter = IdMinter(rng=self._random)
        self.written = 0

    def run(self) -> None:
        """Write all batches."""
        names = [
            self._store.create_name(kind, name, MAX_NAMES).number
            for kind, name in ((EVENT_TYPES, "late"), (SOURCES, "torture"))
        ]
        for _ in range(self._batches):
            users = [self._random.randrange(USERS) for _ in range(BATCH)]
            records = [Record(self._minter.mint(), *names, user, None, None) for user in users]
            with self._store.writing() as transaction:
                transaction.insert(records, {})
                time.sleep(self._random.uniform(0, LONGEST_DELAY_SECONDS))
            self.written += len(records)
        self._store.close()


def run(site: Site, size: Size) -> Verdict:
    """Have eight writers commit late while one folds, then compare rollups and events."""
    verdict = Verdict(trials=1)
    database = site.database()
    folder = site.start(database, "fold", fold_speed=1.0)
    batches = max(1, size.events // WRITERS // BATCH)
    writers = [LateWriter(database, batches, site.random.getrandbits(32)) for _ in range(WRITERS)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    folder.finish()
    folder.wait(60)
    verdict.sent = WRITERS * batches * BATCH
    verdict.acked = sum(writer.written for writer in writers)
    verdict.require(verdict.acked == verdict.sent, f"{verdict.acked:,} of {verdict.sent:,} events were written")
    verdict.lost = verdict.acked - database.count()
    judge_rollups(verdict, database)
    verdict.note(f"{WRITERS * batches:,} transactions, each open for up to {LONGEST_DELAY_SECONDS:g} s")
    return verdict


LATE_COMMITS = Scenario(
    "R19",
    "eight writers that commit up to half a second late, while another one counts",
    run,
    full=Size(events=1_000_000),
    short=Size(events=20_000),
)
