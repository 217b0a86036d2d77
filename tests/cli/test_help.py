"""The help: quick, complete, in plain words, and with examples that can be copied."""

from __future__ import annotations

import shlex
import subprocess
import sys

import click
import pytest

from picoevent import __version__
from picoevent.cli import cli
from picoevent.cli.failures import EXIT_CODES
from picoevent.cli.root import VERBS

JARGON = ("keyset", "cursor-based", "upsert", "idempotent", "ORM", "payload", "DDL", "LRU", "Oops")


def all_verbs():
    for name in VERBS:
        command = cli.get_command(None, name)
        if isinstance(command, click.Group):
            yield from ((name, inner) for inner in command.commands)
        else:
            yield (name,)


def test_the_help_names_every_verb_the_settings_and_the_exit_codes(run):
    result = run("--help")

    assert result.exit_code == 0
    assert all(f"\n  {name} " in result.stdout for name in VERBS)
    assert "PICOEVENT_URL" in result.stdout
    assert all(f"{code}  {words}" in result.stdout for code, words in EXIT_CODES)


def test_whoever_types_the_name_alone_sees_the_help(run):
    assert run().stdout == run("--help").stdout
    assert run("analyst").stdout == run("analyst", "--help").stdout


def test_the_version_is_told(run):
    assert run("--version").stdout == f"picoevent {__version__}\n"


@pytest.mark.parametrize("words", list(all_verbs()), ids=" ".join)
def test_each_verb_has_help_with_examples_and_without_jargon(run, words):
    result = run(*words, "--help")

    assert result.exit_code == 0
    assert f"Examples:\n  picoevent {' '.join(words)}" in result.stdout or "\n  PICOEVENT_" in result.stdout
    assert set(JARGON) & set(result.stdout.replace(".", " ").split()) == set()


@pytest.mark.parametrize("words", list(all_verbs()), ids=" ".join)
def test_each_example_is_a_command_line_that_parses(words):
    command = cli.get_command(None, words[0])
    verb = command if len(words) == 1 else command.commands[words[1]]

    for example in verb.examples:
        arguments = shlex.split(example.split("| ")[-1].split(" > ")[0])
        after_name = arguments[arguments.index("picoevent") + 1 :]
        assert verb.name in after_name
        verb.make_context("picoevent", after_name[after_name.index(verb.name) + 1 :]).close()


def test_a_verb_that_is_mistyped_is_guessed(run):
    result = run("evnts")

    assert result.exit_code == 2
    assert result.stderr == "error: There is no command 'evnts'. Did you mean events? See: picoevent --help\n"


def test_the_help_loads_neither_sqlalchemy_nor_flask():
    code = "import sys; from picoevent.cli import cli; cli.main(['--help'], standalone_mode=False); "
    names = "print(*sorted({'sqlalchemy', 'flask', 'pymysql', 'gunicorn', 'redis', 'argon2'} & set(sys.modules)))"

    result = subprocess.run([sys.executable, "-c", code + names], capture_output=True, text=True, check=True)

    assert result.stdout.splitlines()[-1] == ""


def test_the_package_can_be_run_as_a_module():
    result = subprocess.run(
        [sys.executable, "-m", "picoevent", "--version"], capture_output=True, text=True, check=True
    )

    assert result.stdout == f"picoevent {__version__}\n"
