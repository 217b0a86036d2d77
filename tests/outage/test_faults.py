"""Every scenario of `make torture`, in its short form: nothing acknowledged is lost, nothing is there twice."""

from __future__ import annotations

import os

import pytest

from torture.catalogue import SCENARIOS
from torture.machine import MACHINE

NEED_ROOT = {"R10", "R11"}
"""They mount disks."""

TRIES = 3
"""Whatever was lost or doubled fails at once. What was late is tried again: others may have had the processors."""

FAULTS = [scenario for scenario in SCENARIOS if scenario is not MACHINE]


@pytest.mark.parametrize("scenario", FAULTS, ids=[scenario.name for scenario in FAULTS])
def test_a_fault_costs_nothing_that_was_acknowledged(new_site, scenario, record_property):
    if scenario.name in NEED_ROOT and os.geteuid() != 0 and "CI" not in os.environ:
        pytest.skip(f"{scenario.name} mounts disks of its own, which only root may do")

    for try_number in range(1, TRIES + 1):
        with new_site() as site:
            verdict = scenario.run(site, scenario.short)

        record_property(f"scenario, try {try_number}", "; ".join(verdict.notes))
        assert verdict.failures == [], verdict.notes
        assert verdict.trials > 0
        if not verdict.late:
            return
    pytest.fail(f"{TRIES} times in a row too late: {verdict.late}; {verdict.notes}")
