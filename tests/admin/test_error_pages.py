"""What goes wrong is said in our layout and words; what an exception says stays in the log."""

from __future__ import annotations

import pytest

from picoevent import StoreUnavailable
from picoevent.passwords import TooManyAtOnce


@pytest.fixture
def failing(app, browser, monkeypatch):
    """`failing(error)` makes the event log fail with it, and shows the events page."""
    app.config["PROPAGATE_EXCEPTIONS"] = False

    def failing(error: Exception, path: str = "/events/"):
        def fail(*_, **__):
            raise error

        monkeypatch.setattr(app.extensions["picoevent"].events, "events", fail)
        return browser.get(path)

    return failing


def test_a_page_that_does_not_exist_leads_back_to_those_that_do(browser):
    response = browser.get("/nowhere")

    assert response.status_code == 404
    assert "There is no such page" in response.text
    assert browser.link("Events") == "/events/"


def test_a_fault_of_ours_shows_nothing_of_the_exception(failing, caplog):
    response = failing(RuntimeError("secret of the inside"))

    assert response.status_code == 500
    assert "This page has failed" in response.text
    assert "secret" not in response.text
    assert "RuntimeError" not in response.text
    assert "secret of the inside" in caplog.text


def test_an_address_cant_forge_a_line_of_the_log(failing, caplog):
    failing(RuntimeError("inside"), "/events/?x=1%0aforged")

    assert [record.getMessage() for record in caplog.records] == ["GET /events/ has failed"]


def test_a_secure_cookie_over_plain_http_is_explained(make_app, sqlite_url, browser_of):
    browser = browser_of(make_app(sqlite_url, secure_cookies=True))

    response = browser.client.post("/sign-in", data={"name": "Ann Example"})

    assert response.status_code == 400
    assert "PICOEVENT_SECURE_COOKIES" in response.text


def test_a_database_that_is_away_is_named_to_analysts_with_what_to_do(failing):
    error = StoreUnavailable("MySQL at db1:3306 does not answer.", hint="See runbooks/mysql-away.md.")

    response = failing(error, "/events/?type=a&limit=25")

    assert response.status_code == 503
    assert response.headers["Retry-After"] == "5"
    assert "MySQL at db1:3306 does not answer." in response.text
    assert "See runbooks/mysql-away.md." in response.text
    assert 'href="/events/?type=a&amp;limit=25">Try again' in response.text


def test_a_stranger_learns_nothing_of_the_database(app, stranger, monkeypatch):
    def fail(*_):
        raise StoreUnavailable("MySQL at db1:3306 does not answer.", hint="See the runbook.")

    stranger.get("/sign-in")
    monkeypatch.setattr(app.extensions["picoevent"].analysts, "verify", fail)

    response = stranger.sign_in()

    assert response.status_code == 503
    assert "db1" not in response.text
    assert "The database does not answer" in response.text


def test_while_the_analysts_cant_be_read_pages_say_so_instead_of_failing(app, browser, monkeypatch):
    def fail(*_):
        raise StoreUnavailable("SQLite is away.", hint="Try again.")

    monkeypatch.setattr(app.extensions["picoevent"].analysts, "of_session", fail)

    for path in ("/events/", "/nowhere", "/sign-in"):
        assert browser.get(path).status_code == 503


def test_a_schema_that_is_missing_says_how_to_make_it(mysql_url):
    from picoevent import Settings
    from picoevent_admin import create_app

    app = create_app(Settings(url=mysql_url, secret_key="s" * 40))
    client = app.test_client()
    with client.session_transaction() as session:
        session.update({"_user_id": "1." + "0" * 32, "signed_in_at": 4_000_000_000})

    response = client.get("/events/")

    assert response.status_code == 503
    assert "Run: picoevent init" in response.text
    app.extensions["picoevent"].close()


def test_too_many_sign_ins_at_once_are_asked_to_wait(app, stranger, monkeypatch):
    def fail(*_):
        raise TooManyAtOnce("Too many.", hint="Wait.")

    monkeypatch.setattr(app.extensions["picoevent"].analysts, "verify", fail)

    response = stranger.sign_in()

    assert response.status_code == 503
    assert "Too many people are signing in" in response.text
    assert "Retry-After" in response.headers


def test_a_form_that_is_too_large_is_refused(stranger):
    response = stranger.sign_in("Ann Example", "x" * 70_000)

    assert response.status_code == 413
    assert "This is too much at once" in response.text


def test_a_form_that_outlived_its_session_says_so(stranger):
    stranger.client.delete_cookie(stranger.client.application.config["SESSION_COOKIE_NAME"])

    response = stranger.client.post("/sign-in", data={"csrf_token": "old"})

    assert response.status_code == 400
    assert "This form is too old" in response.text
