"""One event log in many threads, before and after a fork, and in a host that hands it anything at all."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from picoevent import EventLog
from picoevent.ids import id_unix_ms


def test_threads_share_an_event_log_and_lose_nothing(ready_url):
    ids = []
    with EventLog(ready_url, deadline_ms=20_000) as events:

        def work(name):
            ids.extend(events.log("tick", {"n": n}, user_id=name) for n in range(40))

        threads = [threading.Thread(target=work, args=(f"user-{n % 3}",)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len(set(ids) - {None}) == 320
        assert events.count() == 320


def test_a_client_made_before_fork_works_in_the_child_and_in_the_parent(ready_url):
    with EventLog(ready_url, deadline_ms=20_000) as events:
        events.log("parent")
        children = []
        for _ in range(4):
            child = os.fork()
            if child == 0:
                logged = [events.log("child") for _ in range(25)]
                os._exit(0 if None not in logged else 1)
            children.append(child)
        here = [events.log("parent") for _ in range(25)]
        statuses = [os.waitpid(child, 0)[1] for child in children]

        assert statuses == [0] * 4
        assert None not in here
        assert events.count(event_type="child") == 100
        assert events.count(event_type="parent") == 26


def test_calls_that_interrupt_the_start_of_the_writer_do_not_wait_for_it(sqlite_url, monkeypatch, caplog):
    """As finalizers do, one after the other: the writer can't start before they return."""
    start = threading.Thread.start
    with EventLog(sqlite_url, deadline_ms=300) as events:

        def interrupted_start(thread):
            if thread.name == "picoevent-writer":
                interrupting.extend(events.log("finalizer") for _ in range(3))
            start(thread)

        interrupting = []
        monkeypatch.setattr(threading.Thread, "start", interrupted_start)
        assert events.log("host")
        assert events.flush() == 0
        assert events.count() == 4
    assert len(interrupting) == 3
    assert "away" not in caplog.text


def test_a_fork_during_a_call_of_another_thread_does_not_hang_the_child(sqlite_url):
    with EventLog(sqlite_url, deadline_ms=20_000) as events:
        stop = threading.Event()

        def busy():
            while not stop.is_set():
                events.log("busy")

        thread = threading.Thread(target=busy)
        thread.start()
        statuses = []
        for _ in range(10):
            child = os.fork()
            if child == 0:
                os._exit(0 if events.log("child") else 1)
            statuses.append(os.waitpid(child, 0)[1])
        stop.set()
        thread.join()

        assert statuses == [0] * 10
        assert events.count(event_type="child") == 10


def test_a_stream_begun_before_a_fork_goes_on_in_both(ready_url):
    with EventLog(ready_url, deadline_ms=20_000) as events:
        events.log_many({"event_type": "tick", "data": {"n": n}} for n in range(300))
        stream = events.iter_events()
        next(stream)
        child = os.fork()
        if child == 0:
            os._exit(0 if len(list(stream)) == 299 else 1)
        here = len(list(stream))
        _, status = os.waitpid(child, 0)

        assert (here, status) == (299, 0)


def test_multiprocessing_by_spawn_and_by_fork_log_into_one_database(sqlite_url):
    with EventLog(sqlite_url, deadline_ms=20_000) as events:
        events.log("parent")
        for method in ("spawn", "fork"):
            process = multiprocessing.get_context(method).Process(target=_log_some, args=(sqlite_url,))
            process.start()
            process.join()
            assert process.exitcode == 0

        assert events.count(event_type="child") == 20


def _log_some(url):
    with EventLog(url, deadline_ms=20_000) as events:
        assert None not in [events.log("child") for _ in range(10)]


class Hostile:
    """Raises whatever is done with it."""

    def __getattribute__(self, name):
        raise ZeroDivisionError

    __str__ = __repr__ = __eq__ = __len__ = __iter__ = __bool__ = __hash__ = lambda *_: 1 / 0


class HostileMapping(dict):
    def items(self):
        raise ZeroDivisionError

    def __iter__(self):
        raise ZeroDivisionError


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.datetimes()
    | st.builds(Hostile) | st.just(HostileMapping(a=1)) | st.functions(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers() | st.none(), inner) | st.tuples(inner),
    max_leaves=5,
)  # fmt: skip


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text() | anything, anything, anything, anything, anything)
def test_log_never_raises_into_its_host(events, event_type, data, user_id, source, at):
    before = events.counters()

    event_id = events.log(event_type, data, user_id=user_id, source=source, at=at)

    assert event_id is None or id_unix_ms(event_id) > 0
    after = events.counters()
    assert after["sent"] == before["sent"] + 1
    assert after["stored"] + after["refused"] == before["stored"] + before["refused"] + 1


def test_importing_picoevent_does_not_load_the_database_or_the_web():
    libraries = ("sqlalchemy", "pymysql", "flask", "redis", "click")
    program = f"import sys, picoevent; print([name for name in {libraries} if name in sys.modules])"

    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert loaded.stdout.strip() == "[]"


def test_processes_that_are_the_first_to_read_a_file_all_get_an_answer(sqlite_url):
    program = f"from picoevent import EventLog; print(EventLog({sqlite_url!r}).events().events)"

    readers = [subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) for _ in range(8)]

    assert [reader.communicate()[0] for reader in readers] == ["()\n"] * 8
