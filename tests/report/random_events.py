"""Events at random, for oracles: few types, users and values, close together, so that everything meets everything."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from sqlalchemy import text

from picoevent import NewEvent

from .desks import BEGIN

many_times = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
TYPES, SOURCES = ("view", "cart", "paid"), ("web", "app")
USERS = (1, 2, 3, "ann", None)

moments = st.one_of(
    st.integers(0, 14 * 86_400_000 - 1),
    # Some within a few seconds of each other, where the order of keys is not that of time.
    st.integers(0, 3000),
    st.integers(86_400_000 - 2000, 86_400_000 + 2000),
)


@st.composite
def events(draw, sizes=(0, 60)):
    """Return events of the first two weeks of March 2024."""
    rows = draw(
        st.lists(
            st.tuples(
                st.sampled_from(TYPES),
                st.sampled_from(USERS),
                st.sampled_from(SOURCES),
                moments,
                st.sampled_from(("a", "b", 7, None)),
            ),
            min_size=sizes[0],
            max_size=sizes[1],
        )
    )
    return [
        NewEvent(kind, {} if plan is None else {"plan": plan}, user, source, BEGIN + timedelta(milliseconds=ms))
        for kind, user, source, ms, plan in rows
    ]


def store_only(event_log, drawn):
    """Make these the only events of a database; what is declared stays."""
    with event_log._parts.store.transaction() as connection:
        for table in ("event_log", "event_data", "pending"):
            connection.execute(text(f"DELETE FROM {table}"))
    event_log.log_many(drawn)


def in_time(drawn):
    """Return the events that were stored, oldest first, as pages and reports order them."""
    return sorted(drawn, key=lambda event: (event.time, event.event_id))
