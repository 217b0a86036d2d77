"""`python -m torture`: what it runs, what it prints, and its exit codes."""

from __future__ import annotations

import pytest

from picoevent.testing.servers import PrivateServerError
from torture import __main__ as command
from torture.frame import Scenario, Size, Verdict

FULL, SHORT = Size(trials=9), Size(trials=1)


class NoServer:
    """Stands where a MariaDB would: what is tried here is the command."""

    address = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


@pytest.fixture(autouse=True)
def without_server(monkeypatch):
    monkeypatch.setattr(command, "MariaDBServer", NoServer)


def scenario(name="R1", failures=(), seen=None):
    """A scenario that notes the size and the random numbers it is given, and falls short as told."""

    def run(site, size):
        if seen is not None:
            seen.append((size, site.random.random()))
        return Verdict(trials=size.trials, sent=1234, notes=["a note"], failures=list(failures))

    return Scenario(name, "a fault", run, FULL, SHORT)


@pytest.mark.parametrize(("failures", "code", "word"), [((), 0, "pass"), (("lost",), 1, "FAIL")], ids=["pass", "fail"])
def test_the_exit_code_and_the_table_say_whether_all_hold(capsys, failures, code, word):
    assert command.main(["--seed", "7"], scenarios=[scenario(failures=failures)]) == code

    printed = capsys.readouterr().out
    assert printed.splitlines()[1].split() == ["R1", "9", "1,234", "0", "0", "0", "0", word]
    assert printed.endswith("Seed 7.\n")
    assert "a note" in printed


def test_a_seed_repeats_the_choices_of_each_scenario_also_alone():
    seen = []
    both = [scenario("R1", seen=seen), scenario("R2", seen=seen)]

    command.main(["--seed", "7"], scenarios=both)
    command.main(["--seed", "7", "--only", "R2", "--short"], scenarios=both)

    assert seen[2] == (SHORT, seen[1][1])
    assert seen[0][1] != seen[1][1]


def test_without_a_seed_one_is_drawn_and_printed(capsys):
    seen = []
    for _ in range(2):
        command.main([], scenarios=[scenario(seen=seen)])

    seeds = {line for line in capsys.readouterr().out.splitlines() if "Seed" in line}
    assert len(seeds) == len({number for _, number in seen}) == 2


def test_an_unknown_name_is_one_line_and_exit_code_2(capsys):
    assert command.main(["--only", "R99"], scenarios=[scenario()]) == 2

    assert capsys.readouterr().err == "error: there is no scenario 'R99'; there are: R1\n"


@pytest.mark.parametrize(
    ("error", "code"),
    [(PrivateServerError("mariadbd is not installed."), 2), (KeyboardInterrupt(), 130)],
    ids=["no server", "Ctrl-C"],
)
def test_a_run_that_can_not_go_on_ends_with_one_line(capsys, error, code):
    def run(_site, _size):
        raise error

    assert command.main([], scenarios=[Scenario("R1", "a fault", run, FULL, SHORT)]) == code
    assert capsys.readouterr().err.splitlines()[-1].startswith("error: ")


def test_a_scenario_that_breaks_is_one_that_fails_and_the_others_go_on(capsys):
    def run(_site, _size):
        raise ZeroDivisionError("as told")

    broken = Scenario("R1", "a fault", run, FULL, SHORT)

    assert command.main([], scenarios=[broken, scenario("R2")]) == 1
    assert "FAIL: ZeroDivisionError: as told" in capsys.readouterr().out


def test_write_puts_the_table_with_commit_and_seed_below_the_words_of_the_page(tmp_path, monkeypatch):
    page = tmp_path / "torture.md"
    page.write_text(f"# Torture\n\nWords.\n\n{command.MARK}\n\nan old table\n")
    monkeypatch.setattr(command, "PAGE", page)

    command.main(["--seed", "7", "--write"], scenarios=[scenario()])

    written = page.read_text()
    assert written.startswith(f"# Torture\n\nWords.\n\n{command.MARK}\n\nRun on ")
    assert "with seed 7. All 1 scenarios hold." in written
    assert "| R1 a fault | 9 | 1,234 | 0 | 0 | 0 | 0 | a note | pass |" in written
    assert "an old table" not in written
