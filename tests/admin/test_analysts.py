"""Promises of `picoevent.analysts`: passwords, sessions that end with them, and links that work once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select, update

from picoevent import PicoEventError, Settings
from picoevent.analysts import AnalystNameRefused, AnalystNotFound, Analysts, open_analysts
from picoevent.passwords import COMMON, PasswordRefused, Passwords, TooManyAtOnce
from picoevent.store import open_store
from picoevent.store.base import Purpose
from picoevent.store.tables import analyst as analyst_table
from picoevent.store.tables import sign_in_link

PASSWORD = "four words in a row"
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class Clock:
    """A clock that is set by hand, in Unix milliseconds."""

    def __init__(self) -> None:
        self.now = 1_780_000_000_000

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


ON_EACH_STORE = pytest.mark.parametrize("store", ["sqlite", "mysql"], indirect=True)


@pytest.fixture(params=["sqlite"])
def store(request):
    url = request.getfixturevalue(f"{request.param}_url")
    opened = open_store(url, Settings(url=url, deadline_ms=10_000), Purpose.WRITE)
    opened.init()
    yield opened
    opened.close()


@pytest.fixture
def analysts(store, clock) -> Analysts:
    return Analysts(store, clock, hasher=QUICK)


@pytest.fixture
def ann(analysts):
    return analysts.create("Ann", PASSWORD)


@ON_EACH_STORE
def test_an_analyst_signs_in_with_name_and_password(analysts, ann):
    assert analysts.verify("Ann", PASSWORD) == ann
    assert analysts.verify(" Ann ", PASSWORD) == ann
    assert analysts.verify("Ann", PASSWORD + "!") is None
    assert analysts.verify("ann", PASSWORD) is None
    assert analysts.verify("Ben", PASSWORD) is None


@ON_EACH_STORE
def test_a_name_is_given_once(analysts, ann):
    with pytest.raises(AnalystNameRefused, match="already"):
        analysts.create("Ann", PASSWORD)

    assert [analyst.name for analyst in analysts.list()] == ["Ann"]


@pytest.mark.parametrize("name", ["", "   ", "n" * 101, "Ann\x1b[2J", "Ann\u202e"], ids=repr)
def test_a_name_is_readable_and_of_some_length(analysts, name):
    with pytest.raises(AnalystNameRefused):
        analysts.create(name, PASSWORD)


@ON_EACH_STORE
@pytest.mark.parametrize("name", ["Zoë", "山田太郎", 'O\'Brien "x"', "<b>"])
def test_a_name_is_kept_as_it_was_written(analysts, name):
    analysts.create(name, PASSWORD)

    assert analysts.verify(name, PASSWORD).name == name


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("1234567", "7 characters"),
        ("x" * 1001, "1,001 characters"),
        ("Password123", "tried first"),
        ("123456789", "tried first"),
        ("qwertyuiop", "tried first"),
        ("hgfedcba", "tried first"),
        ("long enough name", "the name itself"),
        ("abababababab", "fewer than 4 different"),
        ("\udcffabcdefgh", "UTF-8"),
    ],
)
def test_a_password_that_is_easily_guessed_is_refused_with_its_reason(analysts, password, why):
    with pytest.raises(PasswordRefused, match=why) as refused:
        analysts.create("Long Enough Name", password)

    assert password not in str(refused.value)


def test_the_list_of_common_passwords_holds_what_the_length_lets_through():
    assert all(len(word) >= 8 and word == word.casefold() for word in COMMON)


def test_accents_may_be_typed_either_way(analysts):
    analysts.create("Zoe\u0308", "cafe\u0301 au lait")

    assert analysts.verify("Zo\u00eb", "caf\u00e9 au lait") is not None


def test_only_a_hash_is_kept(store, analysts, ann):
    with store.transaction() as connection:
        kept = connection.execute(select(analyst_table.c.password_hash)).scalar_one()

    assert kept.startswith("$argon2id$")
    assert PASSWORD not in kept


@ON_EACH_STORE
def test_a_hash_of_older_parameters_is_renewed_at_sign_in(store, analysts, ann):
    stronger = Analysts(store, hasher=PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))

    assert stronger.verify("Ann", PASSWORD) == ann

    with store.transaction() as connection:
        assert "m=16,t=2" in connection.execute(select(analyst_table.c.password_hash)).scalar_one()
    assert stronger.verify("Ann", PASSWORD) == ann


def test_a_rubbish_hash_lets_nobody_in(store, analysts, ann):
    with store.transaction() as connection:
        connection.execute(update(analyst_table).values(password_hash="rubbish"))

    assert analysts.verify("Ann", PASSWORD) is None


class CountingHasher(PasswordHasher):
    """Notes what it is asked to check."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.checked = 0

    def verify(self, hash, password) -> bool:  # noqa: A002
        self.checked += 1
        return super().verify(hash, password)


@pytest.mark.parametrize("name", ["Ann", "Nobody", "Off"])
def test_a_wrong_sign_in_costs_one_check_whatever_is_wrong(store, name):
    hasher = CountingHasher()
    analysts = Analysts(store, hasher=hasher)
    analysts.create("Ann", PASSWORD)
    analysts.create("Off", PASSWORD)
    analysts.disable("Off")

    assert analysts.verify(name, "wrong password") is None

    assert hasher.checked == 1


@ON_EACH_STORE
def test_a_new_password_ends_sessions_and_links(analysts, ann):
    session, link = analysts.session_token(ann), analysts.make_sign_in_link(ann)

    analysts.set_password("Ann", "another four words in a row")

    assert analysts.of_session(session) is None
    assert analysts.use_sign_in_link(link) is None
    assert analysts.verify("Ann", PASSWORD) is None
    assert analysts.verify("Ann", "another four words in a row") is not None


@ON_EACH_STORE
def test_a_disabled_analyst_is_out_at_once_and_comes_back_without_old_sessions(analysts, ann):
    session = analysts.session_token(ann)

    analysts.disable("Ann")

    assert analysts.of_session(session) is None
    assert analysts.verify("Ann", PASSWORD) is None
    analysts.enable("Ann")
    assert analysts.verify("Ann", PASSWORD) is not None
    assert analysts.of_session(session) is None


@pytest.mark.parametrize("change", [Analysts.disable, Analysts.enable])
def test_changing_somebody_unknown_says_so(analysts, change):
    with pytest.raises(AnalystNotFound, match="'Nobody'"):
        change(analysts, "Nobody")


@pytest.mark.parametrize("token", ["", "1", "1.", "x.y", "1.00", "-1.a", "9" * 30 + ".a", "²." + "0" * 32])
def test_a_forged_session_is_nobodys(analysts, ann, token):
    assert analysts.of_session(token) is None


def test_a_session_is_its_analysts(analysts, ann):
    assert analysts.of_session(analysts.session_token(ann)) == ann
    assert "salt" not in repr(ann)


@ON_EACH_STORE
def test_a_link_signs_in_once(analysts, ann):
    token = analysts.make_sign_in_link(ann)

    assert analysts.find_sign_in_link(token) == ann
    assert analysts.find_sign_in_link(token) == ann
    assert analysts.use_sign_in_link(token) == ann
    assert analysts.use_sign_in_link(token) is None
    assert analysts.find_sign_in_link(token) is None


@ON_EACH_STORE
def test_a_link_runs_out(analysts, ann, clock):
    token = analysts.make_sign_in_link(ann, minutes=15)

    clock.now += 15 * 60_000

    assert analysts.use_sign_in_link(token) is None


def test_a_link_of_a_disabled_analyst_is_worth_nothing(analysts, ann):
    token = analysts.make_sign_in_link(ann)

    analysts.disable("Ann")
    analysts.enable("Ann")

    assert analysts.use_sign_in_link(token) is None


@ON_EACH_STORE
def test_links_that_ran_out_are_cleared_away_and_tokens_are_not_kept(store, analysts, ann, clock):
    analysts.make_sign_in_link(ann, minutes=1)
    clock.now += 60_001

    token = analysts.make_sign_in_link(ann)

    with store.transaction() as connection:
        kept = connection.execute(select(sign_in_link.c.token_sha256)).scalars().all()
    assert len(kept) == 1
    assert token.encode() not in bytes(kept[0])


@ON_EACH_STORE
def test_of_eight_that_use_a_link_at_once_one_gets_in(analysts, ann):
    token = analysts.make_sign_in_link(ann)
    at_once = Barrier(8)

    def use(_):
        at_once.wait()
        return analysts.use_sign_in_link(token)

    with ThreadPoolExecutor(8) as threads:
        admitted = list(threads.map(use, range(8)))

    assert admitted.count(ann) == 1
    assert admitted.count(None) == 7


def test_sessions_are_checked_on_the_next_store_where_the_first_does_not_answer(store, analysts, ann, tmp_path):
    away = open_store(f"sqlite:///{tmp_path}/nowhere/x.db", Settings(), Purpose.READ)
    both = Analysts(store, reading=[away, store], hasher=QUICK)

    assert both.of_session(analysts.session_token(ann)) == ann
    assert both.verify("Ann", PASSWORD) == ann


def test_analysts_of_settings_are_opened_without_touching_the_database(tmp_path):
    path = tmp_path / "none.db"

    open_analysts(Settings(url=f"sqlite:///{path}")).close()

    assert not path.exists()


def test_more_sign_ins_than_turns_say_so_instead_of_waiting_for_ever():
    passwords = Passwords(QUICK, wait_seconds=0.01)

    with passwords._turn(), passwords._turn(), pytest.raises(TooManyAtOnce):
        passwords.hash(PASSWORD)

    assert passwords.hash(PASSWORD)


def test_without_argon2_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "argon2", None)

    with pytest.raises(PicoEventError, match="picoevent\\[web\\]"):
        Passwords().hash(PASSWORD)


def test_hashes_take_a_tenth_to_half_a_second_of_work():
    """Measured as parameters, not as time: a busy machine would make a clock lie."""
    hasher = Passwords()._hasher

    assert hasher.memory_cost >= 64 * 1024
    assert hasher.time_cost >= 3
