"""The greeting of a server and the answer to it: arrays are offered where both sides are known to take them."""

from __future__ import annotations

import struct

import pytest

from picoevent.store.mysql_pipeline import offers_arrays, with_arrays

ANSWER = struct.pack("<IIB23s", 0x3FA68D, 2**24 - 1, 45, b"")


def greeting(flags, mariadb_flags, version=b"10.11.6-MariaDB"):
    """The first packet of a server: version, thread, salt, flags, character set, status, ... MariaDB's flags."""
    head = b"\x0a" + version + b"\0" + struct.pack("<I8sx", 7, b"saltsalt")
    return head + struct.pack("<HBHHB6xI", flags, 45, 2, 0x81BF, 21, mariadb_flags) + b"saltsaltsalt\0plugin\0"


@pytest.mark.parametrize(
    ("flags", "mariadb_flags", "offered"),
    [(0xF7FE, 0b100, True), (0xF7FE, 0b11111, True), (0xF7FE, 0b11, False), (0xF7FF, 0, False), (0xF7FF, 0b100, False)],
    ids=["MariaDB 10.2", "MariaDB 11", "MariaDB without", "MySQL", "MySQL with something there"],
)
def test_a_server_offers_arrays_by_its_flags(flags, mariadb_flags, offered):
    assert offers_arrays(greeting(flags, mariadb_flags)) is offered


@pytest.mark.parametrize("length", [0, 1, 10, 20, 40])
def test_a_greeting_that_ends_early_offers_nothing(length):
    assert not offers_arrays(greeting(0xF7FE, 0b100)[:length])


@pytest.mark.parametrize("rest", [b"", b"user\0\x14scramble"], ids=["request for TLS", "answer"])
def test_the_answer_takes_the_offer_and_is_the_same_otherwise(rest):
    answer, offered = with_arrays(ANSWER + rest)

    assert offered
    assert answer == struct.pack("<IIB19xI", 0x3FA68C, 2**24 - 1, 45, 0b100) + rest


@pytest.mark.parametrize(
    "answer",
    [b"", ANSWER[:31], struct.pack("<IIB19xI", 0x3FA68D, 1, 45, 1), struct.pack("<IIB23s", 0x3FA68C, 1, 45, b""),
     struct.pack("<IIB23s", 0x13FA68D, 1, 45, b""), struct.pack("<IIB23s", 0x3FA48D, 1, 45, b"")],
    ids=["empty", "short", "flags of MariaDB", "no CLIENT_MYSQL", "DEPRECATE_EOF", "another protocol"],
)  # fmt: skip
def test_an_answer_that_is_not_as_expected_is_left_alone(answer):
    assert with_arrays(answer) == (answer, False)
