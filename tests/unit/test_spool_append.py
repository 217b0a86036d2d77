"""Appending to a spool: all or nothing, from any thread and at any bytecode; full, stalled and broken disks."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import signal
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from picoevent.errors import SpoolFull, SpoolUnavailable
from picoevent.spool import Spool, SpooledEvent, syncing
from picoevent.spool.segment import START_BYTES

MB = 1_000_000


def event(number):
    return SpooledEvent(number, "tick", "default", "user", b'{"n":%d}' % number)


def ids_in(spool):
    ids = []
    while (batch := spool.next_batch()) is not None:
        ids += [found.event_id for found in batch.events]
        assert (batch.corrupt, batch.lost, batch.again) == (0, 0, 0)
        spool.done(batch)
    return ids


def ids_after_death(folder):
    spool = Spool(folder, 100 * MB)
    adopted = spool.adopt()
    ids = ids_in(spool)
    spool.close()
    assert len(ids) == adopted
    return ids


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "spool"


@pytest.fixture
def spool(folder):
    spool = Spool(folder, 100 * MB)
    yield spool
    spool.close()


@pytest.fixture
def stalled_disk(monkeypatch):
    """A sync that does not return before `.release()`."""
    gate = threading.Event()
    entered = threading.Event()

    def fdatasync(_fd):
        entered.set()
        gate.wait(10)

    double = SimpleNamespace(**{name: getattr(os, name) for name in ("open", "close", "fsync", "O_RDONLY")})
    double.O_DIRECTORY, double.O_CLOEXEC, double.fdatasync = os.O_DIRECTORY, os.O_CLOEXEC, fdatasync
    monkeypatch.setattr(syncing, "os", double)
    yield SimpleNamespace(release=gate.set, entered=entered)
    gate.set()


def test_nothing_touches_the_disk_before_the_first_event(folder, spool):
    assert not folder.exists()
    assert spool.adopt() == 0
    assert spool.next_batch() is None
    assert not folder.exists()


def test_files_are_for_their_owner_alone(folder, spool):
    spool.append([event(1)])

    process = next(folder.iterdir())
    modes = {path.stat().st_mode & 0o777 for path in process.iterdir()}

    assert [path.stat().st_mode & 0o777 for path in (folder, process)] == [0o700, 0o700]
    assert modes == {0o600}


def test_an_append_is_synced_at_once_where_somebody_waits(folder):
    spool = Spool(folder, MB, sync_ms=60_000)
    positions = [spool.append([event(n)]) for n in (1, 2)]

    assert [spool.wait_synced(position, 10) for position in positions] == [True, True]
    spool.close()


def test_many_waiters_share_a_sync(spool, stalled_disk):
    answers = []
    threads = [
        threading.Thread(target=lambda n=n: answers.append(spool.wait_synced(spool.append([event(n)]), 10)))
        for n in range(64)
    ]
    for thread in threads:
        thread.start()
    stalled_disk.entered.wait(10)
    stalled_disk.release()
    for thread in threads:
        thread.join()

    assert answers == [True] * 64
    assert sorted(ids_in(spool)) == list(range(64))


def test_a_stalled_disk_holds_no_waiter_and_then_no_append(folder, stalled_disk):
    spool = Spool(folder, MB, stall_ms=50)
    position = spool.append([event(1)])
    stalled_disk.entered.wait(10)

    assert spool.wait_synced(position, 0.1) is False
    with pytest.raises(SpoolUnavailable, match="has not answered for"):
        spool.append([event(2)])
    stalled_disk.release()
    assert spool.wait_synced(position, 10)
    spool.append([event(3)])
    spool.close()
    assert ids_after_death(folder) == [1, 3]


def test_a_stalled_disk_holds_close_for_a_second_at_most(spool, stalled_disk):
    spool.append([event(1)])
    begin = time.monotonic()

    spool.close()

    assert time.monotonic() - begin < 1.5


def test_what_is_taken_back_is_not_read_here_or_by_who_adopts(folder, spool, stalled_disk):
    spool.append([event(n) for n in (1, 2, 3)])

    assert spool.cancel([2, 99]) == {2}
    assert spool.pending == 2
    stalled_disk.release()
    spool.close()

    assert ids_after_death(folder) == [1, 3]


def test_what_is_handed_out_can_not_be_taken_back(spool, stalled_disk):
    spool.append([event(1)])
    batch = spool.next_batch()

    assert spool.cancel([1]) == set()
    assert batch.events == [event(1)]
    assert spool.pending == 1


def test_what_is_taken_back_leaves_nothing_pending(spool, stalled_disk):
    spool.append([event(1), event(2)])

    assert spool.cancel([1, 2]) == {1, 2}
    assert spool.pending == 0
    assert spool.next_batch() is None


def test_a_sync_that_fails_fails_its_waiters_and_ends_the_segment(folder, spool, monkeypatch):
    def fail(_fd):
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", fail)
        failed = spool.wait_synced(spool.append([event(1)]), 10)
    succeeded = spool.wait_synced(spool.append([event(2)]), 10)

    assert (failed, succeeded) == (False, True)
    assert len([path for path in next(folder.iterdir()).iterdir() if path.name.startswith("0")]) == 2
    assert ids_in(spool) == [1, 2]


def test_a_folder_that_is_removed_is_noticed_before_anything_in_it_is_acknowledged(folder, spool, caplog):
    assert spool.wait_synced(spool.append([event(1)]), 5)
    shutil.rmtree(folder)

    in_nothing = spool.wait_synced(spool.append([event(2)]), 5)
    in_a_new_one = spool.wait_synced(spool.append([event(3)]), 5)

    assert (in_nothing, in_a_new_one) == (False, True)
    assert "was removed while it was in use" in caplog.text
    assert spool.pending == 3
    lost = 0
    while (batch := spool.next_batch()) is not None:
        lost += batch.lost
        spool.done(batch)
    assert (lost, spool.pending) == (2, 0)


def test_what_is_appended_after_a_folder_was_removed_survives_the_process(folder, spool):
    spool.append([event(1)])
    spool.sync()
    shutil.rmtree(folder)
    spool.wait_synced(spool.append([event(2)]), 5)
    spool.append([event(3)])

    spool.close()

    assert ids_after_death(folder) == [3]


def test_the_cap_counts_the_segments_of_all_processes(folder, spool):
    other = Spool(folder, 100 * MB)
    other.append([SpooledEvent(1, "large", "default", None, b"x" * 5000)])
    small = Spool(folder, 10_000)
    large = SpooledEvent(2, "large", "default", None, b"x" * 1000)
    accepted = [small.append([large]) for _ in range(4)]
    with pytest.raises(SpoolFull, match="spool_max_mb"):
        small.append([large])
    held = sum(path.stat().st_size for path in folder.glob("*/0*"))
    small.close()
    other.close()

    assert len(accepted) == 4
    assert 9_000 < held <= 10_000


def test_a_spool_that_is_drained_has_room_again(folder):
    spool = Spool(folder, 5_000, segment_bytes=1_000)
    for _ in range(5):
        with pytest.raises(SpoolFull):
            _append_forever(spool)
        assert len(ids_in(spool)) > 10
    spool.close()


def _append_forever(spool):
    while True:
        spool.append([event(1)])


def test_a_list_is_kept_whole_or_not_at_all(folder):
    spool = Spool(folder, 1_000)
    spool.append([event(1)])

    with pytest.raises(SpoolFull):
        spool.append([event(n) for n in range(2, 100)])

    assert ids_in(spool) == [1]
    spool.close()


def test_a_full_disk_keeps_what_was_acknowledged(folder):
    child = os.fork()
    if child == 0:
        try:
            status = _fill_a_disk(folder)
        finally:
            os._exit(status)

    assert os.waitpid(child, 0)[1] == 0
    assert ids_after_death(folder) == list(range(int((folder.parent / "accepted").read_text())))


def _fill_a_disk(folder):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, 5_000))
    spool = Spool(folder, 100 * MB)
    for number in range(1000):
        try:
            spool.append([event(number)])
        except SpoolFull:
            (folder.parent / "accepted").write_text(str(number))
            return 0 if next(folder.glob("*/0*")).stat().st_size <= 5_000 else 2
    return 1


def test_an_append_at_any_bytecode_of_another_loses_nothing(folder):
    moment = 0
    expected = []
    spool = Spool(folder, 100 * MB, segment_bytes=200)
    while True:
        interruption = Interruption(moment, lambda n=moment: spool.append([event(2 * n + 1)]))
        interruption.during(lambda n=moment: spool.append([event(2 * n)]))
        expected.append(2 * moment)
        if not interruption.happened:
            break
        expected.append(2 * moment + 1)
        moment += 1
    pending = spool.pending
    read = ids_in(spool)
    spool.close()

    assert moment > 150
    assert pending == len(expected)
    assert sorted(read) == sorted(expected)


def test_an_exception_at_any_bytecode_of_an_append_leaves_a_whole_spool(folder):
    moment = 0
    acknowledged = set()
    spool = Spool(folder, 100 * MB, segment_bytes=300)
    spool.append([event(1_000_000)])
    happened = True
    while happened and moment < 1000:
        interruption = Interruption(moment, _interrupt)
        try:
            interruption.during(lambda n=moment: spool.append([event(n)]))
            acknowledged.add(moment)
        except KeyboardInterrupt:
            pass
        happened = interruption.happened
        moment += 1
    read = ids_in(spool)
    spool.close()

    assert len(read) == len(set(read))
    assert acknowledged <= set(read)
    assert moment > 150


def _interrupt():
    raise KeyboardInterrupt


class Interruption:
    """Call something at the n-th bytecode that runs in the spool's own code."""

    def __init__(self, moment, call):
        self._left = moment
        self._call = call
        self.happened = False

    def during(self, work):
        sys.settrace(self._trace)
        try:
            work()
        finally:
            sys.settrace(None)

    def _trace(self, frame, kind, _argument):
        if "picoevent/spool" not in frame.f_code.co_filename or self.happened:
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        if kind == "opcode":
            self._left -= 1
            if self._left < 0:
                self.happened = True
                sys.settrace(None)
                self._call()
        return self._trace


def test_signal_handlers_that_append_while_appending_lose_nothing(folder, spool):
    handled = []

    def handle(_number, _frame):
        handled.append(1_000_000 + len(handled))
        spool.append([event(handled[-1])])

    before = signal.signal(signal.SIGVTALRM, handle)
    signal.setitimer(signal.ITIMER_VIRTUAL, 0.01, 0.01)
    try:
        number = 0
        while len(handled) < 20:
            spool.append([event(number)])
            number += 1
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)

    assert sorted(ids_in(spool)) == [*range(number), *handled]


def test_64_threads_lose_nothing_while_one_reads(spool):
    def work(first):
        for number in range(first, first + 50):
            spool.append([event(number)])

    threads = [threading.Thread(target=work, args=(1000 * n,)) for n in range(64)]
    for thread in threads:
        thread.start()
    read = ids_in(spool)
    for thread in threads:
        thread.join()

    assert sorted(read + ids_in(spool)) == [1000 * n + k for n in range(64) for k in range(50)]


def test_a_fork_gives_the_child_a_spool_of_its_own(folder, spool):
    spool.append([event(1)])
    child = os.fork()
    if child == 0:
        spool.append([event(2)])
        os._exit(0 if spool.pending == 1 and spool.wait_synced(spool.append([event(3)]), 10) else 1)
    spool.append([event(4)])

    assert os.waitpid(child, 0)[1] == 0
    assert ids_in(spool) == [1, 4]
    assert spool.adopt() == 2
    assert ids_in(spool) == [2, 3]


def test_the_lock_of_a_dead_parent_does_not_live_on_in_its_child(folder, tmp_path):
    ready, go_on = os.pipe(), os.pipe()
    parent = os.fork()
    if parent == 0:
        spool = Spool(folder, MB)
        spool.append([event(1)])
        if os.fork() == 0:
            os.write(ready[1], b"x")
            os.read(go_on[0], 1)
        os._exit(0)
    os.waitpid(parent, 0)
    os.read(ready[0], 1)

    assert ids_after_death(folder) == [1]
    os.write(go_on[1], b"x")


def test_a_fork_within_a_signal_handler_within_an_append_writes_once(folder, spool):
    children = []

    def fork_and_leave():
        child = os.fork()
        if child:
            children.append(child)

    spool.append([event(0)])
    me = os.getpid()
    for moment in range(0, 120, 3):
        status = 1
        try:
            Interruption(moment, fork_and_leave).during(lambda n=moment: spool.append([event(n + 1)]))
            status = 0
        finally:
            if os.getpid() != me:
                os._exit(status)
    for child in children:
        assert os.waitpid(child, 0)[1] == 0

    read = ids_in(spool)
    assert read == [0, *range(1, 121, 3)]


def test_close_is_for_good_and_can_be_repeated(folder):
    spool = Spool(folder, MB)
    spool.append([event(1)])
    spool.close()
    spool.close()

    with pytest.raises(SpoolUnavailable, match="is closed"):
        spool.append([event(2)])
    assert (spool.pending, spool.adopt(), spool.next_batch()) == (0, 0, None)
    assert ids_after_death(folder) == [1]


def test_a_spool_without_events_leaves_no_folder_and_no_descriptor(folder):
    before = len(list(Path("/proc/self/fd").iterdir()))
    spool = Spool(folder, MB)
    spool.append([event(1)])
    ids_in(spool)

    spool.close()

    assert list(folder.iterdir()) == []
    assert len(list(Path("/proc/self/fd").iterdir())) <= before


def test_a_segment_that_is_full_is_renamed_and_never_changes_again(folder):
    spool = Spool(folder, MB, segment_bytes=START_BYTES + 100)
    for number in range(10):
        spool.append([event(number)])
    spool.sync()
    spool.close()

    names = sorted(path.suffix for path in folder.glob("*/0*"))
    assert names.count(".open") == 1
    assert names.count(".spool") > 3
