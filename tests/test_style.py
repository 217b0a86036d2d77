"""Names that say nothing are forbidden; sizes are measured and printed, and nobody is punished for one."""

from __future__ import annotations

import ast
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[1]
CODE = ("picoevent", "admin", "bench", "torture")
NAMES_THAT_SAY_NOTHING = {"utils", "util", "helpers", "helper", "common", "misc"}
LONG_MODULE = 400
LONG_FUNCTION = 40


def test_file_names_say_what_is_inside():
    vague = [path for path in _python_files(*CODE, "tests") if NAMES_THAT_SAY_NOTHING & set(path.with_suffix("").parts)]

    assert vague == []


def test_each_file_says_what_it_is_on_its_first_line():
    silent = [path for path in _python_files(*CODE, "tests") if not (ROOT / path).read_bytes().startswith(b'"""')]

    assert silent == []


def test_sizes_are_printed(record_property):
    functions = {name: size for path in _python_files(*CODE) for name, size in _function_sizes(path)}
    modules = {str(path): len((ROOT / path).read_bytes().splitlines()) for path in _python_files(*CODE)}

    assert min(len(functions), len(modules)) > 0
    record_property("note", f"{len(functions)} functions, median {median(functions.values()):g} lines")
    for what, size in [*_longer(modules, LONG_MODULE), *_longer(functions, LONG_FUNCTION)]:
        record_property("note", f"long: {what}, {size} lines")


def _python_files(*folders: str) -> list[Path]:
    """Paths from the root of the repository."""
    return [path.relative_to(ROOT) for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def _function_sizes(path: Path) -> list[tuple[str, int]]:
    tree = ast.parse((ROOT / path).read_bytes())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [(f"{path}:{node.name}", (node.end_lineno or 0) - node.lineno + 1) for node in functions]


def _longer(sizes: dict[str, int], ceiling: int) -> list[tuple[str, int]]:
    return [(name, size) for name, size in sizes.items() if size > ceiling]
