"""No text in any argument of any report becomes SQL: it is refused in words, or it is a name that nothing has."""

from __future__ import annotations

import time
from itertools import cycle, product
from numbers import Number

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from picoevent import InvalidQuery
from picoevent.report.catalogue import REPORTS
from picoevent.store.rollup_tables import rollup
from picoevent.store.tables import event_data, event_log, event_type, pending

from .world import NEEDED, World

OPENINGS = ("", "'", '"', "`", "\\'", "''", "')", '")', "1", "\u02bc", "%27", "x' ")
STATEMENTS = (
    "OR 1=1",
    "AND SLEEP(5)",
    "UNION SELECT 1,2,3",
    "; DROP TABLE event_log",
    "|| (SELECT SLEEP(5))",
    "OR BENCHMARK(1000000000,MD5(1))",
    "AND EXTRACTVALUE(1,CONCAT(0,VERSION()))",
    "; DELETE FROM pending",
    "OR randomblob(1000000000)",
    "LIMIT 1 INTO OUTFILE 'x'",
    "%s %(name)s :name ? {0}",
    "AND 1=CAST(@@version AS SIGNED)",
)
ENDINGS = ("", " --", " -- ", "#", "/*", ";", "'", '"', "\\", "\0")
HOSTILE = [f"{opening} {statement}{ending}" for opening, statement, ending in product(OPENINGS, STATEMENTS, ENDINGS)]
"""What attackers write, by rule: how a text is left, what follows, and how the rest of the statement is made away."""
HARMLESS = "nothing has this name"
BY_PATH = NEEDED | {"top_values": {"of": "path"}, "breakdown": {"by": "path"}}
CLOSED = {"since", "until", "zone", "interval", "limit", "compare", "measure", "split", "window", "cursor", "min_count"}
"""Arguments that take none of these texts."""
TABLES = (event_log, event_data, event_type, pending, rollup)
SLOW_SECONDS = 4.0


def arguments_of(report):
    """Return each way in which a text gets into a report."""
    named = [name for name in ("since", "until", "zone", *report.takes, *report.options) if name != "filters"]
    ways = [(report.name, name, lambda text, name=name: {name: text}) for name in named]
    if "filters" in report.takes:
        ways.append((report.name, "filtered path", lambda text: {"filters": {text: "x"}}))
        ways.append((report.name, "filtered value", lambda text: {"filters": {"plan": text}}))
    return ways


WAYS = [way for report in REPORTS for way in arguments_of(report)]
BY_ARGUMENT = {name: [way for way in WAYS if way[1] == name] for name in dict.fromkeys(way[1] for way in WAYS)}


TEXTS_OF_AN_ARGUMENT = 240


def texts_for(argument):
    """Return some of them, other ones for each argument: all together meet each text several times."""
    first = list(BY_ARGUMENT).index(argument)
    return [HOSTILE[(first + 6 * place) % len(HOSTILE)] for place in range(TEXTS_OF_AN_ARGUMENT)]


@pytest.fixture
def world(store_url):
    world = World(store_url)
    world.events.goals.add("paid", "order.paid", {"plan": "plan 1"}, measure="amount")
    world.log(*[(-60_000 * n, ("page.view", "order.paid")[n % 2], "shop", "ann", n) for n in range(20)])
    yield world
    world.close()


def ask(world, way, text):
    """Return all numbers of an answer, None where the text was refused."""
    report, _, make = way
    try:
        rows = world.ask(report, **BY_PATH.get(report, {}) | make(text)).rows
    except InvalidQuery:
        return None
    return [[value for name in row.__slots__ if isinstance(value := getattr(row, name), Number)] for row in rows]


def stored(world):
    """Return how many rows each table has."""
    with world.store.reading() as connection:
        return [connection.execute(select(func.count()).select_from(table)).scalar() for table in TABLES]


def test_more_than_a_thousand_hostile_texts_are_tried():
    tried = {text for argument in BY_ARGUMENT for text in texts_for(argument)}

    assert tried == set(HOSTILE)
    assert len(tried) > 1000


@pytest.mark.parametrize("argument", BY_ARGUMENT)
def test_a_hostile_text_is_refused_or_a_name_that_nothing_has(world, argument):
    before, longest = stored(world), 0.0
    nothing = {way[0]: ask(world, way, HARMLESS) for way in BY_ARGUMENT[argument]}

    for text, way in zip(texts_for(argument), cycle(BY_ARGUMENT[argument]), strict=False):
        begin = time.monotonic()
        found = ask(world, way, text)
        longest = max(longest, time.monotonic() - begin)
        assert found is None or (argument not in CLOSED and found == nothing[way[0]]), (way[0], text)

    assert stored(world) == before
    assert longest < SLOW_SECONDS


@given(st.sampled_from(WAYS), st.text(max_size=50), st.sampled_from("'\"`\\;"), st.text(max_size=50))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_so_is_any_text_with_a_quote(world, way, before, quote, behind):
    found = ask(world, way, f"{before}{quote}{behind}")

    assert found is None or found == ask(world, way, HARMLESS)
