"""`PicoEventProcessor`: what an event dict becomes, in structlog itself and by hand."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
import structlog

from picoevent import SettingsError
from picoevent.contrib.structlog import PicoEventProcessor


@pytest.fixture
def log(embedded):
    """A structlog logger whose dicts are events."""
    processors = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        PicoEventProcessor(embedded),
    ]
    yield structlog.wrap_logger(structlog.ReturnLogger(), processors=[*processors, lambda *found: str(found[2])])
    structlog.contextvars.clear_contextvars()


def test_a_dotted_name_is_the_event_type_and_the_rest_its_data(log, only):
    structlog.contextvars.bind_contextvars(request="r1")
    log.info("invoice.paid", user_id=7, source="shop", amount=42)

    event = only()
    assert (event.event_type, event.user_id, event.source) == ("invoice.paid", 7, "shop")
    assert event.data == {"request": "r1", "amount": 42, "level": "info"}
    assert abs(datetime.now(UTC) - event.time) < timedelta(minutes=1)


@pytest.mark.parametrize("words", ["Paid invoice 7", "Done", "10.0.0.1", "job.1234"])
def test_any_other_text_is_the_message_of_a_log_event(log, only, words):
    log.warn(words)  # noqa: G010  # structlog's logger has it

    assert (only().event_type, only().data) == ("log.warning", {"message": words, "level": "warning"})


@pytest.mark.parametrize(
    ("event_is", "made"),
    [("name", ("Paid", {"level": "info"})), ("message", ("log.info", {"message": "Paid", "level": "info"}))],
)
def test_what_the_event_is_can_be_said(embedded, only, event_is, made):
    PicoEventProcessor(embedded, event_is=event_is)(None, "info", {"event": "Paid"})

    assert (only().event_type, only().data) == made


def test_a_message_beside_the_event_is_kept_too(embedded, only):
    PicoEventProcessor(embedded)(None, "info", {"event": "Paid at last", "message": "Hm"})

    assert only().data == {"message": "Paid at last", "extra_message": "Hm", "level": "info"}


def test_the_dict_is_passed_on_unchanged(embedded):
    given = {"event": "order.paid", "user_id": 7, "timestamp": 1e9, "exc_info": True, "_record": None}
    before = dict(given)

    returned = PicoEventProcessor(embedded)(None, "info", given)

    assert returned is given
    assert given == before


@pytest.mark.parametrize("stamp", [1e9, "2001-09-09T01:46:40Z", datetime.fromtimestamp(1e9, UTC)])
def test_a_timestamp_is_the_time_of_the_event(embedded, only, stamp):
    PicoEventProcessor(embedded)(None, "info", {"event": "a.b", "timestamp": stamp})

    assert only().time == datetime.fromtimestamp(1e9, UTC)
    assert "timestamp" not in only().data


@pytest.mark.parametrize("stamp", ["half past nine", 0, "nan", "2999-01-01", None])
def test_a_timestamp_that_is_no_time_is_data(embedded, only, stamp):
    PicoEventProcessor(embedded)(None, "info", {"event": "a.b", "timestamp": stamp})

    assert only().data["timestamp"] == stamp
    assert abs(datetime.now(UTC) - only().time) < timedelta(minutes=1)


def test_an_exception_is_told_with_its_traceback(log, only):
    try:
        int("x")
    except ValueError:
        log.exception("order.failed")

    assert only().data["exception_type"] == "ValueError"
    assert only().data["exception"].endswith("with base 10: 'x'")
    assert only().data["level"] == "error"


def test_what_was_logged_is_dropped_where_that_is_wished(embedded):
    processor = PicoEventProcessor(embedded, drop=True)

    with pytest.raises(structlog.DropEvent):
        processor(None, "info", {"event": "order.paid"})


def test_what_was_refused_is_never_dropped(embedded):
    processor = PicoEventProcessor(embedded, drop=True)
    embedded.close()
    given = {"event": "order.paid"}

    assert processor(None, "info", given) is given


def test_its_own_records_are_passed_on_and_not_logged(embedded):
    processor = PicoEventProcessor(embedded, drop=True)
    record = logging.makeLogRecord({"name": "picoevent"})

    processor(None, "warning", {"event": "a.b", "_record": record})
    processor(None, "warning", {"event": "a.b", "logger": "picoevent.cache.redis"})
    processor(logging.getLogger("picoevent"), "warning", {"event": "a.b"})

    assert embedded.count() == 0


def test_a_call_that_is_wrong_in_every_way_does_not_reach_the_host(embedded):
    class Hostile(dict):
        def items(self):
            raise RuntimeError("no")

    given = Hostile(event="a.b")

    assert PicoEventProcessor(embedded)(object(), "info", given) is given


@pytest.mark.parametrize("arguments", [{"event_is": "sentence"}, {"event_type": "{x}"}, {"durability": "no"}], ids=str)
def test_wrong_arguments_stop_at_construction(arguments):
    with pytest.raises(SettingsError):
        PicoEventProcessor("sqlite:///x.db", **arguments)


def test_an_event_log_of_its_own_is_made_late_and_closed(sqlite_url, tmp_path):
    processor = PicoEventProcessor(sqlite_url)
    before = list(tmp_path.iterdir())

    processor(None, "info", {"event": "a.b"})
    processor.close()

    assert before == []
    assert (tmp_path / "picoevent.db").exists()


def test_structlog_is_not_imported_until_it_is_needed():
    code = "import sys, picoevent.contrib.structlog, picoevent.contrib.logging; print('structlog' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)

    assert done.stdout == "False\n"
