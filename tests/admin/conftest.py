"""Fixtures for tests of the BI: an application on a database of its own, and a browser that fills in its forms."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, event
from werkzeug.test import TestResponse

from picoevent import EventLog, Settings
from picoevent.analysts import Analysts
from picoevent.store import open_store
from picoevent.store.base import Purpose
from picoevent_admin import create_app
from picoevent_admin.bi import EXTENSION

SECRET_KEY = "a secret key for tests, which is long enough"
NAME, PASSWORD = "Ann Example", "four words in a row"
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@dataclass
class Browser:
    """A browser: it keeps cookies, and sends forms with the token that stands in them."""

    client: FlaskClient
    last: TestResponse | None = field(default=None, repr=False)

    def get(self, path: str, **options: Any) -> TestResponse:
        # Buffered: a file that is served is read and closed here.
        self.last = self.client.get(path, buffered=True, **options)
        return self.last

    def send(self, path: str, page: str | None = None, **fields: str) -> TestResponse:
        """Open the page that has the form, and send it."""
        found = re.search(r'name="csrf_token" value="([^"]+)"', self.get(page or path).text)
        token = html.unescape(found[1]) if found else ""
        self.last = self.client.post(path, data={"csrf_token": token, **fields})
        return self.last

    def sign_in(self, name: str = NAME, password: str = PASSWORD, path: str = "/sign-in") -> TestResponse:
        return self.send(path, name=name, password=password)

    def sign_out(self) -> TestResponse:
        return self.send("/sign-out", page="/events/")

    def link(self, words: str) -> str:
        """Return where the link with these words leads, on the page that was opened last."""
        found = re.search(rf'href="([^"]*)"[^>]*>\s*{re.escape(words)}', self.last.text)
        assert found, f"no link {words!r}"
        return html.unescape(found[1])

    def event_ids(self) -> list[int]:
        """Return the ids in the table of the page that was opened last, from top to bottom."""
        return [int(digits) for digits in re.findall(r'<td class="id"><a href="/events/(\d+)"', self.last.text)]


@pytest.fixture
def make_app() -> Iterator[Callable[..., Flask]]:
    """`make_app(url, **settings)` is an application on a database with a schema, and one analyst."""
    with ExitStack() as stack:

        def make_app(url: str, **options: Any) -> Flask:
            settings = Settings(url=url, secret_key=SECRET_KEY, **options)
            admin = open_store(url, settings, Purpose.ADMIN)
            admin.init(lambda _: None)
            admin.close()
            reading = [open_store(place, settings, Purpose.READ) for place in (url, settings.replica_url) if place]
            analysts = Analysts(open_store(url, settings, Purpose.WRITE), reading=reading, hasher=QUICK)
            analysts.create(NAME, PASSWORD)
            app = create_app(settings, events=EventLog(settings, strict=True), analysts=analysts)
            stack.callback(app.extensions[EXTENSION].close)
            return app

        yield make_app


@pytest.fixture
def app(make_app, sqlite_url) -> Flask:
    """An application on an empty SQLite file."""
    return make_app(sqlite_url)


@pytest.fixture
def events(app) -> EventLog:
    """The event log behind the application."""
    return app.extensions[EXTENSION].events


@pytest.fixture
def analysts(app) -> Analysts:
    """The analysts of the application; the one that is there is `NAME` with `PASSWORD`."""
    return app.extensions[EXTENSION].analysts


@pytest.fixture
def browser_of() -> Callable[[Flask], Browser]:
    """`browser_of(app)` is a new browser, not signed in."""
    return lambda app: Browser(app.test_client())


@pytest.fixture
def stranger(app) -> Browser:
    """A browser that is not signed in."""
    return Browser(app.test_client())


@pytest.fixture
def browser(app) -> Browser:
    """A browser that is signed in."""
    return signed_in(app)


def signed_in(app: Flask) -> Browser:
    browser = Browser(app.test_client())
    assert browser.sign_in().status_code == 302
    return browser


@pytest.fixture
def sign_in_to() -> Callable[[Flask], Browser]:
    """`sign_in_to(app)` is a browser that is signed in there."""
    return signed_in


@pytest.fixture
def path_of() -> Callable[[TestResponse], str]:
    """`path_of(response)` is the path that a redirect leads to."""
    return lambda response: urlsplit(response.headers["Location"]).path


def without_offset_zero(statement: str, parameters: Any) -> str:
    """Leave out each `OFFSET 0`, which SQLAlchemy writes behind every LIMIT for SQLite."""
    kept = ""
    for part in re.split(r"( OFFSET \?)", statement):
        position = (kept.count("?") + kept.count("!")) if part == " OFFSET ?" else None
        kept += "!" if position is not None and parameters[position] == 0 else part
    return kept.replace("!", "")


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """Every SQL statement that is sent while the test runs."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        sent.append(without_offset_zero(statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    yield sent
    event.remove(Engine, "before_cursor_execute", note)
