"""`status` and `settings`: how things are, and why."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest


def test_status_tells_how_the_database_is(run, ready_url):
    run("log", "signup")
    run("log", "order.paid", "--source", "shop")
    run("worker", "--once")

    result = run("status", "--format", "json")
    status = json.loads(result.stdout)

    assert result.exit_code == 0
    assert (status["schema_version"], status["event_types"], status["sources"]) == (3, 2, 2)
    assert status["newest_event_age_seconds"] < 60
    assert status["replica"] == "none set"
    assert status["problems"] == []


def test_status_says_what_waits_to_be_counted_and_who_counts(run, ready_url):
    run("log", "signup")
    before = json.loads(run("status", "--format", "json").stdout)
    counted = run("worker", "--once")
    after = json.loads(run("status", "--format", "json").stdout)

    assert counted.stdout == "1 event counted.\n"
    assert (before["pending_events"], after["pending_events"]) == (1, 0)
    assert before["rollups"].endswith("1 event waits")


def test_status_is_a_line_a_fact_for_people(run, embedded_url):
    lines = run("status").stdout.splitlines()

    assert lines[0].startswith("Server            SQLite ")
    assert "Newest event      none yet" in lines
    assert lines[-1] == "Problems          none"


def test_status_of_a_database_that_is_away_says_so_and_exits_with_3(run):
    result = run("--url", "mysql://app@127.0.0.1:1/picoevent", "status")

    assert result.exit_code == 3
    assert "Server            away" in result.stdout
    assert "MySQL at 127.0.0.1:1 does not answer" in result.stdout.splitlines()[-1]


def test_status_of_a_database_that_lacks_a_table_exits_with_3(run, mysql_url, mariadb):
    run("--url", mysql_url, "init")
    with mariadb.cursor(urlsplit(mysql_url).path[1:]) as cursor:
        cursor.execute("DROP TABLE event_log")

    result = run("--url", mysql_url, "status")

    assert result.exit_code == 3
    assert "Problems          Events can't be read: MySQL at " in result.stdout


def test_status_does_not_make_the_file_that_it_misses(run, clean_place):
    result = run("status")

    assert result.exit_code == 3
    assert f"Problems          There is no file {Path.cwd()}/picoevent.db." in result.stdout
    assert list(clean_place.iterdir()) == []


def test_status_names_a_replica_and_a_cache_that_are_away(run, mysql_url):
    run("--url", mysql_url, "init")

    away = ["--replica-url", "mysql://app@127.0.0.1:1/x", "--cache-url", "redis://127.0.0.1:1/0"]
    status = json.loads(run("--url", mysql_url, "status", *away, "--format", "json").stdout)

    assert status["replica"] == "does not answer"
    assert [problem.partition(":")[0] for problem in status["problems"]] == ["Events can't be read", "Replica", "Cache"]


def test_status_finds_a_replica_and_a_cache_that_answer(run, mysql_url, replica_url_of, redis_url):
    run("--url", mysql_url, "init")

    others = ["--replica-url", replica_url_of(mysql_url), "--cache-url", redis_url]
    status = json.loads(run("--url", mysql_url, "status", *others, "--format", "json").stdout)

    assert status["replica"].startswith("answers: MariaDB")
    assert status["replica"].endswith(("up to date", "age unknown"))
    assert status["cache"].endswith("answers")
    assert status["problems"] == []


def test_status_says_how_far_a_replica_is_behind(run, mysql_url, replica_url_of, mariadb, mariadb_replica, catch_up):
    run("--url", mysql_url, "init")
    replica_url = replica_url_of(mysql_url)
    name = urlsplit(mysql_url).path[1:]
    for seconds_ago in (40, 0):
        with mariadb.cursor(name) as cursor:
            now = "UNIX_TIMESTAMP(NOW(3)) * 1000"
            cursor.execute(f"UPDATE fold_state SET leader = 'a', heartbeat_ms = {now} - {seconds_ago * 1000}")
            cursor.connection.commit()
        if seconds_ago:
            catch_up()
            with mariadb_replica.cursor() as cursor:
                cursor.execute("STOP SLAVE SQL_THREAD")

    result = run("--url", mysql_url, "status", "--replica-url", replica_url)
    metrics = run("--url", mysql_url, "status", "--replica-url", replica_url, "--format", "prometheus").stdout
    with mariadb_replica.cursor() as cursor:
        cursor.execute("START SLAVE SQL_THREAD")

    assert re.search(r"is behind 4\d s. See runbooks/replica-behind.md", result.stdout)
    assert re.search(r"^picoevent_replica_behind_seconds 4\d$", metrics, re.MULTILINE)
    assert "picoevent_replica_up 1" in metrics


@pytest.fixture
def settings(run):
    def settings(*arguments):
        return {row["name"]: row for row in json.loads(run(*arguments, "settings", "--format", "json").stdout)}

    return settings


def test_settings_tell_where_each_value_comes_from(settings, monkeypatch, clean_place):
    (clean_place / "key").write_text("k" * 40)
    monkeypatch.setenv("PICOEVENT_SECRET_KEY_FILE", str(clean_place / "key"))
    monkeypatch.setenv("PICOEVENT_SOURCE", "web")

    rows = settings("--url", "sqlite:///x.db")

    assert {name: rows[name]["from"] for name in ("url", "source", "secret_key", "port")} == {
        "url": "option",
        "source": "environment",
        "secret_key": "file",
        "port": "default",
    }


def test_settings_mask_what_is_secret(settings, monkeypatch):
    monkeypatch.setenv("PICOEVENT_SECRET_KEY", "k" * 40)
    monkeypatch.setenv("PICOEVENT_PASSWORD", "geheim")

    rows = settings("--url", "mysql://app:geheim@db1/picoevent")

    assert rows["url"]["value"] == "mysql+pymysql://app:***@db1/picoevent"
    assert rows["secret_key"]["value"] == rows["password"]["value"] == "***"


def test_an_option_of_the_verb_stands_above_one_before_it_and_both_above_the_environment(run, monkeypatch):
    monkeypatch.setenv("PICOEVENT_URL", "sqlite:///environment.db")

    result = run("--url", "sqlite:///before.db", "settings", "--url", "sqlite:///verb.db", "--format", "csv")

    assert f"url,PICOEVENT_URL,sqlite:///{Path.cwd()}/verb.db,option," in result.stdout
