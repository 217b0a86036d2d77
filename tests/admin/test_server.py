"""The BI under gunicorn: ports, workers, the end; and partitions that are made ahead."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.request import urlopen

import pytest

from picoevent import Settings, SettingsError
from picoevent.store import open_store
from picoevent.store.base import Purpose
from picoevent_admin.server import Address, listen, make_partitions, serve

PROGRAM = """
import sys
from picoevent import Settings
from picoevent_admin.server import serve
try:
    serve(Settings(url=sys.argv[1], secret_key="s" * 40), port=0, on_ready=lambda url: print(url, flush=True))
finally:
    print("after serving", flush=True)
"""


@pytest.fixture
def served(sqlite_url):
    """A running server: its process and its address."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, sqlite_url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    ) as process:
        try:
            yield process, process.stdout.readline().strip()
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def members(group: int) -> list[str]:
    """Return the processes of a group that still run."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            found.append(path.parent.name)
    return found


def test_it_ends_with_its_terminal(served):
    process, _ = served

    os.killpg(process.pid, signal.SIGHUP)
    process.communicate(timeout=20)

    assert process.returncode == 0
    assert members(process.pid) == []


@pytest.mark.parametrize("stop", ["SIGTERM to the server", "SIGINT to all, as Ctrl-C sends it"])
def test_it_serves_and_ends_without_a_word_or_a_process_left(served, stop):
    process, url = served
    with urlopen(f"{url}/sign-in", timeout=10) as response:  # noqa: S310  # our own address
        assert "Sign in" in response.read().decode()
    assert len(members(process.pid)) > 1

    if "SIGTERM" in stop:
        process.terminate()
    else:
        os.killpg(process.pid, signal.SIGINT)
    output, errors = process.communicate(timeout=20)

    assert (process.returncode, output, errors) == (0, "after serving\n", "")
    assert members(process.pid) == []


def test_without_a_secret_key_it_does_not_start(sqlite_url):
    with pytest.raises(SettingsError, match="secret key"):
        serve(Settings(url=sqlite_url))


def test_a_taken_port_is_named():
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]

        with pytest.raises(SettingsError, match=f"Port {port} on 127.0.0.1 is taken"):
            listen("127.0.0.1", port)


def test_the_next_free_port_is_taken_where_that_is_asked_for():
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]

        with listen("127.0.0.1", port, try_next_ports=True) as second:
            assert port < second.getsockname()[1] < port + 20


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid"])
def test_an_address_that_is_not_ours_is_named(host):
    with pytest.raises(SettingsError, match=host):
        listen(host, 0)


@pytest.mark.parametrize(
    ("host", "url"),
    [("127.0.0.1", "http://127.0.0.1:80"), ("0.0.0.0", "http://127.0.0.1:80"), ("::", "http://[::1]:80")],  # noqa: S104
)
def test_the_address_is_one_that_a_browser_here_can_open(host, url):
    assert Address(host, 80).url == url


def test_partitions_are_made_ahead(mysql_url):
    settings = Settings(url=mysql_url)
    admin = open_store(mysql_url, settings, Purpose.ADMIN)
    admin.init()
    admin.close()
    in_a_year = datetime.now(UTC) + timedelta(days=365)

    make_partitions(settings, in_a_year)

    assert admin.ensure_partitions(in_a_year) == []
    admin.close()


def test_partitions_that_may_not_be_made_are_a_warning_with_what_to_do(mysql_url, caplog):
    make_partitions(Settings(url=mysql_url), datetime.now(UTC))

    assert "Partitions could not be made ahead" in caplog.text
    assert "picoevent init" in caplog.text


def test_partitions_are_looked_after_until_the_end(sqlite_url, monkeypatch):
    from picoevent_admin import server

    made, stop = [], threading.Event()
    monkeypatch.setattr(server, "PARTITIONS_FIRST_SECONDS", 0.0)
    monkeypatch.setattr(server, "make_partitions", lambda *_: (made.append(1), stop.set()))

    server.keep_partitions(Settings(url=sqlite_url), stop)

    assert made == [1]
