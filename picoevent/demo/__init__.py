"""The demo shop: invented but lifelike events for a first look at the BI. Not a load generator."""

from __future__ import annotations

from picoevent.demo.shop import EVENTS_PER_DAY, shop_events, story, trickle

__all__ = ["EVENTS_PER_DAY", "shop_events", "story", "trickle"]
