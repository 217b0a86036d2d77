"""How far long work is: from the first second, for pipes, for what was there before, and without a terminal."""

from __future__ import annotations

from picoevent.cli.progress import LINE_SECONDS, Bar, progress_bar
from picoevent.testing.doubles import FakeClock


def bar_after(seconds):
    clock = FakeClock()
    bar = Bar("Importing", clock=lambda: clock.now)
    clock.advance(seconds)
    return bar, clock


def test_the_time_left_is_told_within_the_first_second_and_not_in_its_first_half():
    early, _ = bar_after(0.4)
    later, _ = bar_after(0.6)

    assert early.line(10, 100, 600) == "Importing  [##----------------------]  10%  600 events, 1,500/s"
    assert later.line(10, 100, 600) == "Importing  [##----------------------]  10%  600 events, 1,000/s, 5 s left"


def test_a_pipe_has_a_rate_and_no_time_left():
    bar, _ = bar_after(2)

    assert bar.line(10, None, 600) == "Importing  600 events, 300/s"


def test_rate_and_time_left_are_those_of_the_last_seconds():
    """What was imported before goes by quickly; the rest has another pace."""
    bar, clock = bar_after(1)
    bar.line(500, 1000, 5_000)
    for second in range(1, 31):
        clock.advance(1)
        line = bar.line(500 + second, 1000, 5_000 + 10 * second)

    assert line.endswith("5,300 events, 10/s, 8 min left")


def test_work_that_does_not_advance_has_no_time_left():
    bar, clock = bar_after(1)
    bar.line(500, 1000, 5_000)
    clock.advance(30)
    bar.line(500, 1000, 5_000)
    clock.advance(30)

    assert bar.line(500, 1000, 5_000).endswith("5,000 events, 0/s")


def test_without_a_terminal_a_line_is_printed_now_and_then(capsys):
    bar, clock = bar_after(0)
    for _ in range(100):
        clock.advance(LINE_SECONDS / 40)
        bar.advance_by_lines(1, None, 7)

    assert capsys.readouterr().err.splitlines() == ["Importing  7 events, 1/s", "Importing  7 events, 0/s"]


def test_short_work_prints_nothing_without_a_terminal(capsys):
    with progress_bar("Importing") as advance:
        advance(1, 1, 1)

    assert capsys.readouterr() == ("", "")
