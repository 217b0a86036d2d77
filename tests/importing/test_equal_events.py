"""Equal lines are events of their own, in any order, and a repeated import knows them all."""

from __future__ import annotations

import json
import random

from picoevent.importing import import_files

NOON = "2024-05-17T12:00:00Z"


def line(**fields):
    return json.dumps({"type": "ping", "time": NOON, **fields})


def test_equal_lines_over_several_batches_are_all_stored_and_never_twice(events, write_lines):
    path = write_lines(*[line(data={"a": 1})] * 4_000)

    first, second = import_files(events, [path]), import_files(events, [path])

    assert (first.stored, first.already) == (4_000, 0)
    assert (second.stored, second.already) == (0, 4_000)


def test_the_order_of_lines_does_not_matter_for_events_that_differ_in_their_millisecond(embedded, write_lines):
    lines = [line(time=f"2024-05-17T12:00:00.{millisecond:03d}Z") for millisecond in range(1000)]
    import_files(embedded, [write_lines(*lines)])

    report = import_files(embedded, [write_lines(*reversed(lines), name="reversed.ndjson")])

    assert (report.stored, report.already) == (0, 1_000)


def test_lines_that_become_the_same_event_are_events_of_their_own(embedded, write_lines):
    lines = [
        line(),
        line(data={}),
        line(data=None),
        line(source="default"),
        line(time="2024-05-17T14:00:00.0009+02:00"),
        line(time=1_715_947_200),
    ]

    report = import_files(embedded, [write_lines(*lines)])

    assert (report.stored, report.already) == (6, 0)


def test_keys_in_another_order_are_events_of_their_own(embedded, write_lines):
    path = write_lines(line(data={"a": 1, "b": 2}), line(data={"b": 2, "a": 1}))

    assert import_files(embedded, [path]).stored == 2
    assert import_files(embedded, [path]).stored == 0


def test_a_file_that_grew_is_completed(embedded, write_lines):
    lines = [line(data={"page": random.Random(number).randrange(3)}) for number in range(2_500)]
    import_files(embedded, [write_lines(*lines[:1_234])])

    report = import_files(embedded, [write_lines(*lines)])

    assert (report.stored, report.already) == (2_500 - 1_234, 1_234)
    assert embedded.count() == 2_500
