"""The BI: pages on an event log for analysts, who sign in. It reads through `EventLog` and holds no SQL of its own."""

from __future__ import annotations

from picoevent_admin.app import create_app

__all__ = ["create_app"]
