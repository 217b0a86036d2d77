"""Bringing the schema forward: numbered .sql files, one statement a step, each recorded as soon as it is done.

MySQL commits around every DDL statement, so a step that was cut off is run again: every statement can be.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from picoevent.errors import StoreCorrupt, StoreNotReady
from picoevent.store.rollup_tables import fold_state

if TYPE_CHECKING:
    from picoevent.store.sql import Backend

metadata = fold_state.metadata
"""All tables, those of the rollups too."""

CREATE_SCHEMA_STEP = """CREATE TABLE IF NOT EXISTS schema_step (
  version INTEGER NOT NULL,
  position INTEGER NOT NULL,
  checksum CHAR(64) NOT NULL,
  applied_ms BIGINT NOT NULL,
  PRIMARY KEY (version, position)
)"""


@dataclass(frozen=True)
class Step:
    """One statement of the DDL of record: the number of its file, and its place in it from 1."""

    version: int
    position: int
    statement: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the statement without its comments."""
        return hashlib.sha256(self.statement.encode()).hexdigest()

    @property
    def title(self) -> str:
        """What the step does, in a few words, such as `create table event_log`."""
        words = re.sub(r"(?i)if not exists ", "", self.statement).replace("(", " ").split()
        return " ".join([*words[:2], *words[2:3]]).lower()


def sql_folder() -> Path:
    """Return the folder of the DDL of record: inside an installed package, beside it in a checkout."""
    inside = Path(__file__).parent.parent / "sql"
    return inside if inside.is_dir() else Path(__file__).parent.parent.parent / "sql"


@cache
def load_steps(dialect: str) -> tuple[Step, ...]:
    """Return every step of a dialect, in order."""
    files = sorted((sql_folder() / dialect).glob("[0-9][0-9][0-9][0-9]_*.sql"))
    return tuple(step for file in files for step in _steps_of(file))


def _steps_of(file: Path) -> Iterator[Step]:
    without_comments = re.sub(r"(?m)^--.*\n?", "", file.read_text(encoding="utf-8"))
    statements = (statement.strip() for statement in without_comments.split(";\n"))
    for position, statement in enumerate(filter(None, statements), start=1):
        yield Step(int(file.name[:4]), position, statement.removesuffix(";"))


def latest_version(dialect: str) -> int:
    """Return the version that this code needs."""
    return load_steps(dialect)[-1].version


def version(connection: Connection) -> int:
    """Return the newest version that is there to its end; 0 where there is no schema."""
    if not inspect(connection).has_table("schema_step"):
        return 0
    done = _recorded(connection)
    complete = 0
    steps = load_steps("sqlite" if connection.dialect.name == "sqlite" else "mysql")
    for number in sorted({step.version for step in steps}):
        if any((step.version, step.position) not in done for step in steps if step.version == number):
            return complete
        complete = number
    return max(complete, *(recorded for recorded, _ in done)) if done else 0


def _recorded(connection: Connection) -> dict[tuple[int, int], str]:
    rows = connection.execute(text("SELECT version, position, checksum FROM schema_step"))
    return {(row.version, row.position): row.checksum for row in rows}


def apply(connection: Connection, backend: Backend, timezone: str, on_step: Callable[[str], None]) -> int:
    """Take every step that is not recorded, and fill in what each installation has; return how many were taken."""
    connection.execute(text(CREATE_SCHEMA_STEP))
    done = _recorded(connection)
    steps = load_steps(backend.dialect)
    for step in steps:
        if done.get((step.version, step.position), step.checksum) != step.checksum:
            message = f"Step {step.version:04d}.{step.position} of the schema was changed after it was applied."
            raise StoreCorrupt(message, hint="Restore sql/ as it was released.")
    missing = [step for step in steps if (step.version, step.position) not in done]
    _check_foreign(connection, missing)
    for step in missing:
        on_step(f"{step.version:04d}.{step.position} {step.title}")
        _take(connection, backend, step)
    _fill_in(connection, timezone)
    connection.commit()
    return len(missing)


def _check_foreign(connection: Connection, missing: Sequence[Step]) -> None:
    """Raise `StoreNotReady` where a table that is to be made is there already, and is somebody else's."""
    inspector = inspect(connection)
    for step in missing:
        name = step.title.removeprefix("create table ")
        if name in metadata.tables and inspector.has_table(name):
            columns = {column["name"] for column in inspector.get_columns(name)}
            if columns != set(metadata.tables[name].columns.keys()):
                message = f"The database has a table {name} that is not PicoEvent's."
                raise StoreNotReady(message, hint="Give PicoEvent a database of its own.")


def _take(connection: Connection, backend: Backend, step: Step) -> None:
    connection.exec_driver_sql(backend.wording(connection, step.statement))
    insert = text("INSERT INTO schema_step (version, position, checksum, applied_ms) VALUES (:v, :p, :c, :t)")
    now = time.time_ns() // 1_000_000
    connection.execute(insert, {"v": step.version, "p": step.position, "c": step.checksum, "t": now})
    if connection.dialect.name != "sqlite":
        # SQLite takes all steps or none, in one transaction; MySQL has committed the DDL already.
        connection.commit()


def _fill_in(connection: Connection, timezone: str) -> None:
    """Give the installation its key and zone, and the counters their first ids, where they have none."""
    wanted = {"user_hash_key": secrets.token_hex(32), "timezone": timezone or "UTC"}
    present = set(connection.execute(text("SELECT name FROM installation")).scalars())
    insert = text("INSERT INTO installation (name, value) VALUES (:name, :value)")
    for name in wanted.keys() - present:
        connection.execute(insert, {"name": name, "value": wanted[name]})
    counted = set(connection.execute(text("SELECT name FROM id_counter")).scalars())
    # 0 is "any type" and "any source" in the rollups.
    first = text("INSERT INTO id_counter (name, next_id, undeclared) VALUES (:name, 1, 0)")
    for name in {"event_type", "source", "dimension", "measure"} - counted:
        connection.execute(first, {"name": name})
    if not connection.execute(text("SELECT 1 FROM fold_state")).first():
        connection.execute(text("INSERT INTO fold_state (fold_id) VALUES (1)"))
