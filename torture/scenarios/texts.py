"""R18: every text and number that Python can hold goes through the log, and comes back as it was, or as documented."""

from __future__ import annotations

import hypothesis
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st

from picoevent import EventLog, NewEvent
from torture.frame import Scenario, Size, Verdict
from torture.site import Site

BATCH = 4
"""Events of one example: of more, Hypothesis would throw most away, since it draws only so many bytes for each."""
HOSTILE = (
    "", "\0", "\ufeff", "\ud800", "x\udfffy", "\ud83d\ude00", "😀", "e\u0301", "\u202e", "'", '"', "\\", "\\'", "''",
    "%s", "%(x)s", ":x", "\x1a", "\r\n", "\u2028", "-- ", "/*", "`", "\U0010ffff", "_utf8mb4'x'", "\\0", "{}", "$1",
)  # fmt: skip
MAX_NAME, MAX_USER = 100, 255

characters = st.characters(exclude_categories=())
texts = st.text(characters) | st.lists(st.sampled_from(HOSTILE)).map("".join)
numbers = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    texts | numbers | st.booleans() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(texts, inner)
)
events = st.builds(
    NewEvent,
    texts.filter(lambda name: 1 <= len(name) <= MAX_NAME and is_whole(name)),
    st.dictionaries(texts, values, max_size=4),
    st.integers(0, 2**62 - 1) | texts.filter(lambda name: 1 <= len(name) <= MAX_USER and is_whole(name)),
)


def is_whole(text: str) -> bool:
    """Tell whether UTF-8 can hold a text: a name with a lone surrogate is refused, a payload's is replaced."""
    return text == whole(text)


def whole(text: str) -> str:
    """Return a text as it is documented to be stored: U+FFFD for each lone surrogate."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def stored(value: object) -> object:
    """Return a value as it is documented to come back."""
    if isinstance(value, str):
        return whole(value)
    if isinstance(value, dict):
        return {whole(key): stored(item) for key, item in value.items()}
    return [stored(item) for item in value] if isinstance(value, list) else value


def same(one: object, other: object) -> bool:
    """Compare to the bit: 1 is not 1.0, and 0.0 is not -0.0."""
    return repr(one) == repr(other)


def run(site: Site, size: Size) -> Verdict:
    """Have Hypothesis draw batches of events, log them, and compare each with what is read back."""
    verdict = Verdict()
    database = site.database()
    settings = {"spool_dir": str(database.spool_dir), "cache_url": "none://", "max_auto_event_types": 65_535}

    @hypothesis.seed(site.random.getrandbits(32))
    @hypothesis.settings(
        max_examples=size.trials // BATCH, deadline=None, database=None, suppress_health_check=list(HealthCheck),
        phases=(Phase.generate,),
    )  # fmt: skip
    @hypothesis.given(st.lists(events, min_size=BATCH, max_size=BATCH))
    def log_and_compare(batch: list[NewEvent]) -> None:
        _compare(verdict, log, batch)

    with EventLog(database.url, **settings) as log:
        log_and_compare()
    verdict.note(f"{verdict.acked:,} texts, names, users and numbers of all planes came back")
    return verdict


def _compare(verdict: Verdict, log: EventLog, batch: list[NewEvent]) -> None:
    # What two keys have in common once their surrogates are replaced is a refusal that is documented.
    batch = [event for event in batch if _keys_stay_apart(event.data)]
    for event, event_id in zip(batch, log.log_many(batch), strict=True):
        verdict.trials += 1
        verdict.sent += 1
        if event_id is None:
            verdict.fail(f"refused: {event!r}"[:300])
            continue
        verdict.acked += 1
        found = log.get(event_id)
        equal = (found.event_type, found.user_id) == (event.event_type, event.user_id)
        if not equal or not same(found.data, stored(event.data)):
            verdict.lost += 1
            verdict.fail(f"{event!r} came back as {found!r}"[:500])


def _keys_stay_apart(value: object) -> bool:
    if isinstance(value, dict):
        return len({whole(key) for key in value}) == len(value) and all(map(_keys_stay_apart, value.values()))
    return all(map(_keys_stay_apart, value)) if isinstance(value, list) else True


TEXTS = Scenario(
    "R18", "every text and number comes back to the bit", run, full=Size(trials=100_000), short=Size(trials=200)
)
