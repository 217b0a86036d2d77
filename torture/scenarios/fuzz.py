"""R27: whatever `log()` is called with, it raises nothing into its host, and counts each event."""

from __future__ import annotations

from datetime import UTC

import hypothesis
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st

from picoevent import EventLog, Rejected
from torture.frame import Scenario, Size, Verdict
from torture.hostile import LARGE, anything
from torture.site import Database, Site

CALLS = 10
"""Of one example, so that Hypothesis itself does not take most of the time."""

mappings = st.dictionaries(st.text(), anything | st.integers() | st.text(), max_size=3)
arguments = st.tuples(
    st.sampled_from(["tick", "tock"]) | st.text() | anything,
    st.none() | mappings | anything,
    st.fixed_dictionaries(
        {},
        optional={
            "user_id": st.integers(0, 100) | st.text() | anything,
            "source": st.sampled_from(["shop", ""]) | anything,
            "at": st.datetimes(timezones=st.just(UTC)) | anything,
        },
    ),
)
calls = st.lists(arguments, min_size=CALLS, max_size=CALLS)


def run(site: Site, size: Size) -> Verdict:
    """Call `log()` with what Hypothesis draws; with `strict`, each refusal is a `Rejected` instead."""
    verdict = Verdict()
    database = site.database()
    settings = {"spool_dir": str(database.spool_dir), "max_auto_event_types": 65_535}

    @hypothesis.seed(site.random.getrandbits(32))
    @hypothesis.settings(
        max_examples=size.trials // CALLS, deadline=None, database=None, suppress_health_check=list(HealthCheck),
        phases=(Phase.generate,),
    )  # fmt: skip
    @hypothesis.given(calls)
    def call_all(drawn: list[tuple[object, object, dict[str, object]]]) -> None:
        for call in drawn:
            _call(verdict, log, *call)
            _call_strictly(verdict, strict, *call)

    with EventLog(database.url, **settings) as log, EventLog(database.url, strict=True, **settings) as strict:
        call_all()
        for make in LARGE:
            _call(verdict, log, "large", make(), {})  # type: ignore[arg-type]  # as all of these
            _call(verdict, log, make(), None, {"user_id": make(), "source": make()})
        counters = log.counters()
    verdict.require(counters["sent"] == verdict.sent, f"{verdict.sent} calls, counted {counters['sent']}")
    verdict.require(counters["stored"] == verdict.acked, f"{verdict.acked} ids, counted {counters['stored']}")
    verdict.require(counters["refused"] == verdict.sent - verdict.acked, f"refused, counted {counters['refused']}")
    _check_rows(verdict, database)
    verdict.require(0 < verdict.acked < verdict.sent, "all were taken, or all were refused: that tries only half")
    verdict.note(f"{verdict.sent - verdict.acked:,} of {verdict.sent:,} calls refused, none raised")
    return verdict


def _call(verdict: Verdict, log: EventLog, event_type: object, data: object, arguments: dict[str, object]) -> None:
    verdict.trials += 1
    verdict.sent += 1
    try:
        verdict.acked += log.log(event_type, data, **arguments) is not None  # type: ignore[arg-type]
    except BaseException as error:  # noqa: BLE001  # this is what must not happen
        verdict.fail(f"log() raised {type(error).__name__}")


def _call_strictly(
    verdict: Verdict, log: EventLog, event_type: object, data: object, arguments: dict[str, object]
) -> None:
    try:
        log.log(event_type, data, **arguments)  # type: ignore[arg-type]
    except Rejected:
        pass
    except BaseException as error:  # noqa: BLE001  # any other kind is wrong
        verdict.fail(f"strict log() raised {type(error).__name__}")


def _check_rows(verdict: Verdict, database: Database) -> None:
    """Require that what both event logs have stored is there, whole."""
    with database.cursor() as cursor:
        cursor.execute("SELECT (SELECT COUNT(*) FROM event_log), (SELECT COUNT(*) FROM event_data)")
        narrow, payloads = cursor.fetchone()
    verdict.require(narrow == 2 * verdict.acked, f"{narrow} rows for twice {verdict.acked} events")
    verdict.require(payloads <= narrow, f"{payloads} payloads for {narrow} events")


FUZZ = Scenario("R27", "calls of log() with anything at all", run, full=Size(trials=10_000), short=Size(trials=300))
