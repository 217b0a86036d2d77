"""Imports point one way, down this table: a file imports from its own room or from a room below."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]

# From the top of the house to its ground. Rooms on one line are on one floor, and do not import each other.
FLOORS = (
    ("picoevent.__main__",),
    ("picoevent.cli",),
    ("picoevent.demo",),
    ("picoevent_admin",),
    ("picoevent.importing", "picoevent.testing", "picoevent.contrib"),
    ("picoevent",),  # the public names
    ("picoevent.eventlog",),
    ("picoevent.parts",),
    ("picoevent.report",),
    ("picoevent.read", "picoevent.write", "picoevent.fold", "picoevent.analysts", "picoevent.goals"),
    ("picoevent.cache", "picoevent.passwords", "picoevent.spool"),
    ("picoevent.store",),
    ("picoevent.rollup",),
    ("picoevent.accept",),
    ("picoevent.event",),
    ("picoevent.ids", "picoevent.users", "picoevent.payload", "picoevent.forks"),
    ("picoevent.settings",),
    ("picoevent.urls",),
    ("picoevent.errors",),
)
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}


def test_each_module_has_a_room():
    homeless = [module for module in _modules() if _room(module) is None]

    assert homeless == []


def test_no_import_points_up():
    reversed_imports = [
        f"{module} imports {imported}"
        for module, path in _modules().items()
        for imported in _imports(path)
        if not _may_import(_room(module), _room(imported))
    ]

    assert reversed_imports == []


def test_a_reversed_import_would_be_seen():
    assert not _may_import("picoevent.store", "picoevent.eventlog")
    assert not _may_import("picoevent.read", "picoevent.write")
    assert _may_import("picoevent.eventlog", "picoevent.store")
    assert _room("picoevent.store.mysql") == "picoevent.store"
    assert _room("picoevent.nowhere") is None


def _may_import(room: str | None, imported: str | None) -> bool:
    return room is not None and imported is not None and (room == imported or FLOOR_OF[room] < FLOOR_OF[imported])


def _room(module: str) -> str | None:
    if module in FLOOR_OF:
        return module
    parent = module.rpartition(".")[0]
    return _room(parent) if parent not in ("", "picoevent") else None


def _modules() -> dict[str, Path]:
    """Name and file of each module of both packages."""
    found = {}
    for base, package in ((ROOT, "picoevent"), (ROOT / "admin", "picoevent_admin")):
        for path in sorted((base / package).rglob("*.py")):
            parts = path.relative_to(base).with_suffix("").parts
            found[".".join(part for part in parts if part != "__init__")] = path
    return found


def _imports(path: Path) -> set[str]:
    """All modules of ours that a file imports, also inside functions and for types only."""
    found = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "picoevent":
            # `from picoevent import ids` imports a module, `from picoevent import EventLog` a public name.
            submodules = {f"picoevent.{alias.name}" for alias in node.names}
            found |= {name if _room(name) else "picoevent" for name in submodules}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return {name for name in found if name.partition(".")[0] in {"picoevent", "picoevent_admin"}}
