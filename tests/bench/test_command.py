"""`python -m bench`: the list, one line for what is wrong, and exit codes."""

from __future__ import annotations

import pytest

from bench.__main__ import main
from bench.catalogue import BENCHMARKS
from bench.frame import Benchmark, Row, Size, Target
from picoevent.errors import PicoEventError


def stub(run):
    """A benchmark called `stub` that does this."""
    return Benchmark("stub", "Nothing real.", run, full=Size(9, 3), quick=Size(1, 1))


def raising(error):
    """A benchmark called `stub` that raises this."""

    def run(_size, _progress):
        raise error

    return stub(run)


def test_without_a_name_every_benchmark_is_listed_with_what_it_measures(capsys):
    exit_code = main([])

    assert exit_code == 0
    listed = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    assert listed == [[benchmark.name, benchmark.description] for benchmark in BENCHMARKS]


def test_an_unknown_name_is_one_line_and_exit_code_2(capsys):
    exit_code = main(["page"], benchmarks=[stub(None)])

    assert exit_code == 2
    assert capsys.readouterr() == ("", "error: there is no benchmark 'page'; there are: stub\n")


@pytest.mark.parametrize(("value", "exit_code"), [(1.0, 0), (2.0, 1)], ids=["holds", "falls short"])
def test_the_exit_code_says_whether_every_target_holds(value, exit_code):
    benchmark = stub(lambda _size, _progress: [Row("page", value, "ms", target=Target(at_most=1))])

    assert main(["stub"], benchmarks=[benchmark]) == exit_code


def test_quick_is_another_size():
    sizes = []
    benchmark = stub(lambda size, _progress: sizes.append(size) or [])

    main(["stub"], benchmarks=[benchmark])
    main(["stub", "--quick"], benchmarks=[benchmark])

    assert sizes == [Size(9, 3), Size(1, 1)]


@pytest.mark.parametrize(
    ("error", "exit_code", "line"),
    [
        (PicoEventError("mariadbd is not installed.", hint="Install it."), 2, "mariadbd is not installed. Install it."),
        (KeyboardInterrupt(), 130, "interrupted; its servers and their folders are gone"),
    ],
    ids=["no server", "Ctrl-C"],
)
def test_a_run_that_can_not_go_on_ends_with_one_line(capsys, error, exit_code, line):
    assert main(["stub", "--json"], benchmarks=[raising(error)]) == exit_code

    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.splitlines()[-1] == f"error: {line}"
