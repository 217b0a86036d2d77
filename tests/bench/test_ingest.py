"""Benchmark `ingest`: the events it makes up, its processes, and whole runs of its parts on few events."""

from __future__ import annotations

import io
from dataclasses import dataclass

import pytest

from bench.__main__ import main
from bench.frame import Benchmark, Row, Size, Suite
from bench.ingest import INGEST
from bench.ingest_crew import Crew, WorkerFailed
from bench.ingest_durable import durable_target
from bench.ingest_events import MadeRows, as_new, in_batches, make_events
from bench.progress import Progress
from picoevent.payload import encode_payload

TINY = {
    "ingest.durable": Size(events=2_000, rounds=1),
    "ingest.bytes": Size(events=2_000, rounds=1),
    "ingest.paced": Size(events=10_000, rounds=1),
    "ingest.import": Size(events=1_000, rounds=1),
    "ingest.log": Size(events=20, rounds=1),
    "ingest.threads": Size(events=1_000, rounds=1),
    "ingest.cpu": Size(events=2_000, rounds=1),
    "ingest.spool": Size(events=40, rounds=1),
    "ingest.backlog": Size(events=10_000, rounds=1),
}


@dataclass
class Adder:
    """A worker that adds; it ends its process, or raises, where it is asked to."""

    first: int

    def open(self):
        if self.first < 0:
            raise ValueError("below 0")

    def run(self, second):
        if second < 0:
            raise SystemExit(1)
        return self.first + second

    def close(self):
        pass


@pytest.mark.parametrize("size", [200, 1_000])
def test_payloads_have_their_exact_size_as_a_caller_has_them_too(size):
    events = list(make_events(0, 1_000, size))

    assert {len(event.payload) for event in events} == {size}
    assert all(encode_payload(as_new(event).data) == event.payload for event in events[:50])


def test_rows_of_the_baseline_are_the_events_under_rising_ids():
    rows = MadeRows(1, 2_500).rows()

    assert [row.payload for row in rows] == [event.payload for event in make_events(1, 2_500)]
    assert [row.event_id for row in rows] == sorted({row.event_id for row in rows})
    assert [len(batch) for batch in in_batches(rows)] == [1_000, 1_000, 500]


def test_ids_of_two_writers_never_meet():
    one, other = ({row.event_id for row in MadeRows(writer, 5_000).rows()} for writer in (0, 1))

    assert not one & other


@pytest.mark.parametrize(("baseline", "text"), [(66_000, "ratio >= 0.75"), (67_000, "ratio >= 0.75, >= 50,000 /s")])
def test_so_many_events_a_second_are_asked_for_where_the_baseline_allows(baseline, text):
    assert durable_target(baseline).text("/s") == text


def test_a_crew_runs_again_and_again_and_answers_in_order():
    with Crew(Adder(10), Adder(20)) as crew:
        laps = [[lap.result for lap in crew.run(number)] for number in (1, 2)]

    assert laps == [[11, 21], [12, 22]]


def test_a_process_that_can_not_be_made_ready_says_why():
    with pytest.raises(WorkerFailed, match="ValueError: below 0"), Crew(Adder(1), Adder(-1)):
        pass


def test_a_process_that_dies_is_an_error_and_no_wait():
    with pytest.raises(WorkerFailed, match="has died"), Crew(Adder(1)) as crew:
        crew.run(-1)


def test_a_suite_runs_its_parts_in_order():
    parts = tuple(
        Benchmark(name, "Nothing.", lambda size, _, name=name: [Row(name, size.events, "x")], Size(9, 1), Size(1, 1))
        for name in ("a.one", "a.two")
    )
    suite = Suite("a", "Both.", parts)

    assert main(["a", "--quick"], benchmarks=[suite]) == 0
    assert [row.measure for row in suite.rows(Progress(io.StringIO()), quick=True)] == ["a.one", "a.two"]


def test_every_part_is_tried_here():
    assert sorted(TINY) == sorted(part.name for part in INGEST.parts)


@pytest.mark.parametrize("name", TINY)
def test_a_whole_run_of_a_part_prints_its_rows(rows_of, name):
    rows = rows_of(INGEST, name, TINY[name])

    assert rows
    assert all(row["value"] > 0 for row in rows if row["unit"] != "MB")
