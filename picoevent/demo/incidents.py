"""What is out of the ordinary in the demo shop: an attack, an outage, a campaign day.

Their times depend on the window only, not on the seed, so that the story is told without generating events.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from random import Random
from typing import NamedTuple

from picoevent.demo.chance import deck, pick
from picoevent.demo.moments import MINUTE_MS, SHOP_ZONE, Step, Window, to_ms
from picoevent.demo.people import ATTACKER_IP

_LAST_WORKDAY = 4
_ATTACK_GUESSES = 0.68
_ATTACKER: dict[str, object] = {"ip": ATTACKER_IP, "device": "script"}
_ATTACK_ACCOUNTS = deck({"admin": 9, "root": 5, "info": 3, "office": 2, "test": 3, "shop": 2, "support": 1})
_ODD_PATHS = deck(
    {"/wp-login.php": 6, "/.env": 5, "/admin.php": 4, "/.git/config": 4, "/phpmyadmin/": 3}
    | {"/backup.zip": 2, "/server-status": 2, "/cgi-bin/test": 1, "/../../etc/passwd": 1}
)
_PAYMENT_STEPS = ("checkout.started", "order.paid", "payment.failed")
_PAYMENT_KEYS = ("session", "ip", "device", "country", "amount", "currency")
_VISITOR_KEYS = ("session", "ip", "device", "country")


class Incidents(NamedTuple):
    """What happens when; None where the window is too short for it."""

    attack: Window | None
    outage: Window | None
    campaign: Window | None


def incidents_between(start: datetime, end: datetime) -> Incidents:
    """Place the incidents, each wholly in [start, end).

    The attack is in the night two days before the end, the outage over the lunch peak of a weekday four to
    six days before it, the campaign twelve days before it.
    """
    bounds = Window(to_ms(start), to_ms(end))
    last_day = end.astimezone(SHOP_ZONE).date()
    troubled_day = last_day - timedelta(days=4)
    troubled_day -= timedelta(days=max(0, troubled_day.weekday() - _LAST_WORKDAY))

    def place(day_offset: timedelta, begins: time, minutes: int) -> Window | None:
        local = datetime.combine(last_day - day_offset, begins, tzinfo=SHOP_ZONE)
        begin_ms = to_ms(local)
        window = Window(begin_ms, begin_ms + minutes * MINUTE_MS)
        return window if bounds.begin_ms <= begin_ms and window.end_ms <= bounds.end_ms else None

    return Incidents(
        attack=place(timedelta(days=2), time(1, 12), 125),
        outage=place(last_day - troubled_day, time(12, 25), 40),
        campaign=place(timedelta(days=12), time(7), 16 * 60),
    )


def attack_steps(rng: Random, window: Window, tries: int) -> list[Step]:
    """Return what one address does in a night: it guesses passwords, and looks for doors left open."""
    moments = (window.begin_ms + int(rng.random() * (window.end_ms - window.begin_ms)) for _ in range(tries))
    return [_attack_step(rng, at_ms) for at_ms in sorted(moments)]


def _attack_step(rng: Random, at_ms: int) -> Step:
    """Return one guess at a password, or one look at a page that is not there."""
    if rng.random() < _ATTACK_GUESSES:
        guess = {"account": pick(rng, _ATTACK_ACCOUNTS), "reason": "wrong_password"}
        return Step(at_ms, "sign_in.failed", _ATTACKER | guess, None, "shop-api")
    look = {"path": pick(rng, _ODD_PATHS), "status": 404, "latency_ms": 4 + int(rng.random() * 9)}
    return Step(at_ms, "page.view", _ATTACKER | look, None, "shop")


def interrupt(visit: list[Step], outage: Window) -> list[Step]:
    """Cut a visit at the outage: its first step in there fails, and the visitor gives up."""
    for place, step in enumerate(visit):
        if step.at_ms in outage:
            return [*visit[:place], _failure(step)]
    return visit


def _failure(step: Step) -> Step:
    """Return what the log shows instead of a step while the shop is down."""
    if step.event_type in _PAYMENT_STEPS:
        data = {key: step.data[key] for key in _PAYMENT_KEYS} | {"reason": "gateway_timeout"}
        return step._replace(event_type="payment.failed", data=data, source="shop-api")
    data = {key: step.data[key] for key in _VISITOR_KEYS}
    data |= {"path": step.data.get("path", "/"), "status": 503, "error": "database_unreachable"}
    return step._replace(event_type="app.error", data=data, source="shop")


def postpone(step: Step, outage: Window) -> Step:
    """Move work of the back office out of the outage: it is done once the shop is up again."""
    if step.at_ms not in outage:
        return step
    return step._replace(at_ms=step.at_ms + outage.end_ms - outage.begin_ms)
