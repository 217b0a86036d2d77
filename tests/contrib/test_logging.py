"""`PicoEventHandler`: what a record becomes, and that it never troubles the application that logs."""

from __future__ import annotations

import logging
import logging.config
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from logging.handlers import QueueHandler, QueueListener
from uuid import UUID

import pytest

from picoevent import EventLog, Settings, SettingsError
from picoevent.contrib.logging import PicoEventHandler


class Hostile:
    def __repr__(self):
        raise RuntimeError("no")


class Recorder:
    """An event log that keeps the calls."""

    def __init__(self):
        self.calls = []
        self.settings = Settings()

    def log(self, event_type, data=None, **rest):
        self.calls.append((event_type, data, rest))


@pytest.fixture
def logger(embedded, make_logger):
    """A logger that speaks to the embedded event log."""
    return make_logger(PicoEventHandler(embedded), f"shop.orders.{os.getpid()}")


def test_a_record_becomes_an_event(logger, only):
    logger.warning("Order %d is late", 7)

    event = only()
    assert event.event_type == "log.warning"
    assert event.data["message"] == "Order 7 is late"
    assert (event.data["logger"], event.data["level"]) == (logger.name, "warning")
    assert (event.data["module"], event.data["function"]) == ("test_logging", "test_a_record_becomes_an_event")
    assert set(event.data) == {"message", "logger", "level", "module", "function", "line"}


def test_extra_names_type_user_and_source_and_the_rest_is_data(logger, only):
    logger.info("Paid", extra={"event_type": "order.paid", "user_id": "ann", "source": "shop", "amount": 42})

    event = only()
    assert (event.event_type, event.user_id, event.source) == ("order.paid", "ann", "shop")
    assert event.data["amount"] == 42
    assert {"event_type", "user_id", "source"} & set(event.data) == set()


def test_what_can_not_be_type_user_or_source_stays_in_the_data(logger, only):
    logger.info("Paid", extra={"event_type": "", "user_id": -1, "source": "\ud800"})

    event = only()
    assert (event.event_type, event.user_id, event.source) == ("log.info", None, "default")
    assert [event.data[key] for key in ("event_type", "user_id", "source")] == ["", -1, "\ufffd"]


def test_extra_does_not_hide_what_the_record_says_itself(logger, only):
    logger.info("Up", extra={"level": 3, "logger": "x"})

    data = only().data
    assert (data["level"], data["extra_level"], data["extra_logger"]) == ("info", 3, "x")


def test_an_exception_is_told_with_its_traceback_and_its_kind(logger, only):
    try:
        queue.SimpleQueue().get_nowait()
    except queue.Empty:
        logger.exception("Failed", stack_info=True)

    data = only().data
    assert data["exception_type"] == "_queue.Empty"
    assert data["exception"].endswith("_queue.Empty")
    assert "test_logging.py" in data["stack"]


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (float("nan"), "nan"),
        (1 << 70, str(1 << 70)),
        (object, "<class 'object'>"),
        (Hostile(), "<Hostile>"),
        ({1: {2}, "ok": (True, None)}, {"1": [2], "ok": [True, None]}),
        (Decimal("1.50"), "1.50"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (datetime(2026, 1, 1, tzinfo=UTC), "2026-01-01T00:00:00Z"),
        (signal.SIGTERM, 15),
        ({Hostile(): 1}, {"<Hostile>": 1}),
        ("\ud800", "\ufffd"),
        (b"\x00", "b'\\x00'"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_that_json_can_not_hold_is_kept_as_text(logger, only, value, kept):
    logger.info("Seen", extra={"value": value})

    assert only().data["value"] == kept


def test_a_record_that_is_far_too_large_is_cut_and_not_refused(make_logger, sqlite_url):
    endless = []
    endless.append(endless)
    with EventLog(sqlite_url, max_payload_bytes=10_000) as events:
        logger = make_logger(PicoEventHandler(events))
        logger.info("\x00" * 10**6, extra={"a": "é" * 10**6, "b": dict.fromkeys(range(10**5), "x"), "c": endless})

        (event,) = events.iter_events()
    assert event.data["logger"] == logger.name
    assert event.data["..."].endswith("more")


def test_a_message_that_can_not_be_made_is_kept_in_parts(logger, only, capsys):
    # Not through the logger: the handler of the test run would complain.
    logger.handlers[0].handle(logger.makeRecord("app", logging.INFO, "f.py", 1, "%d orders", ("many",), None))

    assert only().data["message"] == "'%d orders' ('many',)"
    assert capsys.readouterr().err == ""


def test_a_level_has_its_own_name_also_where_a_formatter_colours_it(logger, only):
    record = logger.makeRecord("app", 35, "f.py", 1, "Hm", (), None)
    record.levelname = "\033[33mHM\033[0m"

    logger.handle(record)

    assert (only().event_type, only().data["level"]) == ("log.level_35", "level 35")


def test_the_event_has_the_time_of_the_record(logger, only):
    record = logger.makeRecord("app", logging.INFO, "f.py", 1, "Earlier", (), None)
    record.created -= 3600

    logger.handle(record)

    assert abs((datetime.now(UTC) - only().time).total_seconds() - 3600) < 60


@pytest.mark.parametrize("created", [0.0, 1e11, float("nan")])
def test_a_record_of_an_impossible_time_is_of_now(logger, only, created):
    record = logger.makeRecord("app", logging.INFO, "f.py", 1, "When", (), None)
    record.created = created

    logger.handle(record)

    assert abs((datetime.now(UTC) - only().time).total_seconds()) < 60


@pytest.mark.parametrize(
    ("template", "made"),
    [("app.log", "app.log"), ("{logger}", "shop"), ("{logger}.{level}", "shop.error"), ("x" * 200, "x" * 100)],
)
def test_the_event_type_is_made_as_it_is_asked_for(make_logger, template, made):
    recorder = Recorder()
    logger = make_logger(PicoEventHandler(recorder, event_type=template), "shop")

    logger.error("No")

    assert recorder.calls[0][0] == made


@pytest.mark.parametrize(
    "arguments",
    [{"event_type": "{name}"}, {"event_type": "{"}, {"event_type": ""}, {"durability": "x"}, {"events": "oracle://x"}],
    ids=str,
)
def test_wrong_arguments_stop_at_construction(arguments):
    with pytest.raises(SettingsError):
        PicoEventHandler(**arguments)


def test_source_and_durability_are_handed_on(make_logger):
    recorder = Recorder()
    logger = make_logger(PicoEventHandler(recorder, source="shop", durability="spool"))

    logger.error("No")

    rest = recorder.calls[0][2]
    assert (rest["source"], rest["durability"]) == ("shop", "spool")


def test_a_configuration_in_plain_words_is_enough(sqlite_url):
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {
                "events": {
                    "class": "picoevent.contrib.logging.PicoEventHandler",
                    "events": sqlite_url,
                    "event_type": "app.{level}",
                    "level": "WARNING",
                }
            },
            "loggers": {"configured.app": {"handlers": ["events"], "level": "DEBUG", "propagate": False}},
        }
    )
    logger = logging.getLogger("configured.app")
    logger.info("Not this")
    logger.warning("This")
    logger.handlers[0].close()
    logger.handlers.clear()

    with EventLog(sqlite_url) as events:
        assert [event.event_type for event in events.iter_events()] == ["app.warning"]


def test_the_event_log_of_a_url_is_made_at_the_first_record(make_logger, sqlite_url, tmp_path):
    logger = make_logger(PicoEventHandler(sqlite_url))
    before = list(tmp_path.iterdir())
    logger.info("Now")

    assert before == []
    assert (tmp_path / "picoevent.db").exists()


def test_closing_leaves_an_event_log_that_was_given_open(embedded, make_logger):
    handler = PicoEventHandler(embedded)

    handler.close()

    assert embedded.log("still.open") is not None


def test_closing_closes_the_event_log_that_it_made(make_logger, sqlite_url):
    handler = PicoEventHandler(sqlite_url)
    logger = make_logger(handler)
    logger.info("One")
    handler.close()
    handler.close()

    logger.info("Two")

    with EventLog(sqlite_url) as events:
        assert [event.data["message"] for event in events.iter_events()] == ["One"]


@pytest.mark.parametrize("name", ["picoevent", "picoevent.cache.redis"])
def test_its_own_records_are_dropped_before_anything_else(name):
    recorder = Recorder()
    handler = PicoEventHandler(recorder)
    handler.addFilter(lambda _: pytest.fail("asked a filter"))

    handler.handle(logging.makeLogRecord({"name": name}))
    handler.handle(logging.makeLogRecord({"name": "sqlalchemy.engine", "threadName": "picoevent-writer"}))

    assert recorder.calls == []
    assert handler.lock is None


def test_what_a_library_logs_while_an_event_is_stored_is_dropped_and_else_kept(make_logger):
    recorder = Recorder()
    handler = PicoEventHandler(recorder)
    library = make_logger(handler, "sqlalchemy.engine.test")
    recorder.log = lambda _, data, **__: (recorder.calls.append(data["message"]), library.info("SELECT 1"))

    make_logger(handler).info("Stored")
    library.info("SELECT 2")

    assert recorder.calls == ["Stored", "SELECT 2"]


def test_a_value_that_logs_itself_comes_to_an_end(make_logger):
    recorder = Recorder()
    logger = make_logger(PicoEventHandler(recorder))

    class Loud:
        def __repr__(self):
            logger.info("Shown: %r", self)
            return "loud"

    logger.info("Start", extra={"value": Loud()})

    assert recorder.calls[-1][1]["value"] == "loud"


def test_nothing_reaches_the_host(make_logger, capsys):
    recorder = Recorder()
    handler = PicoEventHandler(recorder)
    logger = make_logger(handler)
    recorder.log = lambda *_, **__: 1 / 0

    logger.info("One")
    handler.addFilter(lambda _: 1 / 0)
    logger.info("Two")

    assert capsys.readouterr().err.count("ZeroDivisionError") == 2


def test_a_strict_event_log_tells_as_logging_tells_errors(make_logger, sqlite_url, capsys):
    with EventLog(sqlite_url, strict=True) as events:
        logger = make_logger(PicoEventHandler(events))
        events.close()

        logger.info("One")

    assert "the event log was closed" in capsys.readouterr().err


def test_it_works_behind_a_queue(embedded, only, make_logger):
    waiting = queue.SimpleQueue()
    listener = QueueListener(waiting, PicoEventHandler(embedded))
    logger = make_logger(QueueHandler(waiting))
    listener.start()
    try:
        int("wrong")
    except ValueError:
        logger.exception("Failed", extra={"user_id": 7})
    listener.stop()

    assert only().user_id == 7
    assert only().data["message"].endswith("with base 10: 'wrong'")


def test_many_threads_log_side_by_side(embedded, logger):
    def work(number):
        for turn in range(20):
            logger.info("Turn", extra={"turn": turn, "user_id": number})

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert Counter(event.user_id for event in embedded.iter_events()) == dict.fromkeys(range(16), 20)


def test_a_signal_handler_logs_within_a_log_call(make_logger):
    recorder = Recorder()
    logger = make_logger(PicoEventHandler(recorder))

    class Signals:
        def __repr__(self):
            signal.raise_signal(signal.SIGUSR1)
            return "signalled"

    before = signal.signal(signal.SIGUSR1, lambda *_: logger.info("Signal"))
    try:
        logger.info("Work", extra={"value": Signals()})
    finally:
        signal.signal(signal.SIGUSR1, before)

    assert [call[1]["message"] for call in recorder.calls] == ["Signal", "Work"]


def test_a_child_logs_too(embedded, logger):
    logger.info("Parent")
    child = os.fork()
    if child == 0:
        logger.info("Child")
        os._exit(0)

    assert os.waitpid(child, 0)[1] == 0
    assert {event.data["message"] for event in embedded.iter_events()} == {"Parent", "Child"}


def test_records_of_the_last_moment_are_stored(sqlite_url):
    program = (
        "import atexit, logging, sys\n"
        "from picoevent.contrib.logging import PicoEventHandler\n"
        "logging.basicConfig(handlers=[PicoEventHandler(sys.argv[1])], level=logging.INFO)\n"
        "logging.info('early')\n"
        "atexit.register(logging.info, 'late')\n"
    )
    done = subprocess.run([sys.executable, "-c", program, sqlite_url], capture_output=True, text=True, check=True)

    with EventLog(sqlite_url) as events:
        assert {event.data["message"] for event in events.iter_events()} == {"early", "late"}
    assert done.stderr == ""


def test_a_record_costs_little_beside_its_event(make_logger):
    logger = make_logger(PicoEventHandler(Recorder()))

    def seconds_each():
        began = time.perf_counter()
        for _ in range(1000):
            logger.info("Order %d is late", 7, extra={"amount": 42})
        return (time.perf_counter() - began) / 1000

    assert min(seconds_each() for _ in range(5)) < 0.000_5
