"""The write path as a state machine: any history of calls, kills, cut replies, outages and full disks loses nothing.

Hypothesis draws the histories; `torture.puppet` lives through them; the oracle is what the puppets wrote down.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from picoevent.testing.proxy import Cut, Plan
from torture.account import judge
from torture.frame import Scenario, Size, Verdict
from torture.puppet import NO_LIMIT
from torture.site import Database, Site
from torture.worker import is_balanced

SPOOL_MAX_MB = 1
FILE_LIMIT = 150_000
BIG_PAYLOAD = 60_000
STEPS = 20

durabilities = st.sampled_from([None, None, "spool"])


class WritePath(RuleBasedStateMachine):
    """One worker at a time on one database, behind a proxy; `run` sets `site`, `database` and `verdict`."""

    site: Site
    database: Database
    verdict: Verdict

    def __init__(self) -> None:
        super().__init__()
        self.verdict.trials += 1
        self._place = self.site.place_beside(self.database)
        self._proxy = self.site.proxy(self.database.address.port)
        self._calls = 0
        self._starts = 0
        self._start()

    def _start(self) -> None:
        self._starts += 1
        settings = {"spool_max_mb": SPOOL_MAX_MB, "deadline_ms": 2000, "cache_url": "none://"}
        name = f"{self._place.folder.name}-{self._starts}"
        self._puppet: Any = self.site.puppet(self._place, name, self._place.through(self._proxy), settings=settings)

    @property
    def _lives(self) -> bool:
        return self._puppet is not None

    def _names(self, count: int) -> list[str]:
        self._calls += 1
        return [f"{self._place.folder.name}-{self._calls}-{place}" for place in range(count)]

    @precondition(lambda self: self._lives)
    @rule(durability=durabilities)
    def log(self, durability: str | None) -> None:
        """Log one event."""
        self._puppet.ask(log=self._names(1), durability=durability)

    @precondition(lambda self: self._lives)
    @rule(count=st.integers(2, 30), durability=durabilities)
    def log_many(self, count: int, durability: str | None) -> None:
        """Log several events in one call."""
        self._puppet.ask(log=self._names(count), durability=durability)

    @precondition(lambda self: self._lives)
    @rule(count=st.integers(1, 6), durability=durabilities)
    def log_big(self, count: int, durability: str | None) -> None:
        """Log events that fill the spool soon, where it has to take them."""
        self._puppet.ask(log=self._names(count), pad=BIG_PAYLOAD, durability=durability)

    @precondition(lambda self: self._lives)
    @rule(count=st.integers(1, 30), milliseconds=st.floats(0, 5), durability=durabilities)
    def kill_in_a_call(self, count: int, milliseconds: float, durability: str | None) -> None:
        """Kill the worker while it logs, or shortly after."""
        self._puppet.send(log=self._names(count), durability=durability)
        time.sleep(milliseconds / 1000)
        self.kill()

    @precondition(lambda self: self._lives)
    @rule()
    def kill(self) -> None:
        """Kill the worker between two calls."""
        self._puppet.kill()
        self._puppet = None

    @precondition(lambda self: not self._lives)
    @rule()
    def restart(self) -> None:
        """Start the next worker over what the last one left."""
        self._start()

    @rule(cut=st.sampled_from(Cut), nth=st.integers(1, 6))
    def cut_a_reply(self, cut: Cut, nth: int) -> None:
        """Have one of the next exchanges cut."""
        self._proxy.cut(Plan(cut, nth=nth))

    @rule()
    def take_database_away(self) -> None:
        """Close every link, and let no other come about."""
        self._proxy.refuse()

    @rule()
    def bring_database_back(self) -> None:
        """Let links come about again, and cut none."""
        self._proxy.pass_on()

    @precondition(lambda self: self._lives)
    @rule()
    def fill_the_disk(self) -> None:
        """Let no file grow beyond a size, from the worker's next write on."""
        self._puppet.ask(limit=FILE_LIMIT)

    @precondition(lambda self: self._lives)
    @rule()
    def free_the_disk(self) -> None:
        """Let files grow again."""
        self._puppet.ask(limit=NO_LIMIT)

    @precondition(lambda self: self._lives)
    @rule(seconds=st.sampled_from([0.0, 0.05, 0.5]))
    def close(self, seconds: float) -> None:
        """Have the worker close its event log, look at its counters, and end it."""
        left, counters = self._puppet.ask(close=seconds)
        self.verdict.require(is_balanced(counters), f"the counters do not add up: {counters}")
        self.verdict.require(left == counters["spooled"], f"close() says that {left} stay: {counters}")
        self.kill()

    def teardown(self) -> None:
        """Heal everything, drain, and compare with the oracle."""
        if self._lives:
            self.kill()
        self._proxy.close()
        self._place.drain(20)
        traces = self._place.traces()
        judge(self.verdict, self._place.account(traces))
        self._place.empty()
        assert self.verdict.failures == []  # noqa: S101  # so that Hypothesis shows the history


def run(site: Site, size: Size) -> Verdict:
    """Live through `size.trials` histories."""
    verdict = Verdict()
    machine: Callable[[], RuleBasedStateMachine] = type(
        "WritePath", (WritePath,), {"site": site, "database": site.database(), "verdict": verdict}
    )
    settings = hypothesis.settings(
        max_examples=size.trials,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    hypothesis.seed(site.random.getrandbits(32))(machine)
    try:
        run_state_machine_as_test(machine, settings=settings)
    except AssertionError as error:
        verdict.fail("\n".join([str(error), *getattr(error, "__notes__", [])]))
    return verdict


MACHINE = Scenario(
    "machine",
    "histories of calls, kills, cut replies, outages and full disks",
    run,
    full=Size(trials=1000),
    short=Size(trials=15),
)
