"""Pooled connections that were idle are tried before they are used; one just used costs no round trip."""

from __future__ import annotations

import math
import time
from typing import Any

from pymysql import MySQLError
from sqlalchemy import Engine, event
from sqlalchemy.exc import InvalidatePoolError

PING_SECONDS = 0.1
"""A connection that was used within so many seconds is taken to be alive: no server restarts so quickly."""


def ping_idle(engine: Engine) -> None:
    """Have the engine's pool connect again where the server has closed its connections meanwhile."""
    event.listen(engine, "checkin", _note)
    event.listen(engine, "checkout", _try)


def _note(_connection: object, record: Any) -> None:  # noqa: ANN401  # SQLAlchemy's own
    record.info["idle_since"] = time.monotonic()


def _try(connection: Any, record: Any, _proxy: object) -> None:  # noqa: ANN401  # as above
    if time.monotonic() - record.info.get("idle_since", math.inf) < PING_SECONDS:
        return
    try:
        connection.ping(reconnect=False)
    except (MySQLError, OSError) as error:
        raise InvalidatePoolError("The server has closed its connections.") from error
