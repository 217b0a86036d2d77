"""The schema: made once, from several places at once, after a kill; the same in `sql/`, in the tables, in the roles."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pymysql
import pytest
from click.testing import CliRunner
from sqlalchemy import inspect, text

from picoevent import EventLog, NewEvent, PicoEventError, Settings, SettingsError, StoreNotReady
from picoevent.cli import cli
from picoevent.store import migrations, open_store, tables
from picoevent.store.base import Purpose

SQL = Path(__file__).parents[2] / "sql"


def admin_store(url, **settings):
    return open_store(url, Settings(url=url, **settings), Purpose.ADMIN)


def test_init_a_second_time_does_nothing(store_url):
    store = admin_store(store_url)

    assert store.init() > 0
    assert store.init() == 0
    assert store.schema_version() == migrations.latest_version("mysql")
    store.close()


def test_init_from_several_places_at_once_is_done_once(store_url):
    def init(_):
        store = admin_store(store_url)
        try:
            return store.init()
        finally:
            store.close()

    with ThreadPoolExecutor(4) as pool:
        steps = sorted(pool.map(init, range(4)))

    assert steps[:3] == [0, 0, 0]
    assert steps[3] > 10


def test_init_that_was_killed_goes_on_where_it_was(store_url):
    store = admin_store(store_url)
    seen = []

    def stop_at_the_fifth(title):
        seen.append(title)
        if len(seen) == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.init(stop_at_the_fifth)
    store.init(seen.append)
    store.close()

    with EventLog(store_url) as events:
        assert events.log("works") is not None


def test_a_step_that_was_done_but_not_recorded_is_run_again(store_url):
    store = admin_store(store_url)
    store.init()
    with store.transaction() as connection:
        connection.execute(text("DELETE FROM schema_step WHERE version = 1 AND position > 3"))

    assert store.init() > 0
    assert store.init() == 0
    store.close()


def test_a_changed_step_is_not_passed_over(store_url):
    store = admin_store(store_url)
    store.init()
    with store.transaction() as connection:
        connection.execute(text("UPDATE schema_step SET checksum = 'other' WHERE version = 1 AND position = 2"))

    with pytest.raises(PicoEventError, match=r"0001\.2 of the schema was changed"):
        store.init()
    store.close()


def test_without_a_schema_mysql_says_what_to_run(mysql_url):
    with EventLog(mysql_url) as events:
        assert events.log("early") is None
        assert events.counters()["refused.store_not_ready"] == 1
        with pytest.raises(StoreNotReady, match="Run: picoevent init"):
            events.events()


def test_a_database_that_does_not_exist_is_named_with_the_way_to_make_it(mysql_url):
    with EventLog(mysql_url.replace("/test_", "/absent_")) as events, pytest.raises(StoreNotReady) as caught:
        events.events()

    assert "CREATE DATABASE `absent_" in str(caught.value)


def test_a_schema_of_a_newer_version_is_left_alone(store_url):
    store = admin_store(store_url)
    store.init()
    with store.transaction() as connection:
        connection.execute(text("INSERT INTO schema_step VALUES (9999, 1, 'x', 1)"))
    store.close()

    with EventLog(store_url) as events, pytest.raises(StoreNotReady, match="newer PicoEvent"):
        events.events()


def test_a_table_of_somebody_else_is_named_and_left_alone(store_url):
    store = admin_store(store_url)
    with store._engine.begin() as connection:
        connection.execute(text("CREATE TABLE source (id INTEGER, what VARCHAR(10))"))

    with pytest.raises(StoreNotReady, match="a table source that is not PicoEvent's"):
        store.init()
    store.close()


def test_the_reporting_zone_is_stored_and_a_process_with_another_one_refuses(store_url):
    store = admin_store(store_url, timezone="Asia/Kathmandu")
    store.init()
    store.close()

    with EventLog(store_url, timezone="Europe/Berlin") as events, pytest.raises(SettingsError, match="Asia/Kathmandu"):
        events.events()
    with EventLog(store_url) as events:
        assert events.log("works") is not None


def test_the_tables_that_are_read_are_those_of_the_ddl(ready_url):
    store = open_store(ready_url, Settings(url=ready_url), Purpose.READ)
    with store.reading() as connection:
        inspector = inspect(connection)
        for table in tables.metadata.sorted_tables:
            stored = {column["name"]: column["nullable"] for column in inspector.get_columns(table.name)}
            assert stored == {column.name: column.nullable for column in table.columns}, table.name
            assert inspector.get_pk_constraint(table.name)["constrained_columns"] == [
                column.name for column in table.primary_key.columns
            ]
    store.close()


def test_both_dialects_have_the_same_steps_in_the_same_order():
    mysql, sqlite = ([step.title for step in migrations.load_steps(name)] for name in ("mysql", "sqlite"))

    assert [title for title in sqlite if "index" not in title] == mysql


def test_mysql_gets_its_own_name_of_the_exact_collation(mysql_url):
    store = admin_store(mysql_url)
    store.init()
    with store.transaction() as connection:
        connection.dialect.is_mariadb = False
        worded = store._backend.wording(connection, migrations.load_steps("mysql")[0].statement)
    store.close()

    assert "utf8mb4_0900_bin" in worded
    assert "nopad" not in worded


def test_events_fall_into_partitions_and_the_future_stays_empty(mysql_url):
    store = admin_store(mysql_url)
    store.init()
    with EventLog(mysql_url) as events:
        events.log("now")

    with store.transaction() as connection:
        counts = [connection.execute(text(f"SELECT COUNT(*) FROM event_log PARTITION ({name})")).scalar()
                  for name in ("past", "future")]  # fmt: skip
    store.close()

    assert counts == [0, 0]


def test_partitions_are_made_while_a_reader_holds_the_table(mysql_url, mariadb):
    """The reader would make a plain ALTER wait, and every writer behind it: it has to fail at once and try again."""
    store = admin_store(mysql_url)
    store.init()
    with store.transaction() as connection:
        for table in ("event_log", "event_data"):
            newest = store._backend._newest_partition(connection, table)[1]
            connection.exec_driver_sql(f"ALTER TABLE {table} DROP PARTITION {newest}")
    database = urlsplit(mysql_url).path.removeprefix("/")
    paused = []
    with mariadb.cursor(database) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM event_log LIMIT 1")

        def end_the_reader(seconds):
            paused.append(seconds)
            reader.execute("COMMIT")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("picoevent.store.mysql.time.sleep", end_the_reader)
            made = store.init()
    store.close()

    assert made == 2
    assert paused


@pytest.fixture
def role_url(mysql_url, mariadb):
    """`role_url(name)`: the URL of the test's database for an account with the grants of `sql/grants/NAME.sql`."""
    database = urlsplit(mysql_url).path.removeprefix("/")
    store = admin_store(mysql_url)
    store.init()
    store.close()
    made = []

    def role_url(name):
        account = f"{name}_{database[-12:]}"
        script = (SQL / "grants" / f"{name}.sql").read_text().replace("picoevent.", f"{database}.")
        with mariadb.cursor() as cursor:
            for statement in script.replace(f"picoevent_{name}", account).split(";\n"):
                if statement.strip():
                    cursor.execute(statement)
        made.append(account)
        return f"mysql+pymysql://{account}:change-me@127.0.0.1:{mariadb.port}/{database}"

    yield role_url
    with mariadb.cursor() as cursor:
        for account in made:
            cursor.execute(f"DROP USER '{account}'@'%'")


def refused_statements(url, statements):
    """Return those of these statements that the account of a URL may not run."""
    parts = urlsplit(url)
    refused = []
    connection = pymysql.connect(host=parts.hostname, port=parts.port, user=parts.username, password=parts.password,
                                 database=parts.path[1:])  # fmt: skip
    with connection, connection.cursor() as cursor:
        for statement in statements:
            try:
                cursor.execute(statement)
            except pymysql.err.OperationalError:
                refused.append(statement)
    return refused


CHANGES = ["UPDATE event_log SET user_id = 1", "DELETE FROM event_log", "UPDATE event_data SET event_data = ''",
           "DELETE FROM event_data", "DROP TABLE event_log", "TRUNCATE event_data"]  # fmt: skip


def test_the_application_logs_reads_and_collides_but_changes_no_event(role_url, mysql_url):
    url = role_url("app")
    with EventLog(url) as events:
        event_id = events.log("order.paid", {"amount": 1}, user_id="ann")
        assert events.get(event_id).user_id == "ann"
        assert events.log("", {"refused": 1}) is None
        assert len(events.rejected_events()) == 1
        at = events.get(event_id).time
        for _ in range(2):
            result = events.import_batch([(NewEvent("imported", {"n": 1}, at=at), 0)])
        assert (result.stored, result.already) == (0, 1)

    assert refused_statements(url, [*CHANGES, "SELECT * FROM analyst"]) == [*CHANGES, "SELECT * FROM analyst"]


def test_the_bi_reads_events_and_writes_its_own_tables_alone(role_url):
    url = role_url("bi")
    with EventLog(url, spool_max_mb=0) as events:
        assert events.events().events == ()
        assert events.log("not from here") is None

    insert = "INSERT INTO event_log VALUES (1, 1, 1, NULL)"
    assert refused_statements(url, [*CHANGES, insert]) == [*CHANGES, insert]


def test_the_bi_reports_though_it_may_not_count_and_says_so_once(role_url, caplog):
    with EventLog(role_url("app"), strict=True) as events:
        events.log("page.view", user_id=7)

    with EventLog(role_url("bi"), spool_max_mb=0) as events:
        answers = [events.report("top_types"), events.report("series")]

    assert all("No event has been counted yet." in answer.notes[-1] for answer in answers)
    warnings = [record.getMessage() for record in caplog.records if "reports lack" in record.getMessage()]
    assert len(warnings) == 1
    assert "needs the account of sql/grants/worker.sql" in warnings[0]


def test_who_may_not_declare_is_told_whose_rights_that_takes(role_url, monkeypatch):
    monkeypatch.setenv("PICOEVENT_URL", role_url("app"))
    refused = [CliRunner().invoke(cli, [verb, "page.view", "--dimension", "path"]) for verb in ("declare", "withdraw")]
    monkeypatch.setenv("PICOEVENT_URL", role_url("worker"))
    declared = CliRunner().invoke(cli, ["declare", "page.view", "--dimension", "path"])

    assert [result.exit_code for result in (*refused, declared)] == [3, 3, 0]
    for result in refused:
        assert re.search(r"error: MySQL at 127.0.0.1:\d+ denies app_\w+ access", result.stderr)
        assert "needs the account of sql/grants/worker.sql" in result.stderr


def test_the_bi_sees_what_waits_and_that_events_and_rollups_agree(role_url, monkeypatch):
    with EventLog(role_url("app"), strict=True) as events:
        events.log("page.view", user_id=7)
    monkeypatch.setenv("PICOEVENT_URL", role_url("bi"))

    shown = [CliRunner().invoke(cli, asked).output for asked in (["status"], ["rollups", "status"], ["verify"])]

    assert not any("denies" in output for output in shown)
    assert "wait" in shown[-1]


def test_the_worker_counts_with_its_own_rights(role_url):
    with EventLog(role_url("app"), strict=True) as events:
        events.log("page.view", {"path": "/"}, user_id=7)

    with EventLog(role_url("worker")) as events:
        events.declare("page.view", dimensions=["path"], measures=["amount"])
        assert [row.value for row in events.report("top_values", of="path").rows] == ["/"]
        assert events.report("series").totals == {"total": 1}


def test_the_worker_keeps_the_schema(role_url):
    store = admin_store(role_url("worker"))

    assert store.init() == 0
    store.close()


def test_a_second_store_of_the_same_process_does_not_wait_for_the_first(mysql_url):
    first, second = admin_store(mysql_url), admin_store(mysql_url)
    first.init()

    assert second.init() == 0
    first.close()
    second.close()
