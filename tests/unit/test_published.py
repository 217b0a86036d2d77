"""What processes publish of their counters: whole, private, and in the totals exactly once."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from picoevent.write import published
from picoevent.write.published import read_published
from picoevent.write.publishing import Publisher

PUBLISHES = """
import sys, time
from pathlib import Path
from picoevent.write.publishing import Publisher
publisher = Publisher(Path(sys.argv[1]))
publisher.publish({"sent": int(sys.argv[2]), "stored": 1})
print("published", flush=True)
time.sleep(60)
"""


@pytest.fixture
def place(tmp_path):
    """The folder of all spools; it is not there yet."""
    return tmp_path / "spool"


@pytest.fixture
def start():
    """`start(place, sent)` is a process that has published and goes on living."""
    children = []

    def start(place, sent):
        child = subprocess.Popen(
            [sys.executable, "-c", PUBLISHES, str(place), str(sent)], stdout=subprocess.PIPE, env=os.environ
        )
        children.append(child)
        assert child.stdout.readline() == b"published\n"
        return child

    yield start
    for child in children:
        child.kill()
        child.wait()
        child.stdout.close()


def files(place):
    return sorted(path.name for path in (place / "counters").iterdir())


def process_files(place):
    return [name for name in files(place) if "-" in name]


def test_a_process_publishes_its_counters_for_others(place):
    Publisher(place, clock=lambda: 1000.0).publish({"sent": 3, "stored": 2})

    (process,) = read_published(place).processes
    assert (process.pid, process.alive, process.written) == (os.getpid(), True, 1000.0)
    assert process.counters == {"sent": 3, "stored": 2}
    assert process.program


def test_only_this_user_can_read_them(place):
    Publisher(place).publish({"sent": 3})

    assert place.stat().st_mode & 0o777 == (place / "counters").stat().st_mode & 0o777 == 0o700
    assert {(place / "counters" / name).stat().st_mode & 0o777 for name in files(place)} == {0o600}


def test_nothing_is_written_before_there_is_something_to_tell(place):
    publisher = Publisher(place)

    assert publisher.publish({"sent": 0, "stored": 0})
    assert not place.exists()
    assert read_published(place).processes == ()


def test_the_same_figures_are_written_once(place):
    publisher = Publisher(place)
    publisher.publish({"sent": 1})
    (path,) = (place / "counters").glob("*-*.json")
    before = path.stat().st_ino

    publisher.publish({"sent": 1})
    same = path.stat().st_ino
    publisher.publish({"sent": 2})

    assert same == before
    assert path.stat().st_ino != before


def test_two_event_logs_of_one_process_both_count(place):
    first, second = Publisher(place), Publisher(place)

    first.publish({"sent": 1})
    second.publish({"sent": 2})

    assert read_published(place).living == {"sent": 3}


def test_a_process_that_is_killed_stays_in_the_totals(place, start):
    child = start(place, 5)
    child.kill()
    child.wait()
    before = read_published(place)

    Publisher(place).publish({"sent": 1})
    after = read_published(place)

    assert (before.ended, before.living) == ({"sent": 5, "stored": 1}, {})
    assert (after.ended, after.living) == ({"sent": 5, "stored": 1}, {"sent": 1})
    assert len(process_files(place)) == 1


def test_a_process_that_lives_keeps_its_file(place, start):
    start(place, 5)

    Publisher(place).publish({"sent": 1})

    assert read_published(place).living == {"sent": 6, "stored": 1}
    assert len(process_files(place)) == 2


def test_another_process_with_the_same_pid_is_another(place):
    Publisher(place).publish({"sent": 1})
    (path,) = (place / "counters").glob("*-*.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"started": 1}))

    (process,) = read_published(place).processes

    assert not process.alive


def test_a_closed_event_log_belongs_to_the_past_while_its_process_lives(place):
    publisher = Publisher(place)
    publisher.publish({"sent": 1})
    publisher.close({"sent": 2})

    Publisher(place).publish({"sent": 10})

    assert read_published(place).ended == {"sent": 2}
    assert read_published(place).living == {"sent": 10}


def test_files_are_added_once_wherever_the_one_who_adds_them_is_killed(place, start, monkeypatch):
    child = start(place, 5)
    child.kill()
    child.wait()
    lying = {name: (place / "counters" / name).read_bytes() for name in process_files(place)}
    Publisher(place).publish({"sent": 1})
    for name, content in lying.items():
        (place / "counters" / name).write_bytes(content)
    killed_before_it_deleted = read_published(place)

    Publisher(place).publish({"sent": 1})

    assert killed_before_it_deleted.ended == {"sent": 5, "stored": 1}
    assert read_published(place).ended == {"sent": 5, "stored": 1}


def test_a_process_whose_file_was_taken_for_a_dead_one_s_goes_on_with_the_rest(place, monkeypatch):
    publisher, other = Publisher(place), Publisher(place)
    publisher.publish({"sent": 5, "stored": 5})
    with monkeypatch.context() as patch:
        patch.setattr(published, "is_alive", lambda _: False)
        other.publish({"sent": 100})

    publisher.publish({"sent": 7, "stored": 6})
    other.publish({"sent": 101})

    found = read_published(place)
    assert published.sum_counts(found.ended, found.living) == {"sent": 108, "stored": 6}


def test_a_lock_that_somebody_holds_costs_no_time_and_no_figures(place):
    publisher = Publisher(place)
    publisher.publish({"sent": 1})
    with (place / "counters" / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        locked_out = publisher.publish({"sent": 2})

    assert not locked_out
    assert publisher.publish({"sent": 2})
    assert read_published(place).living == {"sent": 2}


def test_a_frozen_process_holds_up_nobody(place, start):
    child = start(place, 5)
    child.send_signal(signal.SIGSTOP)

    assert Publisher(place).publish({"sent": 1})
    assert read_published(place).living == {"sent": 6, "stored": 1}


@pytest.mark.parametrize("rubbish", [b"", b"{", b"[]", b'{"pid": 1}', b"\xff" * 100, b'{"counters": {"sent": "x"}}'])
def test_rubbish_is_left_alone(place, rubbish):
    Publisher(place).publish({"sent": 1})
    (place / "counters" / "1-rubbish.json").write_bytes(rubbish)

    Publisher(place).publish({"sent": 2})

    assert read_published(place).living == {"sent": 3}
    assert (place / "counters" / "1-rubbish.json").read_bytes() == rubbish


def test_a_damaged_past_is_kept_beside_and_told(place, caplog):
    Publisher(place).publish({"sent": 1})
    (place / "counters" / "past.json").write_bytes(b"{broken")
    reading = read_published(place)

    Publisher(place).publish({"sent": 2})

    assert reading.past == {}
    assert (place / "counters" / "past.json.damaged").read_bytes() == b"{broken"
    assert "is damaged" in caplog.text


def test_what_a_killed_writer_left_half_done_is_removed(place):
    (place / "counters").mkdir(mode=0o700, parents=True)
    (place / "counters" / "1-a.tmp").write_bytes(b"{")

    Publisher(place).publish({"sent": 1})

    assert "1-a.tmp" not in files(place)


def test_a_place_that_can_not_be_written_is_told_once(place, caplog):
    place.write_text("a file")
    publisher = Publisher(place)

    assert not publisher.publish({"sent": 1})
    assert not publisher.close({"sent": 2})
    assert caplog.text.count("an outage would cost events") == 1
    assert Path(place).read_text() == "a file"


def test_a_disk_that_is_not_mounted_is_not_taken_for_an_empty_folder(tmp_path):
    assert not Publisher(tmp_path / "disk" / "spool").publish({"sent": 1})
    assert list(tmp_path.iterdir()) == []


def test_a_forked_child_does_not_keep_the_lock(place):
    publisher = Publisher(place)
    reading, writing = os.pipe()
    original = Publisher._write

    def forks(self, counters, *, closed):
        self.child = os.fork()
        if self.child == 0:
            os.read(reading, 1)
            os._exit(0)
        original(self, counters, closed=closed)

    publisher._write = forks.__get__(publisher)
    publisher.publish({"sent": 1})

    assert Publisher(place).publish({"sent": 2})
    os.write(writing, b"x")
    os.waitpid(publisher.child, 0)
    os.close(reading)
    os.close(writing)
