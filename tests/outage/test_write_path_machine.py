"""The write path as a state machine: histories that Hypothesis draws, the same in every run (`torture.machine`)."""

from __future__ import annotations

from torture.machine import MACHINE


def test_no_history_of_calls_kills_cuts_outages_and_full_disks_loses_or_doubles_an_event(site):
    verdict = MACHINE.run(site, MACHINE.short)

    assert verdict.failures == []
    assert verdict.acked > 100
