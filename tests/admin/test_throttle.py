"""How often a sign-in may be tried, in memory and in Redis, and what happens when Redis is away."""

from __future__ import annotations

import pytest

from picoevent import Settings
from picoevent_admin.throttle import Throttle


def tries_until_stopped(throttle: Throttle, name: str = "Ann", address: str = "192.0.2.1") -> int:
    return next(count for count in range(1000) if throttle.seconds_to_wait(name, address))


@pytest.fixture(params=["memory", "redis"])
def throttle(request) -> Throttle:
    url = "memory://" if request.param == "memory" else request.getfixturevalue("redis_url")
    return Throttle(Settings(cache_url=url, cache_timeout_ms=5000))


def test_an_account_is_tried_ten_times_from_an_address(throttle):
    assert tries_until_stopped(throttle) == 10
    assert 1 <= throttle.seconds_to_wait("Ann", "192.0.2.1") <= 300


def test_a_victim_can_still_sign_in_from_elsewhere(throttle):
    tries_until_stopped(throttle)

    assert throttle.seconds_to_wait("Ann", "192.0.2.2") == 0


def test_an_address_is_stopped_whatever_names_it_tries(throttle):
    tried = sum(throttle.seconds_to_wait(f"name {number}", "192.0.2.1") == 0 for number in range(200))

    assert tried == 50


def test_spelling_and_neighbouring_addresses_are_no_way_around(throttle):
    names = [" Ann", "ANN ", "ann", "aNN"] * 3
    addresses = [f"2001:db8::{number:x}" for number in range(len(names))]

    waits = [throttle.seconds_to_wait(name, address) for name, address in zip(names, addresses, strict=True)]

    assert sum(wait == 0 for wait in waits) == 10


def test_a_success_forgets_the_tries_before_it(throttle):
    tries_until_stopped(throttle)

    throttle.forget("Ann", "192.0.2.1")

    assert throttle.seconds_to_wait("Ann", "192.0.2.1") == 0


def test_without_redis_the_process_counts_for_itself(own_redis, caplog):
    redis = own_redis()
    throttle = Throttle(Settings(cache_url=f"redis://127.0.0.1:{redis.port}/0"))
    redis.stop()

    assert tries_until_stopped(throttle) == 10

    assert len(caplog.messages) == 1
    assert "this process counts for itself" in caplog.messages[0]


def test_the_eleventh_try_is_answered_with_when_to_come_back(stranger, caplog):
    for _ in range(10):
        assert stranger.sign_in("Ann Example", "wrong password").status_code == 401

    refused = stranger.sign_in("Ann Example", "four words in a row")

    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 300
    assert "Too many tries. Try again in 5 minutes." in refused.text
    assert stranger.get("/events/").status_code == 302
    assert caplog.messages[-1] == "Refused a sign-in as Ann Example from 127.0.0.1: too many tries"


def test_unknown_names_are_stopped_with_the_same_words(stranger):
    for _ in range(10):
        stranger.sign_in("Nobody", "wrong password")

    assert "Too many tries. Try again in 5 minutes." in stranger.sign_in("Nobody", "wrong password").text


def test_a_forged_address_changes_nothing(stranger):
    for number in range(10):
        stranger.client.environ_base["HTTP_X_FORWARDED_FOR"] = f"203.0.113.{number}"
        stranger.sign_in("Ann Example", "wrong password")

    assert stranger.sign_in("Ann Example", "wrong password").status_code == 429
