"""The command line run inside the test, in an empty folder, with nothing in the environment."""

from __future__ import annotations

import os

import pytest
from click.testing import CliRunner

from picoevent import EventLog, Settings
from picoevent.cli import cli
from picoevent.store import open_store
from picoevent.store.base import Purpose

# Long enough for a machine that runs other tests meanwhile.
DEADLINE_MS = 30_000


@pytest.fixture(autouse=True)
def clean_place(tmp_path, monkeypatch):
    """Each test has a folder of its own, and no setting from outside."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("PICOEVENT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PICOEVENT_DEADLINE_MS", str(DEADLINE_MS))
    return tmp_path


@pytest.fixture
def run():
    """`run("log", "signup", input="...")` is a command line; the result has exit_code, stdout and stderr."""

    def run(*arguments, stdin=None):
        return CliRunner().invoke(cli, [str(argument) for argument in arguments], input=stdin, prog_name="picoevent")

    return run


@pytest.fixture
def ready_url(store_url, monkeypatch):
    """The URL of an empty database with its tables, set in the environment; once for each kind of database."""
    make_tables(store_url)
    monkeypatch.setenv("PICOEVENT_URL", store_url)
    return store_url


@pytest.fixture
def embedded_url(sqlite_url, monkeypatch):
    """The same for what does not depend on the kind of database."""
    make_tables(sqlite_url)
    monkeypatch.setenv("PICOEVENT_URL", sqlite_url)
    return sqlite_url


def make_tables(url):
    store = open_store(url, Settings(url=url), Purpose.ADMIN)
    store.init()
    store.close()


@pytest.fixture
def embedded(embedded_url):
    """An event log beside the command line, on the same file."""
    with EventLog(embedded_url) as events:
        yield events
