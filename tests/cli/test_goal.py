"""`picoevent goal` keeps goals, and `picoevent report goals` tells who reached them."""

from __future__ import annotations

import json


def test_a_goal_is_added_reached_listed_and_removed(ready_url, run):
    added = run(
        "goal", "add", "paid", "order.paid", "--where", "plan=team", "--where", "plan=solo", "--worth", "amount"
    )
    run("log", "order.paid", '{"plan": "team", "amount": 4.5}', "--user", "7")
    run("log", "order.paid", '{"plan": "free", "amount": 1}', "--user", "8")

    listed = json.loads(run("goal", "list", "--format", "json").stdout)
    (row,) = json.loads(run("report", "goals", "--format", "json").stdout)["rows"]
    removed = run("goal", "remove", "paid")

    assert added.stdout == "paid is a goal now. See: picoevent report goals\n"
    assert listed == [{"name": "paid", "event_type": "order.paid", "filters": "plan=team|solo", "measure": "amount"}]
    assert (row["conversions"], row["users"], row["rate"], row["value"]) == (1, 1, 0.5, "4.5")
    assert removed.stdout == "paid is no goal any more.\n"
    assert "There is none yet" in run("goal", "list").stderr


def test_what_is_wrong_is_told(ready_url, run):
    assert run("goal", "add", "a", "signup", "--where", "plan").exit_code == 2
    assert "is not a condition" in run("goal", "add", "a", "signup", "--where", "plan").stderr
    assert "There is no goal 'a'" in run("goal", "remove", "a").stderr
