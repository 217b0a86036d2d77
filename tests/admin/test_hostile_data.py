"""What applications log is shown as text on every page, whatever it is made of."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg/onload=alert(1)>",
    "</title><script>alert(1)</script>",
    "</textarea></pre></code><iframe src=javascript:alert(1)>",
    '" autofocus onfocus=alert(1) x="',
    "javascript:alert(1)",
    "{{ 7777 * 7 }}{% raw %}",
    "<!-- --><base href=//evil.example>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "\u202e<b>\x1b[31m\x00",
]
PAGES = (
    "/events/",
    "/event-types/",
    "/events/{id}",
    "/events/?type={q}",
    "/events/?user={q}",
    "/events/?source={q}",
    "/events/?type={q}&since=2020-01-01&until=2020-01-02",
    "/event-types/?containing={q}",
    "/events/?cursor={q}",
)


class Elements(HTMLParser):
    """Collects the elements and attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag, attrs) -> None:
        self.found.append((tag, dict(attrs)))


def elements(page: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = Elements()
    parser.feed(page)
    return parser.found


def assert_harmless(page: str) -> None:
    for tag, attributes in elements(page):
        assert tag not in ("img", "svg", "iframe", "base", "b") or attributes.get("src", "").startswith("/static/")
        assert not any(name.startswith("on") for name in attributes)
        assert not any(
            str(value).strip().lower().startswith("javascript:")
            for value in attributes.values()
            if value and "href" in attributes and value == attributes["href"]
        )
        assert tag != "script" or "nonce" in attributes
    assert "alert(1)</script>" not in page.replace("&lt;/script&gt;", "")
    # A field keeps what was written into it, so that it can be sent again; nothing else does.
    assert not re.search("[\x00\x1b\u202e]", re.sub('value="[^"]*"', "", page))


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_it_stays_text_on_every_page(browser, events, text):
    from urllib.parse import quote

    event_id = events.log(text, {text: text, "nested": {text: [text]}}, user_id=text, source=text)

    for path in PAGES:
        page = browser.get(path.format(id=event_id, q=quote(text, safe=""))).text
        assert_harmless(page)
        assert "54439" not in page


@pytest.mark.parametrize("text", HOSTILE[:-1], ids=ascii)
def test_links_of_a_row_find_what_they_name(browser, events, text):
    event_id = events.log(text, user_id=text, source=text)
    events.log("other")

    page = browser.get("/events/").text
    import html

    for kind in ("type", "user"):
        link = html.unescape(
            re.search(rf'<td class="{kind}"><a href="([^"]*{kind}=[^"]*)"', page[page.rindex("<tr>") :])[1]
        )
        browser.get(link)
        assert browser.event_ids() == [event_id], kind


def test_no_template_trusts_data():
    from pathlib import Path

    import picoevent_admin

    folder = Path(picoevent_admin.__file__).parent
    for path in [*folder.rglob("*.html"), *folder.rglob("*.py")]:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\|\s*safe|Markup\(|autoescape|render_template_string", text), path
