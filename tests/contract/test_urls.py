"""What a database's URL may say: a wrong one stops at construction, and a right one is taken as it is meant."""

from __future__ import annotations

import os
import sqlite3
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

import pytest
import trustme

from picoevent import EventLog, Settings, SettingsError, StoreUnavailable

PASSWORD = "pässwörd€"
NOBODY = 65534
ACCOUNT = "'umlaut'@'127.0.0.1'"


@pytest.fixture
def account(mariadb, mysql_url, initialise):
    """`account(identified)` makes an account, and returns port and database; it is gone after the test."""
    initialise(mysql_url)
    database = mysql_url.partition("?")[0].rpartition("/")[2]

    def account(identified):
        with mariadb.cursor() as cursor:
            cursor.execute(f"CREATE OR REPLACE USER {ACCOUNT} IDENTIFIED {identified}")
            cursor.execute(f"GRANT ALL ON `{database}`.* TO {ACCOUNT}")
        return f"127.0.0.1:{mariadb.port}/{database}"

    yield account
    with mariadb.cursor() as cursor:
        cursor.execute(f"DROP USER IF EXISTS {ACCOUNT}")


def in_child(work, user=None):
    """Do some work in a child of `fork()`, as another user where this one is root; return whether it went well."""
    child = os.fork()
    if child == 0:
        try:
            if user is not None and os.geteuid() == 0:
                os.setuid(user)
            os._exit(0 if work() else 1)
        finally:
            os._exit(2)
    return os.waitpid(child, 0)[1] == 0


@pytest.fixture
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://u@h/db?foo=1", "'foo'"),
        ("mysql://u@h/db?local_infile=1", "no file of this machine"),
        ("mysql://u@h/db?password=geheim", "PICOEVENT_PASSWORD"),
        ("mysql://u@h/db?passwd=geheim", "PICOEVENT_PASSWORD"),
        ("mysql://u@h/db?user=ann", "USER:PASSWORD@HOST"),
        ("mysql://u@h/db?read_timeout=9", "PICOEVENT_DEADLINE_MS"),
        ("mysql://u@h/db?charset=utf8&charset=utf8mb4", "twice"),
        ("mysql://u@h/db?ssl_ca=/missing.pem", "No such file"),
        ("mysql://u@h/db?ssl_disabled=perhaps", "true or false"),
        ("mysql://u@h:port/db", "can't be read"),
        ("mysql://u@h:99999/db", "a port that can't be"),
        ("mysql://u@a..b/db", "a host that can't be"),
        (f"mysql://u@{'a' * 64}.b/db", "a host that can't be"),
        ("mysql://u:geh@eim@h/db", "a host that can't be"),
        ("mysql://u@h%00/db", "mysql"),
        ("mysql://u@h", "names no database"),
        ("sqlite:x.db", "sqlite:///FILE"),
        ("sqlite://", "sqlite:///FILE"),
        ("sqlite://host/x.db", "sqlite:///FILE"),
        ("sqlite:///", "sqlite:///FILE"),
        ("sqlite:///:memory:", "not :memory:"),
        ("sqlite:///x.db?mode=ro", "no arguments"),
        ("sqlite:///x\0.db", "sqlite:///FILE"),
    ],
)
@pytest.mark.parametrize("setting", ["url", "replica_url"])
def test_a_wrong_url_is_named_at_construction_without_its_password(own_folder, setting, url, says):
    with pytest.raises(SettingsError, match=f"setting {setting} ") as caught:
        EventLog(Settings(**{setting: url}))

    assert says in str(caught.value)
    assert "geheim" not in str(caught.value)
    assert "eim" not in str(caught.value)


@pytest.mark.parametrize("arguments", ["charset=utf8mb4", "unix_socket=/run/x&program_name=shop", "ssl_disabled=true"])
def test_what_an_url_may_say_is_taken(arguments):
    with EventLog(f"mysql://u@127.0.0.1:1/db?{arguments}") as events:
        assert events.settings.url == f"mysql+pymysql://u@127.0.0.1:1/db?{arguments}"


@pytest.mark.parametrize("given", ["in the URL", "as a setting"])
def test_a_password_that_is_not_ascii_signs_in(account, given):
    place = account(f"BY '{PASSWORD}'")
    in_url = given == "in the URL"
    user = f"umlaut:{quote(PASSWORD)}" if in_url else "umlaut"

    with EventLog(f"mysql://{user}@{place}", password="" if in_url else PASSWORD) as events:
        assert events.log("signed.in") is not None


def test_an_authentication_that_needs_a_missing_package_says_so(own_mariadb, monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "nacl", None)
    server = own_mariadb(durable=False)
    server.create_database("shop")
    with server.address.cursor() as cursor:
        cursor.execute("INSTALL SONAME 'auth_ed25519'")
        cursor.execute(f"CREATE USER {ACCOUNT} IDENTIFIED VIA ed25519 USING PASSWORD('geheim')")

    with EventLog(f"mysql://umlaut:geheim@127.0.0.1:{server.port}/shop", spool_max_mb=0) as events:
        with pytest.raises(StoreUnavailable, match=r"pynacl.*pip install") as caught:
            events.events()
        assert events.log("signed.in") is None

    assert "geheim" not in str(caught.value) + caplog.text


@pytest.mark.parametrize("error", [RuntimeError("no such package"), UnicodeError("label"), OverflowError("port")])
def test_whatever_a_driver_raises_at_connecting_means_an_unavailable_store(monkeypatch, error):
    def refuse(**_):
        raise error

    with EventLog("mysql://u@127.0.0.1:1/db") as events:
        monkeypatch.setattr(events._parts.reading_store._engine.dialect, "connect", refuse)

        with pytest.raises(StoreUnavailable, match=str(error)):
            events.events()


def test_a_tls_file_that_vanishes_later_refuses_events_and_raises_nothing(tmp_path):
    file = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(file))
    with EventLog("mysql://u@127.0.0.1:1/db", tls_ca=str(file), spool_max_mb=0) as events:
        file.unlink()

        assert events.log("late") is None


def test_a_child_in_another_folder_writes_to_the_same_file(own_folder, monkeypatch):
    (own_folder / "other").mkdir()
    with EventLog("sqlite:///rel.db") as events:
        events.log("parent")
        monkeypatch.chdir("other")

        assert in_child(lambda: events.log("child") is not None)
        assert events.count() == 2
        assert list(Path().iterdir()) == []


def test_an_url_of_a_file_says_where_it_is_whatever_its_name(own_folder):
    with EventLog("sqlite:///100%41 #1@b.db") as events:
        events.log("tick")

        assert events.settings.url == f"sqlite:///{own_folder}/100%41 #1@b.db"
    assert (own_folder / "100%41 #1@b.db").exists()


def test_a_file_that_may_only_be_read_is_read():
    """A copy that is no longer in WAL mode, as a backup is; root may write everything, so the child is not root."""
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/backup.db"
        with EventLog(url) as events:
            events.log("kept")
            assert events.count() == 1
        with sqlite3.connect(f"{folder}/backup.db") as connection:
            connection.execute("PRAGMA journal_mode=DELETE")
        connection.close()
        Path(folder, "backup.db").chmod(0o444)
        Path(folder).chmod(0o555)

        assert in_child(lambda: EventLog(url).count() == 1, user=NOBODY)
