"""What `status` tells of the processes of this machine, and that the sums stay right when they end."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from prometheus_client.parser import text_string_to_metric_families

from picoevent.cli.processes import FIGURES
from picoevent.ids import IdMinter, id_time
from picoevent.spool import Spool, SpooledEvent
from picoevent.write.publishing import Publisher

ENDS = """
import sys, json
from pathlib import Path
from picoevent.write.publishing import Publisher
Publisher(Path(sys.argv[1])).publish(json.loads(sys.argv[2]))
"""


ASKS = """
from picoevent import EventLog
with EventLog() as events:
    events.report("top_types")
"""


@pytest.fixture
def folder(embedded_url, tmp_path):
    return tmp_path / "picoevent.db-spool"


@pytest.fixture
def ended(folder):
    """`ended(sent=3)` is a process that has published this and is gone."""

    def ended(**counters):
        subprocess.run([sys.executable, "-c", ENDS, str(folder), json.dumps(counters)], check=True, env=os.environ)

    return ended


@pytest.fixture
def status(run):
    return lambda: json.loads(run("status", "--format", "json").stdout)


def test_each_living_process_has_a_row_beside_those_that_ended_and_the_total(status, folder, ended):
    ended(sent=5, stored=5)
    Publisher(folder).publish({"sent": 3, "stored": 2, "refused": 1, "refused.second_full": 1})

    living, past, total = status()["processes"]

    assert (living["pid"], living["sent"], living["refused"]) == (os.getpid(), 3, 1)
    assert (past["process"], past["sent"]) == ("ended", 5)
    assert (total["process"], total["sent"], total["stored"]) == ("total", 8, 7)
    assert status()["refused"] == {"second_full": 1}


def test_what_waits_is_counted_on_the_disk_and_not_summed_up_from_the_dead(status, folder, ended):
    ended(sent=9, stored=4, spooled=5)
    ended(sent=1, stored=5, adopted=5, spooled=1)
    room = Spool(folder, 10**9)
    room.append([SpooledEvent(IdMinter().mint(), "a", "shop", None, None)])
    room.close()

    ended_row, total = status()["processes"]

    assert (total["sent"], total["stored"], total["spooled"]) == (10, 9, 1)
    assert ended_row["spooled"] == 1
    assert status()["spool"]["events"] == status()["spool"]["of_dead_processes"] == 1


def test_the_total_adds_up_also_where_a_process_was_cut_off(status, folder, ended):
    ended(sent=6, stored=4, in_flight=2)
    Publisher(folder).publish({"sent": 3, "stored": 1, "set_aside": 1, "in_flight": 1})

    total = status()["processes"][-1]

    assert total["cut_off"] == 2
    assert total["sent"] == sum(
        total[name] for name in ("stored", "refused", "spooled", "set_aside", "lost", "in_flight", "cut_off")
    )
    assert set(FIGURES) <= set(total)


def test_people_see_a_table_that_shows_seldom_things_when_they_happen(run, folder, ended):
    Publisher(folder).publish({"sent": 1234, "stored": 1234})
    plain = run("status").stdout
    ended(sent=1, in_flight=1)

    unusual = run("status").stdout

    assert f"{os.getpid():<7}" in plain
    assert "1,234" in plain
    assert "CUT OFF" not in plain
    assert "CUT OFF" in unusual
    assert unusual.splitlines()[-1] == "Problems          none"


def test_where_nobody_has_logged_that_is_said(run, folder):
    assert "Processes         none of this machine has sent an event yet" in run("status").stdout
    assert not folder.exists()


def test_what_was_set_aside_is_a_problem(status, folder):
    room = Spool(folder, 10**9)
    room.append([SpooledEvent(IdMinter().mint(), "a", "shop", None, None)])
    batch = room.next_batch()
    room.set_aside(batch, [(batch.events[0], "too long")])
    room.done(batch)
    room.close()

    assert status()["problems"] == ["Spool: 1 event was set aside. See: picoevent spool status"]


def test_two_event_logs_of_one_process_are_one_row(run, status, folder):
    for _ in range(2):
        Publisher(folder).publish({"sent": 3, "stored": 3})

    living, *_, total = status()["processes"]

    assert (living["pid"], living["sent"], total["sent"]) == (os.getpid(), 6, 6)
    assert metrics(run("status", "--format", "prometheus").stdout)["picoevent_processes",] == 1


@pytest.mark.parametrize(
    ("kilobytes", "words"),
    [
        (999, "full (1.0 of 1 MB): events that find no room in it are refused."),
        (900, "nearly full (0.9 of 1 MB): once it is full, events are refused."),
    ],
    ids=["full", "nearly full"],
)
def test_a_spool_without_room_is_a_problem(run, status, folder, monkeypatch, kilobytes, words):
    monkeypatch.setenv("PICOEVENT_SPOOL_MAX_MB", "1")
    room = Spool(folder, 10**6)
    room.append([SpooledEvent(IdMinter().mint(), "a", "shop", None, b"x" * 1000 * kilobytes)])
    room.close()

    (problem,) = status()["problems"]

    assert problem.startswith(f"Spool: {words}")
    assert f"warning: {words}" in run("spool", "status").stderr


def test_a_disk_with_little_room_is_a_problem(status, folder, monkeypatch):
    monkeypatch.setattr("picoevent.spool.status.disk_free_bytes", lambda _: 12_340_000)

    assert status()["problems"] == [
        f"Spool: the disk of {folder} has 12.3 MB left: once it is full, events that have to wait are refused."
    ]


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("file", "is no folder"),
        ("~/spool", "there is no folder"),
        ("file/spool", "file is no folder"),
    ],
)
def test_a_place_where_no_event_could_wait_is_a_problem(status, clean_place, monkeypatch, embedded_url, place, words):
    (clean_place / "file").touch()
    monkeypatch.setenv("PICOEVENT_SPOOL_DIR", place)

    (problem,) = status()["problems"]

    assert problem.startswith(f"Spool: events of this user can't wait in {clean_place / place}: ")
    assert words in problem


def test_a_place_that_is_open_to_others_is_a_problem(status, folder):
    folder.mkdir()
    folder.chmod(0o777)

    assert status()["problems"] == [f"Spool: other users can write into {folder} (mode 777): chmod 700 ends that."]


def test_a_place_of_another_user_is_a_problem(status, folder, monkeypatch):
    folder.mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: 54_321)

    assert "it belongs to " in status()["problems"][0]


def test_a_place_that_can_not_be_found_is_a_problem_and_no_failure(run, mysql_url, monkeypatch):
    run("--url", mysql_url, "init")
    monkeypatch.delenv("HOME")
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)

    result = run("--url", mysql_url, "status", "--format", "json")

    assert result.exit_code == 0
    assert "PICOEVENT_SPOOL_DIR" in json.loads(result.stdout)["problems"][0]


def metrics(text):
    families = text_string_to_metric_families(text)
    return {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}


def test_prometheus_reads_the_sums_of_all_processes(run, folder, ended):
    ended(sent=9, stored=3, spooled=4, in_flight=2)
    Publisher(folder).publish({"sent": 3, "stored": 2, "refused": 1, "refused.second_full": 1})
    event_id = IdMinter().mint()
    room = Spool(folder, 10**9)
    room.append([SpooledEvent(event_id, "a", "shop", None, None)])
    room.close()

    found = metrics(run("status", "--format", "prometheus").stdout)

    assert found["picoevent_events_sent_total",] == 12
    assert found["picoevent_events_total", "stored"] == 5
    assert found["picoevent_events_refused_total", "second_full"] == 1
    assert (found["picoevent_events_spooled",], found["picoevent_spool_events",]) == (0, 1)
    assert (found["picoevent_events_cut_off_total",], found["picoevent_processes",]) == (2, 1)
    assert found["picoevent_spool_max_bytes",] == 1_024_000_000
    assert found["picoevent_spool_disk_free_bytes",] > 0
    assert found["picoevent_spool_oldest_event_timestamp_seconds",] == int(id_time(event_id).timestamp())


def test_a_database_that_is_away_is_a_metric_and_no_failure(run, tmp_path):
    result = run(
        "--url", "mysql://app@127.0.0.1:1/x", "status", "--spool-dir", tmp_path / "s", "--format", "prometheus"
    )

    assert result.exit_code == 0
    assert metrics(result.stdout)["picoevent_database_up",] == 0
    assert "warning: MySQL at 127.0.0.1:1 does not answer" in result.stderr


def test_status_tells_how_many_answers_came_from_the_cache(run, status, folder, ended):
    ended(report_hits=60, report_misses=10, report_computations=12)
    Publisher(folder).publish({"report_hits": 20, "report_stale": 10, "report_waits": 3})

    assert status()["report_cache"] == {
        "hits": 80, "stale": 10, "misses": 10, "computations": 12, "waits": 3, "hit_rate": 0.9,
    }  # fmt: skip
    assert "Report cache      90% of answers from it: 80 hits, 10 misses, 10 stale" in run("status").stdout


def test_what_one_process_has_computed_is_a_hit_for_the_others_and_status_adds_them_up(
    status, folder, redis_url, monkeypatch
):
    monkeypatch.setenv("PICOEVENT_CACHE_URL", redis_url)

    for _ in range(3):
        subprocess.run([sys.executable, "-c", ASKS], check=True, env=os.environ)

    assert status()["report_cache"] == {
        "hits": 2, "stale": 0, "misses": 1, "computations": 1, "waits": 0, "hit_rate": 0.667,
    }  # fmt: skip


def test_status_says_where_no_report_was_asked_for(run, ended):
    ended(sent=1, stored=1)

    assert "Report cache      no report was asked for yet" in run("status").stdout
