"""Passwords of analysts: which ones are too easy, and their argon2id hashes; nothing is kept here."""

from __future__ import annotations

import secrets
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Protocol

from picoevent.errors import PicoEventError

MIN_CHARACTERS, MAX_CHARACTERS = 8, 1000
MIN_DISTINCT_CHARACTERS = 4

AT_ONCE = 2
"""How many hashes are made at the same time; each takes 64 MB and about a sixth of a second."""
WAIT_SECONDS = 5.0

# Of those that people choose most, the ones that are long enough; digits and keyboard rows are found by RUNS.
COMMON = frozenset(
    """
    password password1 password12 password123 password1234 passw0rd p@ssword p@ssw0rd pa55word passport
    12345678a 1234567a 123456789a a12345678 a1234567 abcd1234 abc12345 1q2w3e4r 1q2w3e4r5t q1w2e3r4 q1w2e3r4t5
    1qaz2wsx 1qaz2wsx3edc zaq12wsx qwerty123 qwerty1234 qwerty12 qwer1234 asdf1234 asdfasdf qazwsxedc zxcvbnm1
    iloveyou iloveyou1 iloveyou2 sunshine sunshine1 princess princess1 football football1 baseball baseball1
    basketball superman superman1 batman123 spiderman pokemon123 starwars starwars1 dragon123 monkey123 shadow123
    master123 welcome1 welcome12 welcome123 letmein1 letmein123 trustno1 changeme changeme1 changeme123 changeit
    admin123 admin1234 admin12345 administrator administrator1 root1234 rootroot adminadmin testtest test1234
    test12345 testing123 guest123 user1234 default1 secret123 secretsecret topsecret computer computer1 internet
    internet1 whatever whatever1 michelle jennifer jonathan nicholas charlotte victoria elizabeth alexander
    benjamin samantha danielle liverpool liverpool1 arsenal123 chelsea123 manchester mercedes corvette ferrari1
    hello123 hello1234 hellohello blink182 samsung1 samsung123 facebook google123 apple1234 summer2024 summer2025
    summer2026 winter2024 winter2025 winter2026 spring2025 spring2026 autumn2025 january1 december1 picoevent
    picoevent1 picoevent123 analyst1 analyst123 database database1 mysql123 mariadb1 letmeinnow opensesame
    """.split()  # noqa: SIM905  # a list of 140 quoted words would be read by nobody
)
# However many digits and signs stand behind them.
STEMS = frozenset(word.rstrip("0123456789") for word in COMMON)
RUNS = (
    "01234567890123456789",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "asdfghjkl",
    "1234567890qwertyuiop",
)


class PasswordRefused(PicoEventError):
    """The password is too short, too long, or one that is tried first."""


class TooManyAtOnce(PicoEventError):
    """More people sign in at this moment than this machine checks passwords for."""


class Hasher(Protocol):
    """What is used of `argon2.PasswordHasher`."""

    def hash(self, password: str | bytes) -> str:
        """Return the hash with its parameters and salt."""

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # noqa: A002  # the library's name for it
        """Return True, or raise."""

    def check_needs_rehash(self, hash: str | bytes) -> bool:  # noqa: A002  # the library's name for it
        """Return whether the hash has other parameters than this hasher."""


class Passwords:
    """Hash and check passwords, a few at a time; safe under threads. Raises `TooManyAtOnce`."""

    def __init__(self, hasher: Hasher | None = None, *, wait_seconds: float = WAIT_SECONDS) -> None:
        self._given = hasher
        self._wait_seconds = wait_seconds
        self._turns = threading.BoundedSemaphore(AT_ONCE)

    @cached_property
    def decoy(self) -> str:
        """A hash that no password fits, checked where there is no analyst, so that this takes as long."""
        return self.hash(secrets.token_urlsafe(32))

    def hash(self, password: str) -> str:
        """Return the hash to keep."""
        with self._turn():
            return self._hasher.hash(_bytes(password))

    def verify(self, kept: str, password: str) -> bool:
        """Return whether this is the password of a kept hash."""
        from argon2.exceptions import InvalidHashError, VerificationError

        with self._turn():
            try:
                return self._hasher.verify(kept, _bytes(password))
            except (VerificationError, InvalidHashError):
                return False

    def outdated(self, kept: str) -> bool:
        """Return whether a kept hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(kept)

    @cached_property
    def _hasher(self) -> Hasher:
        if self._given is not None:
            return self._given
        try:
            from argon2 import PasswordHasher
        except ImportError as error:
            message = "Passwords need the argon2-cffi package."
            raise PicoEventError(message, hint="pip install 'picoevent[web]'") from error
        return PasswordHasher()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._turns.acquire(timeout=self._wait_seconds):
            raise TooManyAtOnce("Too many people are signing in at this moment.", hint="Try again in a few seconds.")
        try:
            yield
        finally:
            self._turns.release()


def check_password(name: str, password: str) -> None:
    """Raise `PasswordRefused` for a password that is easy to guess, or that this name's owner would be asked first."""
    why = _weakness(name, _normal(password))
    if why:
        hint = f"Use {MIN_CHARACTERS} to {MAX_CHARACTERS:,} characters; three or four unrelated words are easy to keep."
        raise PasswordRefused(f"The password {why}.", hint=hint)


def _weakness(name: str, password: str) -> str:
    lowered = password.casefold()
    stem = lowered.rstrip("0123456789!?.*$#@_- ")
    if not MIN_CHARACTERS <= len(password) <= MAX_CHARACTERS:
        return f"has {len(password):,} characters"
    if any("\ud800" <= character <= "\udfff" for character in password):
        return "holds a character that UTF-8 can't"
    if name.casefold() in (lowered.strip(), stem):
        return "is the name itself, or the name with digits or signs behind it"
    if lowered in COMMON or stem in STEMS or any(lowered in run or lowered[::-1] in run for run in RUNS):
        return "is one of those that are tried first"
    if len(set(lowered)) < MIN_DISTINCT_CHARACTERS:
        return f"has fewer than {MIN_DISTINCT_CHARACTERS} different characters"
    return ""


def _normal(password: str) -> str:
    # Keyboards differ in how they write accents.
    return unicodedata.normalize("NFC", password)


def _bytes(password: str) -> bytes:
    return _normal(password).encode("utf-8", "surrogatepass")
