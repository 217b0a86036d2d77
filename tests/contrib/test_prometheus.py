"""What Prometheus is told: by the collector within a process, and as text."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.parser import text_string_to_metric_families

from picoevent import RejectReason
from picoevent.contrib.metrics import COUNTED, OF_THE_MACHINE, text_format
from picoevent.contrib.prometheus import PicoEventCollector


@pytest.fixture
def registry(embedded):
    """A registry that knows the embedded event log."""
    registry = CollectorRegistry()
    registry.register(PicoEventCollector(embedded))
    return registry


def values(text):
    families = text_string_to_metric_families(text)
    return {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}


def test_what_became_of_the_events_is_exported(embedded, registry):
    embedded.log_many([{"event_type": "a"}] * 3)
    embedded.log("")

    assert registry.get_sample_value("picoevent_events_total", {"state": "stored"}) == 3
    assert registry.get_sample_value("picoevent_events_refused_total", {"reason": "event_type_invalid"}) == 1
    assert registry.get_sample_value("picoevent_events_in_flight") == 0


def test_every_reason_is_there_from_the_beginning(registry):
    found = values(generate_latest(registry).decode())

    assert all(found["picoevent_events_refused_total", reason] == 0 for reason in RejectReason)


def test_the_text_without_the_package_is_what_the_package_writes(embedded, registry):
    embedded.log("a")

    assert text_format(COUNTED, embedded.counters()).split("\n") == [
        line.replace(".0", "") for line in generate_latest(registry).decode().split("\n")
    ]


def test_openmetrics_takes_the_names_too(registry):
    assert generate_openmetrics(registry).endswith(b"# EOF\n")


def test_names_and_kinds_are_as_prometheus_wants_them():
    metrics = (*COUNTED, *OF_THE_MACHINE)

    assert len({metric.name for metric in metrics}) == len(metrics)
    assert all((metric.kind == "counter") == metric.name.endswith("_total") for metric in metrics)
    assert all(metric.help.endswith(".") and "\n" not in metric.help for metric in metrics)


def test_how_reports_were_answered_is_exported(embedded, registry):
    embedded._parts.writing.count_report("hits")
    embedded._parts.writing.count_report("stale")

    answers = {
        how: registry.get_sample_value("picoevent_report_answers_total", {"how": how}) for how in ("hit", "miss")
    }
    assert answers == {"hit": 1, "miss": 0}
