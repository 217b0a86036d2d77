"""Every response carries the headers that tell a browser what it may do, errors and files included."""

from __future__ import annotations

import re

import pytest

PATHS = [
    "/",
    "/events/",
    "/events/?limit=nonsense",
    "/events/1",
    "/event-types/",
    "/nowhere",
    "/sign-in",
    "/sign-in/link/used",
    "/healthz",
    "/static/picoevent.css",
    "/static/missing.css",
]


def policy(response) -> dict[str, str]:
    parts = response.headers["Content-Security-Policy"].split("; ")
    return dict(part.partition(" ")[::2] for part in parts)


@pytest.mark.parametrize("who", ["stranger", "browser"])
def test_each_response_has_them(request, who):
    for path in PATHS:
        headers = request.getfixturevalue(who).get(path).headers

        assert headers["X-Content-Type-Options"] == "nosniff", path
        assert headers["Referrer-Policy"] == "same-origin", path
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin", path
        assert "geolocation=()" in headers["Permissions-Policy"], path
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"], path
        assert "Strict-Transport-Security" not in headers, path


def test_what_may_hold_data_is_not_kept(browser):
    for path in PATHS:
        if path != "/static/picoevent.css":
            assert browser.get(path).headers["Cache-Control"] == "no-store", path


def test_files_may_be_kept_since_their_addresses_change_with_them(browser):
    address = re.search(r'href="(/static/picoevent\.css\?v=[0-9a-f]{12})"', browser.get("/events/").text)[1]

    assert "max-age=31536000" in browser.get(address).headers["Cache-Control"]


def test_the_policy_lets_in_nothing_from_elsewhere(browser):
    found = policy(browser.get("/events/"))

    assert found.pop("script-src").startswith("'nonce-")
    assert found == {
        "default-src": "'none'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
        "object-src": "'none'",
    }


def test_each_script_carries_the_nonce_and_each_page_has_its_own(browser):
    first, second = browser.get("/events/"), browser.get("/events/")

    for page in (first, second):
        nonce = re.search("'nonce-([^']+)'", page.headers["Content-Security-Policy"])[1]
        assert re.findall("<script([^>]*)>", page.text) == re.findall(f'<script( nonce="{nonce}" [^>]*)>', page.text)
    assert policy(first)["script-src"] != policy(second)["script-src"]


@pytest.mark.parametrize("path", ["/events/", "/event-types/", "/sign-in", "/nowhere", "/events/?since=x"])
def test_no_page_needs_what_the_policy_forbids(browser, path):
    page = browser.get(path).text

    assert not re.search(r"<[^>]+\s(style|on[a-z]+)\s*=", page)
    assert "<style" not in page
    assert "javascript:" not in page
    assert not re.search(r'(src|href)="(https?:)?//', page)


def test_behind_tls_browsers_are_told_to_stay_there(make_app, sqlite_url):
    app = make_app(sqlite_url, secure_cookies=True)

    assert "max-age=" in app.test_client().get("/sign-in").headers["Strict-Transport-Security"]
