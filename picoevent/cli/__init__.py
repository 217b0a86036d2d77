"""The command line: one file a group of verbs. It prints and asks; what happens is the library's."""

from __future__ import annotations

from picoevent.cli.root import cli, main

__all__ = ["cli", "main"]
