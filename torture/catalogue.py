"""Every scenario there is, in the order of the table of faults; a new one is one more name in the tuple."""

from __future__ import annotations

from torture.frame import Scenario
from torture.machine import MACHINE
from torture.scenarios.backlog import BACKLOG
from torture.scenarios.concurrency import CONCURRENCY
from torture.scenarios.costly import COSTLY
from torture.scenarios.crashes import CRASHES
from torture.scenarios.damage import DAMAGE
from torture.scenarios.exits import EXITS
from torture.scenarios.folds import FOLDS
from torture.scenarios.forks import FORKS
from torture.scenarios.full_disk import FULL_DISK
from torture.scenarios.full_spool import FULL_SPOOL
from torture.scenarios.fuzz import FUZZ
from torture.scenarios.kills import KILLS
from torture.scenarios.late_commits import LATE_COMMITS
from torture.scenarios.locks import LOCKS
from torture.scenarios.lost_replies import LOST_REPLIES
from torture.scenarios.names import NAMES
from torture.scenarios.outages import ABSENCES, OUTAGES
from torture.scenarios.poison import POISON
from torture.scenarios.redis_faults import REDIS_FAULTS
from torture.scenarios.replicas import REPLICAS
from torture.scenarios.starts import STARTS
from torture.scenarios.texts import TEXTS

SCENARIOS: tuple[Scenario, ...] = (
    LOST_REPLIES,
    EXITS,
    KILLS,
    FOLDS,
    FORKS,
    OUTAGES,
    ABSENCES,
    FULL_SPOOL,
    BACKLOG,
    DAMAGE,
    STARTS,
    FULL_DISK,
    CRASHES,
    POISON,
    NAMES,
    TEXTS,
    LATE_COMMITS,
    LOCKS,
    REDIS_FAULTS,
    CONCURRENCY,
    REPLICAS,
    COSTLY,
    FUZZ,
    MACHINE,
)
