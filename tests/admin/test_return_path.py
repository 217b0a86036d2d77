"""After signing in one comes back to a page of ours, never to another site."""

from __future__ import annotations

from urllib.parse import quote

from picoevent_admin.return_path import checked_return_path

HOSTILE = [
    "//evil.example",
    "///evil.example/events/",
    "////evil.example",
    "\\\\evil.example",
    "/\\evil.example",
    "\\/evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "\t//evil.example",
    " //evil.example",
    "/%09/evil.example",
    "/%2f/evil.example",
    "/%5cevil.example",
    "http://evil.example/events/",
    "https:evil.example",
    "https:/events/",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)//events/",
    "data:text/html,x",
    "user@evil.example",
    "/@evil.example",
    "//user@evil.example/events/",
    "events/",
    "?next=/events/",
    "/events/\x00",
    "/events/\u2028",
    "/nowhere",
    "/sign-in",
    "/sign-out",
    "/healthz",
    "/static/picoevent.js",
    "//[evil",
    "/" + "x" * 5000,
    "",
]
OURS = ["/", "/events/", "/events/?type=a&user=%22%2F%2Fevil%22", "/events/1?x=//evil", "/event-types/?after=z#end"]


def test_another_address_is_not_gone_to(app):
    with app.test_request_context():
        assert {wanted: checked_return_path(wanted) for wanted in HOSTILE} == dict.fromkeys(HOSTILE)


def test_signing_in_leads_home_where_another_address_was_asked_for(app, browser_of):
    for wanted in HOSTILE:
        response = browser_of(app).sign_in(path=f"/sign-in?next={quote(wanted, safe='')}")

        assert response.headers["Location"] == "/", wanted


def test_a_page_of_ours_is_gone_to(app):
    with app.test_request_context():
        assert [checked_return_path(wanted) for wanted in OURS] == OURS
