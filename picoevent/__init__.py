"""PicoEvent: the event log and BI for people whose data lives in MySQL or MariaDB."""

from __future__ import annotations

from picoevent.errors import (
    EventNotFound,
    InvalidQuery,
    PicoEventError,
    QueryTooCostly,
    Rejected,
    RejectReason,
    SettingsError,
    StoreCorrupt,
    StoreNotReady,
    StoreUnavailable,
)
from picoevent.event import Event, NewEvent, Page
from picoevent.eventlog import EventLog
from picoevent.settings import Settings

__version__ = "0.1.0"

__all__ = [
    "Event",
    "EventLog",
    "EventNotFound",
    "InvalidQuery",
    "NewEvent",
    "Page",
    "PicoEventError",
    "QueryTooCostly",
    "RejectReason",
    "Rejected",
    "Settings",
    "SettingsError",
    "StoreCorrupt",
    "StoreNotReady",
    "StoreUnavailable",
]
