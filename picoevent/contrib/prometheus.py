"""`PicoEventCollector`: the counters of an event log for `prometheus_client`, read when Prometheus asks; no thread."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector

from picoevent.contrib.metrics import COUNTED, Metric
from picoevent.eventlog import EventLog


class PicoEventCollector(Collector):
    """Export what became of the events of this process: `REGISTRY.register(PicoEventCollector(events))`.

    One for each process, and one event log for it: several would export the same names. Where a server has several
    processes, each answers for itself; `picoevent status --format prometheus` sums them up.
    """

    def __init__(self, events: EventLog) -> None:
        self._events = events

    def collect(self) -> Iterable[Family]:
        """Return all metrics, of one moment."""
        counters = self._events.counters()
        return [_family(metric, counters) for metric in COUNTED]

    def describe(self) -> Iterable[Family]:
        """Return the names, so that registering asks the event log nothing."""
        return [_family(metric, {}) for metric in COUNTED]


def _family(metric: Metric, counters: dict[str, int]) -> Family:
    kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    # The package puts `_total` behind the name of a counter by itself.
    family = kind(metric.name.removesuffix("_total"), metric.help, labels=[metric.label] if metric.label else [])
    for labels, value in metric.samples(counters):
        family.add_metric(list(labels.values()), value)
    return family
