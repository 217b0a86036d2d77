"""One folds, others stand by; when the leader is gone, or frozen, another one folds within five seconds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from picoevent import EventLog, Settings
from picoevent.fold.alone import LoneFold
from picoevent.fold.turns import StandBy
from picoevent.fold.worker import Folder

from .conftest import init

TAKE_OVER_SECONDS = 5.0
PATIENCE_SECONDS = 20.0
HOLDING = """
import sys
from picoevent import Settings
from picoevent.fold.worker import Folder
folder = Folder(Settings(url=sys.argv[1]))
folder.fold_round()
with folder.turns.leading() as turn:
    print("leading", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def now():
    """The moment at which the clock of all that fold stands, in milliseconds."""
    return [1_790_000_000_000]


@pytest.fixture
def two(ready_url, now):
    """Two that fold one database."""
    two = [Folder(Settings(url=ready_url), clock=lambda _connection: now[0]) for _ in range(2)]
    yield two
    for folder in two:
        folder.close()


def test_the_second_one_stands_by_until_the_first_heart_stops(two, now):
    first, second = two
    first.fold_all()

    with pytest.raises(StandBy):
        second.fold_all()
    now[0] += 2999
    with pytest.raises(StandBy):
        second.fold_all()
    now[0] += 1

    assert second.fold_all() == 0
    with pytest.raises(StandBy):
        first.fold_all()


def test_a_clock_that_was_put_back_does_not_keep_a_dead_leader_alive(two, now):
    first, second = two
    first.fold_all()

    now[0] -= 3_600_000

    assert second.fold_all() == 0


def test_a_leader_that_closes_lets_the_next_one_lead_at_once(two):
    first, second = two
    first.fold_all()

    first.close()

    assert second.fold_all() == 0


def test_two_that_fold_in_turn_count_each_event_once(two, now, events):
    for _ in range(4):
        for folder in two:
            now[0] += 3000
            events.log("a", user_id=2**40 + 1)
            assert folder.fold_all() == 1


@pytest.mark.parametrize("signal_number", [signal.SIGSTOP, signal.SIGKILL])
def test_a_leader_frozen_or_killed_within_a_transaction_is_taken_over_from(mysql_url, signal_number):
    init(mysql_url)
    with EventLog(mysql_url) as events:
        events.log("a")
    leader = subprocess.Popen(
        [sys.executable, "-c", HOLDING, mysql_url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ
    )
    folder = Folder(Settings(url=mysql_url))
    try:
        leader.stdout.readline()
        leader.send_signal(signal_number)
        begun = time.monotonic()
        while not folds(folder):
            assert time.monotonic() < begun + PATIENCE_SECONDS
        took = time.monotonic() - begun
    finally:
        leader.kill()
        leader.communicate()
        folder.close()

    assert took < TAKE_OVER_SECONDS


def folds(folder):
    """Try as a worker does."""
    try:
        folder.fold_round()
    except StandBy:
        time.sleep(0.5)  # the worker's own pause
        return False
    return True


def test_a_worker_counts_what_is_logged_until_it_is_told_to_stop(ready_url, events):
    folder, stop = Folder(Settings(url=ready_url)), threading.Event()
    thread = threading.Thread(target=folder.run, args=(stop,))
    thread.start()
    begun = time.monotonic()
    events.log("a")
    while folder.store and waiting(folder) and time.monotonic() < begun + PATIENCE_SECONDS:
        stop.wait(0.05)
    counted = waiting(folder) == 0
    stop.set()
    thread.join(PATIENCE_SECONDS)
    folder.close()

    assert counted
    assert not thread.is_alive()


def waiting(folder):
    with folder.store.transaction() as connection:
        return connection.exec_driver_sql("SELECT COUNT(*) FROM pending").scalar()


def test_who_is_alone_folds_before_asking_and_lets_a_worker_lead_at_once(ready_url, events, folder):
    alone = LoneFold(Settings(url=ready_url))
    events.log("a")

    alone.catch_up()

    assert waiting(folder) == 0
    assert folder.fold_all() == 0
    alone.close()


def test_who_is_not_alone_leaves_it_to_the_worker(ready_url, events, folder):
    folder.fold_all()
    alone = LoneFold(Settings(url=ready_url))
    events.log("a")

    alone.catch_up()

    assert waiting(folder) == 1
    alone.close()


def test_a_database_that_is_away_is_said_once_and_raises_nothing(caplog):
    alone = LoneFold(Settings(url="mysql+pymysql://nobody@127.0.0.1:1/none"))

    alone.catch_up()
    alone.catch_up()

    assert caplog.text.count("reports lack the newest events") == 1
    alone.close()


def test_who_folds_alone_goes_on_where_it_was_when_nobody_else_has_folded_since(two, events):
    first, second = two
    first.fold_all()
    dropped = []
    first._rounds.drop = lambda: dropped.append(1)
    for _ in range(2):
        events.log("a")
        first.turns.resign()
        first.fold_all()
    alone = list(dropped)
    first.turns.resign()
    events.log("a")
    second.fold_all()
    second.turns.resign()
    first.fold_all()

    assert (alone, dropped) == ([], [1])
