"""An import that is killed at any moment and repeated stores each event once, and once only in `pending`."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from contextlib import suppress

from sqlalchemy import text

from picoevent.importing import import_files

LINES = 12_000
KILLS = 6
IMPORT = """
import sys
from picoevent import EventLog
from picoevent.importing import import_files

events = EventLog(sys.argv[1], deadline_ms=30_000)
print("ready", flush=True)
import_files(events, [sys.argv[2]])
"""


def test_an_import_that_is_killed_again_and_again_stores_each_event_once(store_url, events, write_lines):
    rng = random.Random()
    lines = [json.dumps({"type": "a", "time": 1_715_947_200 + n // 50, "data": {"n": n // 2}}) for n in range(LINES)]
    path = write_lines(*lines)

    for _ in range(KILLS):
        _import_and_kill(store_url, path, after_seconds=rng.uniform(0, 0.4))
    report = import_files(events, [path])

    assert report.stored + report.already == LINES
    assert sorted(event.data["n"] for event in events.iter_events()) == [n // 2 for n in range(LINES)]
    with events._parts.reading_store.reading() as connection:
        assert connection.execute(text("SELECT SUM(events) FROM pending")).scalar() == LINES


def _import_and_kill(url, path, after_seconds):
    with subprocess.Popen([sys.executable, "-c", IMPORT, url, path], stdout=subprocess.PIPE) as importing:
        importing.stdout.readline()
        with suppress(subprocess.TimeoutExpired):
            importing.wait(after_seconds)
        importing.kill()
