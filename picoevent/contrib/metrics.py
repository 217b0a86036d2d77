"""Every metric as one table, and the text in which Prometheus reads them; needs no package. See docs/metrics.md."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from picoevent.errors import RejectReason

Samples = list[tuple[dict[str, str], float]]
"""The values of a metric, each with its labels."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: its name as Prometheus stores it, its kind (counter or gauge), and what it says.

    The values are those of `states`: the value of the one label, and the name in `EventLog.counters()`.
    """

    name: str
    kind: str
    help: str
    label: str = ""
    states: tuple[tuple[str, str], ...] = ()

    def samples(self, counters: Mapping[str, int]) -> Samples:
        """Return the values of the counters of a process, or of several together; what is not counted is 0."""
        return [({self.label: value} if self.label else {}, counters.get(key, 0)) for value, key in self.states]


def _one(name: str, kind: str, key: str, text: str) -> Metric:
    return Metric(name, kind, text, states=(("", key),))


ENDINGS = ("stored", "refused", "set_aside", "lost")
COUNTED = (
    _one("picoevent_events_sent_total", "counter", "sent", "Events handed in by the application."),
    Metric(
        "picoevent_events_total",
        "counter",
        "Events whose way has ended, by how: stored, refused, set aside or lost.",
        "state",
        tuple((state, state) for state in ENDINGS),
    ),
    Metric(
        "picoevent_events_refused_total",
        "counter",
        "Refused events, by reason.",
        "reason",
        tuple((str(reason), f"refused.{reason}") for reason in RejectReason),
    ),
    _one(
        "picoevent_events_adopted_total", "counter", "adopted", "Events taken over from the spools of dead processes."
    ),
    _one("picoevent_events_replayed_total", "counter", "replayed", "Stored events that came by way of the spool."),
    _one(
        "picoevent_events_already_stored_total",
        "counter",
        "already_stored",
        "Events that were found stored when they were sent again; counted as stored too.",
    ),
    _one(
        "picoevent_events_given_another_id_total",
        "counter",
        "given_another_id",
        "Events whose id was taken by another event, and that are stored under another one.",
    ),
    _one("picoevent_events_spooled", "gauge", "spooled", "Events of this process that wait in the spool."),
    _one("picoevent_events_in_flight", "gauge", "in_flight", "Events that are under way to the database."),
    Metric(
        "picoevent_report_answers_total",
        "counter",
        "Answers of reports, by how they were found: hit, stale or miss.",
        "how",
        (("hit", "report_hits"), ("stale", "report_stale"), ("miss", "report_misses")),
    ),
    _one(
        "picoevent_report_computations_total",
        "counter",
        "report_computations",
        "Answers of reports that were computed.",
    ),
    _one(
        "picoevent_report_waits_total",
        "counter",
        "report_waits",
        "Reports that waited for a computation of somebody else.",
    ),
)
"""What `EventLog.counters()` holds."""
OF_THE_MACHINE = (
    _one("picoevent_database_up", "gauge", "database_up", "1 where the database answers and is ready, else 0."),
    _one(
        "picoevent_pending_events",
        "gauge",
        "pending_events",
        "Events in the database that no rollup counts yet; 0 where it is away.",
    ),
    _one(
        "picoevent_fold_heartbeat_timestamp_seconds",
        "gauge",
        "fold_heartbeat",
        "When whoever counts events was last seen alive, in UNIX seconds; 0 where nobody ever was.",
    ),
    _one("picoevent_replica_up", "gauge", "replica_up", "1 where the replica answers, or none is set, else 0."),
    _one(
        "picoevent_replica_behind_seconds",
        "gauge",
        "replica_behind",
        "How far the replica is behind, in seconds; 0 where none is set, or nobody can tell.",
    ),
    _one("picoevent_processes", "gauge", "processes", "Living processes that have published counters."),
    _one(
        "picoevent_events_cut_off_total",
        "counter",
        "cut_off",
        "Events that were under way when their process ended; nobody was told that they are stored.",
    ),
    _one("picoevent_spool_events", "gauge", "spool_events", "Events that wait in all spools of this database."),
    _one("picoevent_spool_bytes", "gauge", "spool_bytes", "Size of these spools in bytes."),
    _one("picoevent_spool_max_bytes", "gauge", "spool_max_bytes", "How large they may get: the setting spool_max_mb."),
    _one(
        "picoevent_spool_disk_free_bytes", "gauge", "spool_disk_free_bytes", "What the disk of these spools has left."
    ),
    _one("picoevent_spool_set_aside_events", "gauge", "spool_set_aside", "Events in these spools that were set aside."),
    _one(
        "picoevent_spool_oldest_event_timestamp_seconds",
        "gauge",
        "spool_oldest",
        "Time of the oldest event that waits, in UNIX seconds; 0 where none does.",
    ),
)
"""What `picoevent status --format prometheus` adds, from outside."""


def text_format(metrics: Iterable[Metric], counters: Mapping[str, int]) -> str:
    """Return the metrics in the text format that Prometheus and its node exporter read."""
    return "".join(f"{line}\n" for metric in metrics for line in _lines(metric, counters))


def _lines(metric: Metric, counters: Mapping[str, int]) -> Iterator[str]:
    yield f"# HELP {metric.name} {metric.help}"
    yield f"# TYPE {metric.name} {metric.kind}"
    for labels, value in metric.samples(counters):
        # Labels are words of ours: nothing in them needs an escape.
        shown = ",".join(f'{name}="{word}"' for name, word in labels.items())
        yield f"{metric.name}{{{shown}}} {value}" if shown else f"{metric.name} {value}"
