"""The documents say what the code does: settings, reasons, rooms, links and examples are compared with it."""

from __future__ import annotations

import importlib.util
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

import picoevent
from picoevent import RejectReason
from picoevent.cli.root import cli
from picoevent.contrib.metrics import COUNTED, OF_THE_MACHINE

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("runbooks/*.md")],
    key=str,
)
PUBLIC = [
    "Event", "EventLog", "EventNotFound", "InvalidQuery", "NewEvent", "Page", "PicoEventError", "QueryTooCostly",
    "RejectReason", "Rejected", "Settings", "SettingsError", "StoreCorrupt", "StoreNotReady", "StoreUnavailable",
]  # fmt: skip


def page_id(path):
    return str(path.relative_to(ROOT))


def blocks(path, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", path.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def test_the_public_names_are_these():
    assert sorted(picoevent.__all__) == PUBLIC
    assert all(hasattr(picoevent, name) for name in PUBLIC)


def script(name):
    """A script beside the page that it writes, as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    writer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(writer)
    return writer


def test_the_page_of_settings_is_written_from_the_table():
    writer = script("make_settings")

    assert writer.PAGE.read_text(encoding="utf-8") == writer.settings_page(), "run: python docs/make_settings.py"


def test_the_page_of_reports_is_written_from_the_catalogue():
    writer = script("make_reports")

    assert writer.PAGE.read_text(encoding="utf-8") == writer.reports_page(), "run: python docs/make_reports.py"


def test_every_reason_of_a_refusal_is_documented():
    documented = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/architecture.md").read_text(), re.MULTILINE)

    assert [word for word in documented if word in set(RejectReason)] == list(RejectReason)


def test_every_metric_is_documented_with_its_kind():
    documented = re.findall(r"^### (\w+)\n\n(Counter|Gauge)\b", (ROOT / "docs/metrics.md").read_text(), re.MULTILINE)

    assert documented == [(metric.name, metric.kind.capitalize()) for metric in (*COUNTED, *OF_THE_MACHINE)]


def test_every_room_is_in_the_picture():
    picture = (ROOT / "docs/architecture.md").read_text()
    rooms = [
        path.name for path in (ROOT / "picoevent").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    ]
    missing = [
        room for room in rooms if not room.startswith("__") and room not in picture and f"/{room}/" not in picture
    ]

    assert missing == []


@pytest.mark.parametrize("path", PAGES, ids=page_id)
def test_links_between_pages_lead_somewhere(path):
    links = re.findall(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))

    assert [link for link in links if not (path.parent / link).exists()] == []


def test_the_examples_of_the_readme_run(tmp_path):
    program = "\n".join(blocks(ROOT / "README.md", "python"))

    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("42\n")


def commands():
    """Every `picoevent ...` line of the documents, with its page."""
    for path in PAGES:
        for block in blocks(path, ""):
            for line in block.splitlines():
                if line.startswith("picoevent "):
                    yield pytest.param(shlex.split(line, comments=True)[1:], id=f"{page_id(path)}: {line[:40]}")


@pytest.mark.parametrize("arguments", list(commands()))
def test_every_command_in_the_documents_parses(arguments):
    name, command, rest = cli.resolve_command(click.Context(cli), list(arguments))
    while isinstance(command, click.Group):
        name, command, rest = command.resolve_command(click.Context(command), rest)

    context = command.make_context(name, rest)

    assert context.command is command
