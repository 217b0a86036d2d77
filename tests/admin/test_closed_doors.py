"""Every door is closed to strangers, whatever is added later: the tests walk the map of addresses."""

from __future__ import annotations

import re

import pytest

from picoevent_admin.guard import OPEN_ENDPOINTS

OPEN = {"sign_in.form", "sign_in.submit", "sign_in.link", "sign_in.use_link", "static", "health"}
WRITING = {"sign_in.submit", "sign_in.use_link", "sign_in.sign_out"}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def closed_paths(app) -> list[str]:
    rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint not in OPEN]
    return [re.sub("<[^>]+>", "1", rule.rule) for rule in rules] + ["/nowhere", "/admin/", "/admin/static/x.js"]


def assert_refused(client, path: str) -> None:
    for method in METHODS:
        response = client.open(path, method=method)
        if method in ("GET", "HEAD"):
            assert response.status_code == 302, (method, path)
            assert response.headers["Location"].startswith("/sign-in"), (method, path)
        else:
            assert response.status_code == 401, (method, path)


def test_a_stranger_gets_nothing_but_the_sign_in_page(app):
    for path in closed_paths(app):
        assert_refused(app.test_client(), path)


def test_a_disabled_analyst_gets_nothing_either(app, browser, analysts):
    analysts.disable("Ann Example")

    for path in closed_paths(app):
        assert_refused(browser.client, path)


def test_the_open_endpoints_are_these_and_no_others():
    assert OPEN_ENDPOINTS == OPEN


def test_nothing_can_be_changed_but_who_is_signed_in(app):
    writing = {rule.endpoint for rule in app.url_map.iter_rules() if rule.methods - {"GET", "HEAD", "OPTIONS"}}

    assert writing == WRITING


def test_each_page_also_closes_itself(app):
    for view in app.extensions["admin"][0]._views:
        with app.test_request_context("/"):
            assert not view.is_accessible(), view.name


def test_a_page_that_the_guard_would_let_through_is_still_closed(app, monkeypatch):
    monkeypatch.setattr("picoevent_admin.guard.OPEN_ENDPOINTS", OPEN | {"events.index"})

    assert app.test_client().get("/events/").status_code == 403


def test_files_of_the_frame_are_not_served_at_all(app, browser):
    served = {rule.rule for rule in app.url_map.iter_rules() if "static" in rule.rule}

    assert served == {"/static/<path:filename>"}
    assert browser.get("/admin/static/vendor/jquery.min.js").status_code == 404


@pytest.mark.parametrize(
    "path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py", "/static//etc/passwd"]
)
def test_no_other_file_is_reachable_through_ours(stranger, path):
    response = stranger.get(path)

    assert response.status_code in (302, 404)
    assert "import" not in response.text


def test_health_says_ok_without_the_database(app, statements):
    statements.clear()

    response = app.test_client().get("/healthz")

    assert (response.status_code, response.text) == (200, "ok")
    assert statements == []


def test_a_refused_visit_is_logged_on_one_line(stranger, caplog):
    caplog.set_level("INFO", "picoevent_admin")

    stranger.get("/events/%0a%1b[31mforged?secret=1")

    assert len(caplog.messages) == 1
    assert caplog.messages[0] == "Refused GET /events/\\u000a\\u001b[31mforged to 127.0.0.1: not signed in"
