"""What the demo's shop declares: which keys of its events are counted, summed and searched."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from picoevent.eventlog import EventLog
    from picoevent.fold.wishes import Wishes

DECLARED: Mapping[str, Wishes] = {
    "page.view": {
        "description": "Somebody looked at a page.",
        "dimensions": ["path", "country", "device"],
        "distinct": ["session"],
    },
    "product.viewed": {"description": "Somebody looked at a product.", "dimensions": ["category", "sku"]},
    "search.performed": {"description": "Somebody looked for something.", "dimensions": ["query"]},
    "cart.added": {"description": "A product was put into a cart.", "dimensions": ["category", "sku"]},
    "order.paid": {
        "description": "An order was paid.",
        "dimensions": ["category", "country", "method", "currency"],
        "pairs": [("category", "country")],
        "measures": ["amount", "items"],
        "searchable": ["order"],
    },
    "order.refunded": {
        "description": "Money for an order was given back.",
        "dimensions": ["reason"],
        "measures": ["amount"],
        "searchable": ["order"],
    },
    "sign_in.failed": {
        "description": "Somebody could not sign in.",
        "dimensions": ["reason"],
        "searchable": ["ip"],
    },
    "app.error": {"description": "The shop failed to answer.", "dimensions": ["path", "error"]},
}


def declare_shop(events: EventLog) -> None:
    """Declare all of it; safe to repeat."""
    for event_type, wishes in DECLARED.items():
        events.declare(event_type, **wishes)
