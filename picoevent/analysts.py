"""Analysts, the people who browse: their names, passwords, sessions and one-time links; not the users of events."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import unicodedata
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from sqlalchemy import Connection, Row, delete, insert, select, update

from picoevent.errors import PicoEventError, StoreUnavailable
from picoevent.ids import wall_clock_ms
from picoevent.passwords import Hasher, Passwords, check_password
from picoevent.settings import Settings
from picoevent.store import open_store
from picoevent.store.base import DuplicateKey, Purpose
from picoevent.store.sql import SqlStore
from picoevent.store.tables import analyst as analyst_table
from picoevent.store.tables import sign_in_link

MAX_NAME_CHARACTERS = 100
LINK_MINUTES = 15
ACTIVE, DISABLED = "active", "disabled"
MINUTE_MS = 60_000

Answer = TypeVar("Answer")


class AnalystNameRefused(PicoEventError):
    """The name can't be an analyst's: too long, not to be read, or taken."""


class AnalystNotFound(PicoEventError, LookupError):
    """No analyst has this name."""


@dataclass(frozen=True, slots=True)
class Analyst:
    """A person who may sign in to the BI, or may not any more."""

    analyst_id: int
    name: str
    enabled: bool
    created: datetime
    session_salt: str = field(repr=False)


class Analysts:
    """Keep analysts in a store; safe under threads, not across a fork.

    `reading` are the stores that are asked, in this order, until one answers; without them it is `store`. Every call
    may raise `StoreUnavailable` or `StoreNotReady`.
    """

    def __init__(
        self,
        store: SqlStore,
        clock_ms: Callable[[], int] = wall_clock_ms,
        *,
        reading: Sequence[SqlStore] = (),
        hasher: Hasher | None = None,
    ) -> None:
        self._store = store
        self._clock_ms = clock_ms
        self._reading = tuple(reading) or (store,)
        self._passwords = Passwords(hasher)

    def create(self, name: str, password: str) -> Analyst:
        """Make an analyst; raise `AnalystNameRefused` or `PasswordRefused`."""
        name = check_name(name)
        check_password(name, password)
        values = {
            "name": name,
            "password_hash": self._passwords.hash(password),
            "session_salt": _new_salt(),
            "status": ACTIVE,
            "created_ms": self._clock_ms(),
        }
        try:
            with self._store.transaction() as connection:
                connection.execute(insert(analyst_table).values(values))
                return _required(connection, name)
        except DuplicateKey:
            message = f"There is an analyst {name!r} already."
            raise AnalystNameRefused(message, hint="Choose another name, or set a new password.") from None

    def set_password(self, name: str, password: str) -> None:
        """Give an analyst another password; every session and every link of theirs ends."""
        check_password(_normal(name), password)
        values = {"password_hash": self._passwords.hash(password), "session_salt": _new_salt()}
        self._change(name, values)

    def disable(self, name: str) -> None:
        """Keep an analyst out from now on; every session and every link of theirs ends."""
        self._change(name, {"status": DISABLED, "session_salt": _new_salt()})

    def enable(self, name: str) -> None:
        """Let an analyst in again, with the password they had."""
        self._change(name, {"status": ACTIVE})

    def end_sessions(self, name: str) -> None:
        """End every session of an analyst, wherever its cookie is by now; links that were not used yet stay."""
        with self._store.transaction() as connection:
            mine = analyst_table.c.analyst_id == _required(connection, _normal(name)).analyst_id
            connection.execute(update(analyst_table).where(mine).values(session_salt=_new_salt()))

    def list(self) -> tuple[Analyst, ...]:
        """Return every analyst, by name."""
        rows = select(analyst_table).order_by(analyst_table.c.name)
        return self._read(lambda connection: tuple(_to_analyst(row) for row in connection.execute(rows)))

    def find(self, name: str) -> Analyst | None:
        """Return the analyst of a name, or None."""
        return self._read(lambda connection: _optional(_find(connection, _normal(name))))

    def get(self, analyst_id: int) -> Analyst | None:
        """Return an analyst by number, or None."""
        row = select(analyst_table).where(analyst_table.c.analyst_id == analyst_id)
        return self._read(lambda connection: _optional(connection.execute(row).first()))

    def verify(self, name: str, password: str) -> Analyst | None:
        """Return the analyst of this name and password, or None, in the same time whatever is wrong.

        A hash with other parameters than today's is renewed on the way. Raises `TooManyAtOnce`.
        """
        decoy = self._passwords.decoy
        row = self._read(lambda connection: _find(connection, _normal(name)))
        right = self._passwords.verify(decoy if row is None else row.password_hash, password)
        if row is None or not right or row.status != ACTIVE:
            return None
        if self._passwords.outdated(row.password_hash):
            self._renew_hash(row.analyst_id, password)
        return _to_analyst(row)

    def session_token(self, analyst: Analyst) -> str:
        """Return what a session keeps of its analyst; it is worth nothing once the password is another one."""
        return f"{analyst.analyst_id}.{hashlib.sha256(analyst.session_salt.encode()).hexdigest()[:32]}"

    def of_session(self, token: str) -> Analyst | None:
        """Return the analyst of a session, or None where it has ended or they may not sign in any more."""
        digits = token.partition(".")[0]
        if not (digits.isascii() and digits.isdigit()) or len(digits) > 10:  # noqa: PLR2004  # INT UNSIGNED
            return None
        found = self.get(int(digits))
        if found is None or not found.enabled:
            return None
        return found if hmac.compare_digest(self.session_token(found).encode(), token.encode()) else None

    def make_sign_in_link(self, analyst: Analyst, minutes: int = LINK_MINUTES) -> str:
        """Return a token that signs this analyst in once, within so many minutes; only its SHA-256 is kept."""
        token = secrets.token_urlsafe(32)
        now = self._clock_ms()
        values = {
            "token_sha256": _digest(token),
            "analyst_id": analyst.analyst_id,
            "expires_ms": now + minutes * MINUTE_MS,
        }
        with self._store.transaction() as connection:
            connection.execute(delete(sign_in_link).where(sign_in_link.c.expires_ms < now))
            connection.execute(insert(sign_in_link).values(values))
        return token

    def find_sign_in_link(self, token: str) -> Analyst | None:
        """Return whom a token would sign in, without using it up; None where it is used, expired or unknown."""
        return self._read(lambda connection: self._of_link(connection, token))

    def use_sign_in_link(self, token: str) -> Analyst | None:
        """Use a token up; return its analyst exactly once, also where several ask at the same moment."""
        mine = sign_in_link.c.token_sha256 == _digest(token)
        with self._store.transaction() as connection:
            found = self._of_link(connection, token)
            # The row is the right to sign in: whoever deletes it has it.
            taken = connection.execute(delete(sign_in_link).where(mine)).rowcount == 1
        return found if taken else None

    def close(self) -> None:
        """Close every connection; idempotent."""
        for store in (self._store, *self._reading):
            store.close()

    def _read(self, ask: Callable[[Connection], Answer]) -> Answer:
        *earlier, last = self._reading
        for store in earlier:
            with suppress(StoreUnavailable), store.transaction() as connection:
                return ask(connection)
        with last.transaction() as connection:
            return ask(connection)

    def _change(self, name: str, values: dict[str, str]) -> None:
        with self._store.transaction() as connection:
            analyst_id = _required(connection, _normal(name)).analyst_id
            connection.execute(update(analyst_table).where(analyst_table.c.analyst_id == analyst_id).values(values))
            if "session_salt" in values:
                connection.execute(delete(sign_in_link).where(sign_in_link.c.analyst_id == analyst_id))

    def _renew_hash(self, analyst_id: int, password: str) -> None:
        mine = analyst_table.c.analyst_id == analyst_id
        renewed = update(analyst_table).where(mine).values(password_hash=self._passwords.hash(password))
        # Who knows the password may come in, also while nothing can be written.
        with suppress(StoreUnavailable), self._store.transaction() as connection:
            connection.execute(renewed)

    def _of_link(self, connection: Connection, token: str) -> Analyst | None:
        row = connection.execute(
            select(analyst_table)
            .join(sign_in_link, sign_in_link.c.analyst_id == analyst_table.c.analyst_id)
            .where(sign_in_link.c.token_sha256 == _digest(token))
            .where(sign_in_link.c.expires_ms > self._clock_ms())
            .where(analyst_table.c.status == ACTIVE)
        ).first()
        return _optional(row)


def open_analysts(settings: Settings) -> Analysts:
    """Return the analysts of these settings; nothing is connected before the first call.

    Where the primary does not answer and a replica is set, sessions are checked there.
    """
    urls = [settings.url, *([settings.replica_url] if settings.replica_url else [])]
    reading = [open_store(url, settings, Purpose.READ) for url in urls]
    return Analysts(open_store(settings.url, settings, Purpose.WRITE), reading=reading)


def check_name(name: str) -> str:
    """Return a name as it is stored; raise `AnalystNameRefused`."""
    name = _normal(name)
    if not 1 <= len(name) <= MAX_NAME_CHARACTERS:
        message = f"The analyst's name has {len(name)} characters."
        raise AnalystNameRefused(message, hint=f"Use 1 to {MAX_NAME_CHARACTERS}.")
    if not name.isprintable():
        raise AnalystNameRefused("The analyst's name holds characters that can't be seen.", hint="Leave them out.")
    return name


def _normal(name: str) -> str:
    # Keyboards differ in how they write accents; spaces around a name are never meant.
    normal = unicodedata.normalize("NFC", name).strip()
    return normal.encode("utf-8", "replace").decode()


def _new_salt() -> str:
    return secrets.token_hex(16)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


StoredAnalyst = Row[tuple[int, str, str, str, str, int]]


def _find(connection: Connection, name: str) -> StoredAnalyst | None:
    return connection.execute(select(analyst_table).where(analyst_table.c.name == name)).first()


def _required(connection: Connection, name: str) -> Analyst:
    row = _find(connection, name)
    if row is None:
        raise AnalystNotFound(f"There is no analyst {name!r}.", hint="Names are compared exactly.")
    return _to_analyst(row)


def _optional(row: StoredAnalyst | None) -> Analyst | None:
    return None if row is None else _to_analyst(row)


def _to_analyst(row: StoredAnalyst) -> Analyst:
    created = datetime.fromtimestamp(row.created_ms / 1000, UTC)
    return Analyst(row.analyst_id, row.name, row.status == ACTIVE, created, row.session_salt)
