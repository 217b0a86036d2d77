"""Pages of `reports.answers`, at any depth: by type, user and value of a dimension, against the classic layout."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.frame import Row, Size, Target
from bench.reports_site import Site
from bench.reports_turns import in_turn
from bench.reports_visits import DAYS, PAGE_VIEW
from bench.sides import CLASSIC_TYPE_PAGE, CLASSIC_USER_PAGE, LIMIT, SELECT_CLASSIC

WITHIN_5_MS = Target(at_most=5)
CLASSIC_VALUE_PAGE = (
    f"{SELECT_CLASSIC} WHERE event_type_id = 1 AND created < %s AND JSON_VALUE(data, '$.ip') = %s"
    " ORDER BY created DESC LIMIT %s"
)
PATIENCE_SECONDS = 10.0
USER, IP = 100, "10.0.0.1"
"""Both are busy: they have events on every day."""


@dataclass(frozen=True, slots=True)
class PageQuestion:
    """A page of the library, and the statement of the classic table with its values; none where it has no such page."""

    measure: str
    ours: Callable[[], Any]
    classic: tuple[str, tuple[object, ...]] | None = None


def page_rows(site: Site, size: Size) -> Iterator[Row]:
    """Yield a row for each page."""
    for question in _questions(site):
        (ours,) = in_turn([question.ours], size.rounds)
        classic = None
        if question.classic is not None:
            asked = question.classic
            (classic,) = in_turn([lambda asked=asked: _classic(site, *asked)], size.rounds, patience=PATIENCE_SECONDS)
        yield Row(question.measure, ours, "ms", classic, WITHIN_5_MS)


def _questions(site: Site) -> Iterator[PageQuestion]:
    end = datetime.fromtimestamp(site.visits.end_ms // 1000, UTC)
    for days in (1, DAYS * 2 // 3):
        until = end - timedelta(days=days)
        page = f"{LIMIT} events, {days} days back"
        yield PageQuestion(
            f"{page}: of a type, vs classic",
            lambda until=until: site.log.events(event_type=PAGE_VIEW, until=until, limit=LIMIT),
            (CLASSIC_TYPE_PAGE, (1, until, LIMIT)),
        )
        yield PageQuestion(
            f"{page}: of a user, vs classic",
            lambda until=until: site.log.events(user_id=USER, until=until, limit=LIMIT),
            (CLASSIC_USER_PAGE.replace("%s", "%s AND created < %s", 1), (USER, until, LIMIT)),
        )
        yield PageQuestion(
            f"{page}: of a value, vs classic",
            lambda until=until: site.log.report("history", dimension="ip", value=IP, until=until, limit=LIMIT),
            (CLASSIC_VALUE_PAGE, (until, IP, LIMIT)),
        )
    yield PageQuestion("one user's timeline", lambda: site.log.report("user_timeline", user=USER, limit=LIMIT))


def _classic(site: Site, statement: str, values: tuple[object, ...]) -> object:
    site.raw.cursor.execute(statement, values)
    return site.raw.cursor.fetchall()
