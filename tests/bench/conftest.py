"""What tests of benchmarks share: a whole run of a part, on few events."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from bench.__main__ import main


@pytest.fixture
def rows_of(capsys):
    """`rows_of(suite, name, size)` are the rows that a part prints; its exit code says whether they hold."""

    def rows_of(suite, name, size):
        part = next(part for part in suite.parts if part.name == name)
        exit_code = main([name, "--quick", "--json"], benchmarks=[replace(part, quick=size)])
        said = capsys.readouterr()
        assert exit_code in (0, 1), said.err
        rows = json.loads(said.out)
        assert exit_code == (0 if all(row["holds"] for row in rows) else 1)
        return rows

    return rows_of
