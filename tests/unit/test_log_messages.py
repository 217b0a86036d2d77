"""What PicoEvent writes into the log of its host says who speaks: a host has many libraries."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "picoevent"
ROOMS = ("contrib", "spool")
LOUD = {"warning", "error", "exception", "critical"}


def loud_messages(path):
    """The message of each warning and error in a file, as it is written there."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in LOUD
            and getattr(node.func.value, "id", "") == "logger"
        ):
            yield node.args[0].value


@pytest.mark.parametrize("room", ROOMS)
def test_each_warning_begins_with_who_speaks(room):
    messages = [message for path in (ROOT / room).rglob("*.py") for message in loud_messages(path)]

    assert messages
    assert [message for message in messages if not message.startswith("PicoEvent: ")] == []
