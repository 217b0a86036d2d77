"""Accepting: what an event must be before it is written, and the reason for each refusal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from picoevent.accept import Rules, accept
from picoevent.errors import Rejected, RejectReason
from picoevent.event import NewEvent
from picoevent.ids import IdMinter, id_time
from picoevent.settings import Settings
from picoevent.testing import FakeClock

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CLOCK = FakeClock(NOON.timestamp() * 1000)
RULES = Rules(Settings(max_payload_bytes=100, source="shop"), IdMinter(clock_ms=CLOCK), CLOCK)


class HostileText(str):
    __slots__ = ()

    def __len__(self) -> int:
        raise ZeroDivisionError


def reason_for(event: NewEvent) -> RejectReason:
    with pytest.raises(Rejected) as caught:
        accept(event, RULES)
    return caught.value.reason


def test_an_event_is_accepted_with_the_settings_source_and_the_clocks_time():
    draft = accept(NewEvent("order.paid", {"amount": 42}, user_id=7), RULES)

    assert (draft.event_type, draft.source, draft.user_id) == ("order.paid", "shop", 7)
    assert draft.payload == b'{"amount":42}'
    assert id_time(draft.event_id) == NOON


@pytest.mark.parametrize("name", ["x", "x" * 100, " spaces ", "Ünïcode 😀", "'; DROP TABLE event_log; --", "a\x00b"])
def test_a_name_is_taken_as_it_is_written(name):
    assert accept(NewEvent(name), RULES).event_type == name


@pytest.mark.parametrize("name", ["", "x" * 101, "\ud800", None, 5, b"bytes"], ids=repr)
def test_any_other_name_is_refused(name):
    assert reason_for(NewEvent(name)) is RejectReason.EVENT_TYPE_INVALID
    if name is not None:
        assert reason_for(NewEvent("ok", source=name)) is RejectReason.SOURCE_INVALID


@pytest.mark.parametrize("user_id", [0, 1, 2**62 - 1, "ann", "0", "x" * 255, "ünï"])
def test_users_are_integers_or_texts(user_id):
    assert accept(NewEvent("ok", user_id=user_id), RULES).user_id == user_id


@pytest.mark.parametrize("user_id", [-1, 2**62, "", "x" * 256, True, 1.5, b"ann", "\udfff"], ids=repr)
def test_any_other_user_is_refused(user_id):
    assert reason_for(NewEvent("ok", user_id=user_id)) is RejectReason.USER_ID_INVALID


def test_a_time_of_its_own_is_kept_to_the_millisecond_whatever_its_zone():
    at = datetime(2015, 5, 18, 23, 30, 1, 2999, tzinfo=timezone(timedelta(hours=5, minutes=45)))

    draft = accept(NewEvent("ok", at=at), RULES)

    assert id_time(draft.event_id) == at.replace(microsecond=2000)


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        (NOON.replace(tzinfo=None), RejectReason.TIME_INVALID),
        (NOON.date(), RejectReason.TIME_INVALID),
        ("2026-01-01", RejectReason.TIME_INVALID),
        (datetime(1999, 12, 31, 23, 59, 59, tzinfo=UTC), RejectReason.TIME_INVALID),
        (datetime(2200, 1, 1, tzinfo=UTC), RejectReason.TIME_INVALID),
        (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))), RejectReason.TIME_INVALID),
        (NOON + timedelta(hours=24, seconds=1), RejectReason.TIME_IN_FUTURE),
    ],
    ids=str,
)
def test_a_time_that_can_not_be_is_refused(at, reason):
    assert reason_for(NewEvent("ok", at=at)) is reason


def test_a_time_up_to_a_day_ahead_is_taken():
    draft = accept(NewEvent("ok", at=NOON + timedelta(hours=24)), RULES)

    assert id_time(draft.event_id) == NOON + timedelta(hours=24)


def test_a_payload_may_be_as_large_as_the_setting_and_no_larger():
    room = 100 - len(b'{"x":""}')

    assert accept(NewEvent("ok", {"x": "y" * room}), RULES).payload is not None
    assert reason_for(NewEvent("ok", {"x": "y" * (room + 1)})) is RejectReason.DATA_TOO_LARGE


def test_an_empty_payload_and_none_are_the_same():
    assert accept(NewEvent("ok", {}), RULES).payload is None
    assert accept(NewEvent("ok"), RULES).payload is None


@pytest.mark.parametrize("data", [[], "text", 5, [("a", 1)]], ids=repr)
def test_data_that_is_no_mapping_is_refused(data):
    assert reason_for(NewEvent("ok", data)) is RejectReason.DATA_NOT_A_MAPPING


def test_an_event_whose_own_code_raises_is_refused():
    assert reason_for(NewEvent(HostileText("x"))) is RejectReason.UNREADABLE


def test_a_refused_event_uses_no_id():
    rules = Rules(Settings(), IdMinter(clock_ms=CLOCK), CLOCK)
    before = rules.minter.mint()

    reason_for(NewEvent(""))

    assert rules.minter.mint() == before + 1
