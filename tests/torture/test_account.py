"""The checker sees what it is there to see: what is lost, doubled, halved, forgotten, or refused and yet stored."""

from __future__ import annotations

import pytest

from picoevent import EventLog
from torture.account import Traces, judge, settle
from torture.frame import Verdict


@pytest.fixture
def database(mysql_url, initialise):
    """The name of a database with five events, `a` to `e`, each a batch of its own."""
    initialise(mysql_url)
    with EventLog(mysql_url) as log:
        for name in "abcde":
            log.log("tick", {"uid": name})
    return mysql_url.rpartition("/")[2].partition("?")[0]


@pytest.fixture
def failures(mariadb, database):
    """`failures(statement, ...)`: what is found wrong after these statements."""

    def failures(*statements, sent="abcde", refused=""):
        with mariadb.cursor(database) as cursor:
            cursor.execute("SELECT event_id FROM event_log ORDER BY event_id")
            ids = [event_id for (event_id,) in cursor.fetchall()]
            for statement in statements:
                cursor.execute(statement)
        acked = {name: event_id for name, event_id in zip("abcdef", [*ids, 1], strict=True) if name in sent}
        verdict = Verdict()
        judge(verdict, settle(mariadb, database, Traces(set(sent), acked, set(refused))))
        return [failure.partition(",")[0] for failure in verdict.failures]

    return failures


def test_of_what_is_as_it_should_be_nothing_is_said(failures):
    assert failures() == []


def test_an_acknowledged_event_that_is_not_there_is_lost(failures):
    assert failures(sent="abcdef") == ["1 acknowledged and lost"]


def test_a_payload_under_two_ids_is_stored_twice(failures):
    again = "SELECT event_id + 1, event_data FROM event_data ORDER BY event_id DESC LIMIT 1"
    narrow = "SELECT event_id + 1, 1, 1, NULL FROM event_log ORDER BY event_id DESC LIMIT 1"

    found = failures(f"INSERT INTO event_data {again}", f"INSERT INTO event_log {narrow}")

    assert found == ["1 stored twice", "1 stored and not pending"]


def test_a_batch_that_is_pending_twice_would_be_counted_twice(failures):
    again = "INSERT INTO pending (events, packed) SELECT events, packed FROM pending LIMIT 1"

    assert failures(again) == ["1 in pending twice"]


def test_a_row_without_its_payload_and_without_its_batch_is_seen(failures):
    assert failures("DELETE FROM pending ORDER BY seq LIMIT 1") == ["1 stored and not pending"]
    assert failures("DELETE FROM event_log ORDER BY event_id LIMIT 1")[-1] == "1 stored by half"


def test_an_event_that_was_refused_must_not_be_stored(failures):
    assert failures(sent="abcd", refused="e") == ["1 refused and yet stored"]


def test_a_line_that_was_cut_off_says_nothing(tmp_path):
    path = tmp_path / "worker.trace"
    path.write_text("> a\n+ a 7\n> b\n- b\n> c\n+ c 123")

    traces = Traces()
    traces.read(path)

    assert (traces.acked, traces.refused, traces.unanswered) == ({"a": 7}, {"b"}, {"c"})
