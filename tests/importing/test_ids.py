"""Ids of imported events: made of the event alone, the same for ever, whichever way the event is looked at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from picoevent import NewEvent, RejectReason
from picoevent.importing.occurrences import OccurrenceCounter
from picoevent.write.imported import Importer

AT = datetime(2015, 5, 18, 10, 5, 3, 123_000, tzinfo=UTC)
KNOWN = [
    (NewEvent("page.view", {"path": "/a", "n": 1}, 7, "shop", AT), 0, 1_042_085_131_086_716_011),
    (NewEvent("page.view", {"path": "/a", "n": 1}, 7, "shop", AT), 1, 1_042_085_130_962_984_058),
    (NewEvent("größe", None, 'ann"é', None, AT), 0, 1_042_085_130_767_947_799),
    (NewEvent("größe", {}, None, None, AT), 3, 1_042_085_130_415_627_729),
]


@pytest.fixture
def importer(embedded):
    """What makes events ready for the embedded event log."""
    return embedded._parts.writing.bulk._importer()


@pytest.mark.parametrize(("event", "before", "event_id"), KNOWN)
def test_an_event_has_the_id_that_it_always_had(importer, event, before, event_id):
    """Another id would store again what was imported years ago."""
    ready = importer.make_ready([event] * 2, lambda _second, _key: before)

    assert [row[0] for row in ready.rows] == [event_id] * 2


class Hostile(str):
    __slots__ = ()

    def __eq__(self, _other):
        raise RuntimeError

    __hash__ = str.__hash__


names = st.sampled_from(["a", "b", Hostile("a"), "", 7, None, ["a"]])
users = st.none() | st.integers(-1, 2**62) | st.sampled_from(["ann", "bob", "", True, 1.5, "x" * 256, Hostile("c")])
zones = st.sampled_from([UTC, timezone(timedelta(hours=-5, minutes=30)), None])
times = st.none() | st.datetimes(datetime(1999, 12, 31), datetime(2200, 1, 1), timezones=zones)  # noqa: DTZ001
values = st.none() | st.integers(-(2**63), 2**65) | st.floats() | st.text(max_size=5) | st.binary(max_size=3)
payloads = st.none() | st.dictionaries(st.text(max_size=3) | st.integers(), values, max_size=3) | st.just([1])
events = st.builds(NewEvent, names, payloads, users, st.sampled_from([None, "s", "", 7]), times)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(events, max_size=8))
def test_the_short_way_and_the_steps_come_to_the_same(importer, batch):
    class Slow(Importer):
        def _check_usual(self, _event):
            return None

    slow = Slow(importer._rules, importer._resolve)

    quick, stepwise = (made.make_ready(batch * 2, OccurrenceCounter().count) for made in (importer, slow))

    assert (quick.rows, quick.texts) == (stepwise.rows, stepwise.texts)
    assert [(place, why.reason) for place, (_, why) in quick.refused.items()] == [
        (place, why.reason) for place, (_, why) in stepwise.refused.items()
    ]


def test_an_event_without_a_time_of_its_own_is_refused(embedded):
    result = embedded.import_batch([(NewEvent("a"), 0)])

    assert [refusal.reason for refusal in result.refused] == [RejectReason.TIME_INVALID]
