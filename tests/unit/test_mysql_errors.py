"""What a server of MySQL says of itself, on its way into somebody's log."""

from __future__ import annotations

import pymysql
import pytest
from sqlalchemy import make_url

from picoevent.store.mysql import MAX_SAID, MySQLBackend


@pytest.mark.parametrize("code", [1130, 1045, 1366, 1062])
def test_an_error_message_can_neither_forge_a_line_nor_steer_a_terminal(code):
    backend = MySQLBackend(make_url("mysql+pymysql://app@db1/shop"))

    error = backend.translate(pymysql.OperationalError(code, "für\nERROR forged\x1b[31m\u202e" + "A" * 10_000))

    assert str(error).isprintable()
    assert r"für\nERROR forged\x1b[31m\u202e" in str(error)
    assert len(str(error)) < MAX_SAID + 200
