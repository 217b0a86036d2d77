"""Who comes to the demo shop: customers who return, wholesale accounts, passers-by. Nobody of them exists.

Addresses are from the documentation ranges (RFC 5737) and from private networks only.
"""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from picoevent.demo.catalogue import COUNTRIES, CURRENCIES, DEVICES, PLANS
from picoevent.demo.chance import pick

FIRST_CUSTOMER = 1_001
CUSTOMERS = 4_000
WHOLESALERS = 30

PUBLIC_NETWORKS = ("192.0.2.", "198.51.100.", "203.0.113.")
ATTACKER_IP = "203.0.113.66"

_WHOLESALE_SHARE = 0.02
_CUSTOMER_SHARE = 0.55
_PUBLIC_SHARE = 0.35
# The power makes the tail heavy: a tenth of the customers makes about two fifths of the customers' visits.
# The head start keeps the first few from making most of them: nobody comes much more than twice a day.
_TAIL = 3.4
_HEAD = 15


class Visitor(NamedTuple):
    """A person or a browser; `user_id` None means that the shop does not know who it is."""

    user_id: int | str | None
    ip: str
    device: str
    country: str
    plan: str | None

    @property
    def currency(self) -> tuple[str, float]:
        """Return the currency's code, and what one EUR is in it."""
        return CURRENCIES.get(self.country, ("EUR", 1.0))


def _address(rng: Random) -> str:
    """Return an address that is never the attacker's."""
    if rng.random() > _PUBLIC_SHARE:
        return f"10.{int(rng.random() * 64)}.{int(rng.random() * 256)}.{1 + int(rng.random() * 254)}"
    address = f"{pick(rng, PUBLIC_NETWORKS)}{1 + int(rng.random() * 254)}"
    return "192.168.10.66" if address == ATTACKER_IP else address


def _stranger(rng: Random) -> Visitor:
    """Return somebody new."""
    return Visitor(None, _address(rng), pick(rng, DEVICES), pick(rng, COUNTRIES), None)


def _acquaintance(user_id: int | str) -> Visitor:
    """Return the traits of a user, which depend on the user's id alone.

    So whoever lived in AT in the history still does in the trickle, whatever the seeds.
    """
    rng = Random(f"visitor {user_id}")
    return _stranger(rng)._replace(user_id=user_id, plan=pick(rng, PLANS))


class People:
    """Everybody who may come, and those who become customers on the way."""

    def __init__(self, rng: Random, next_customer: int = FIRST_CUSTOMER + CUSTOMERS) -> None:
        """Draw from `rng`; new customers get ids from `next_customer` on."""
        self._rng = rng
        self._known: dict[int | str, Visitor] = {}
        self._newcomers: list[int] = []
        self._next_customer = next_customer

    def someone(self) -> Visitor:
        """Return the next visitor: a wholesaler, a customer, or a stranger."""
        lot = self._rng.random()
        if lot < _WHOLESALE_SHARE:
            return self._recall(f"wholesale-{1 + int(self._rng.random() * WHOLESALERS):02}")
        if lot < _CUSTOMER_SHARE:
            return self._recall(self._customer())
        return _stranger(self._rng)

    def register(self, visitor: Visitor) -> Visitor:
        """Make a stranger a customer, who may come back."""
        user_id = self._next_customer
        self._next_customer += 1
        self._newcomers.append(user_id)
        self._known[user_id] = visitor._replace(user_id=user_id, plan=pick(self._rng, PLANS))
        return self._known[user_id]

    def _customer(self) -> int:
        """Draw a customer's id; the tail is heavy, and newcomers stand at its end."""
        everybody = CUSTOMERS + len(self._newcomers)
        floor = (_HEAD / (everybody + _HEAD)) ** (1 / _TAIL)
        rank = int((everybody + _HEAD) * (floor + (1 - floor) * self._rng.random()) ** _TAIL) - _HEAD
        rank = min(max(rank, 0), everybody - 1)  # rounding may step over either end
        if rank >= CUSTOMERS:
            return self._newcomers[rank - CUSTOMERS]
        # 1,237 has no factor in common with CUSTOMERS: the regulars are spread over all ids.
        return FIRST_CUSTOMER + rank * 1_237 % CUSTOMERS

    def _recall(self, user_id: int | str) -> Visitor:
        """Return the visitor of an id, the same at every visit."""
        visitor = self._known.get(user_id)
        if visitor is None:
            visitor = self._known[user_id] = _acquaintance(user_id)
        return visitor
