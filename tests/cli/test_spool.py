"""`spool status` and `spool drain`: what waits on this machine's disk, and how it gets into the database."""

from __future__ import annotations

import json
import os
from types import SimpleNamespace

import pytest

from picoevent import EventLog, Settings, StoreUnavailable
from picoevent.ids import IdMinter
from picoevent.spool import Spool, SpooledEvent, database_name


@pytest.fixture
def folder(embedded_url, tmp_path):
    """The folder of the spool of the embedded database; it is not there yet."""
    return tmp_path / "picoevent.db-spool"


@pytest.fixture
def live(folder, embedded_url):
    """`live(3)` is the spool of a living process with three events; `aside` is the reason to set one of them aside."""
    minter = IdMinter()
    rooms = []

    def live(count, *, aside=""):
        room = Spool(folder, 10**9, database=database_name(Settings(url=embedded_url)))
        rooms.append(room)
        room.append([SpooledEvent(minter.mint(), "order.paid", "shop", 7, b'{"n":1}') for _ in range(count)])
        if aside:
            batch = room.next_batch(1)
            room.set_aside(batch, [(batch.events[0], aside)])
            room.done(batch)
        return room

    yield live
    for room in rooms:
        room.close()


@pytest.fixture
def fill(live):
    """`fill(3)` leaves the same in the spool of a dead process."""
    return lambda count, **options: live(count, **options).close()


@pytest.fixture
def damage(folder, live):
    """`damage()` damages the oldest record of a dead process, and has another one read on behind it."""

    def damage():
        (segment,) = folder.glob("*/0*")
        content = bytearray(segment.read_bytes())
        content[content.index(b"order.paid")] ^= 1
        segment.write_bytes(content)
        finder = live(1)
        finder.adopt()
        finder.done(finder.next_batch())
        finder.close()

    return damage


@pytest.fixture
def drains(monkeypatch):
    """`drains(stored=1, ...)` lets the event log report this; `drains(error)` lets it raise."""

    def drains(error=None, **report):
        def drain_spool(self, on_progress=None, timeout=None):
            on_progress(1, 1)
            if error is not None:
                raise error
            return SimpleNamespace(**{"stored": 0, "already_stored": 0, "set_aside": 0, "left": 0} | report)

        monkeypatch.setattr(EventLog, "drain_spool", drain_spool, raising=False)

    return drains


@pytest.mark.parametrize(
    ("output", "words"),
    [("table", "There is no spool in "), ("ndjson", ""), ("csv", "process,events,")],
)
def test_a_spool_that_is_not_there_yet_is_not_made(run, folder, output, words):
    result = run("spool", "status", "--format", output)

    assert (result.exit_code, result.stdout.startswith(words)) == (0, True)
    assert not folder.exists()


def test_an_empty_spool_says_so_and_where_it_is(run, folder):
    folder.mkdir()

    assert run("spool", "status").stdout == f"The spool is empty: nothing waits in {folder}.\n"
    assert run("spool", "drain").stdout == f"Nothing to drain: no dead process has left anything in {folder}.\n"


def test_who_looks_as_another_user_is_told_where_and_as_whom(run, folder, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 54_321)

    assert run("spool", "status").stdout == f"There is no spool in {folder} (looked for as uid 54321).\n"


def test_what_waits_is_a_row_a_process_and_a_total(run, fill):
    fill(2)
    fill(3, aside="too long")

    lines = run("spool", "status").stdout.splitlines()

    titles = " ".join(lines[0].split())
    assert titles == "PROCESS EVENTS BYTES SET ASIDE OLDEST EVENT (UTC) LAST WRITE (UTC) SPOOL"
    assert [line.split()[:2] for line in lines[1:-1]] == [["dead", "2"], ["dead", "2"], ["total", "4"]]


def test_programs_read_the_same_with_times(run, fill, folder):
    fill(3, aside="too long")

    document = json.loads(run("spool", "status", "--format", "json").stdout)

    (row,) = document["spools"]
    assert document["folder"] == str(folder)
    assert (row["pid"], row["events"], row["set_aside"], row["trouble"]) == (None, 2, 1, None)
    assert row["oldest_event"].endswith("Z")
    assert document["total"]["of_dead_processes"] == 2


def test_status_says_how_much_room_there_is(run, fill, folder):
    fill(2)

    told = run("spool", "status").stderr

    assert f"in {folder}: 0.0 of 1,024 MB (spool_max_mb); its disk has " in told


def test_status_says_why_events_were_set_aside_and_what_to_do(run, fill):
    fill(3, aside="too long")

    result = run("spool", "status")

    assert result.stdout.splitlines()[-1] == "set aside: 1 x too long"
    assert "Mend the cause of what was set aside, then run: picoevent spool drain --set-aside" in result.stderr


def test_an_illegible_record_is_named_with_its_file(run, fill, damage, folder):
    fill(2)
    damage()

    result = run("spool", "status")

    (path,) = folder.glob("*/set-aside.spool")
    assert result.stdout.splitlines()[-1] == "set aside: 1 x illegible: the record is damaged"
    assert f"1 illegible record is kept in {path}, and can't be stored: delete the file to have done" in result.stderr
    assert "Mend the cause" not in result.stderr


def test_an_illegible_record_whose_file_is_deleted_is_no_problem_any_more(run, fill, damage, folder):
    fill(2)
    damage()
    before = run("spool", "drain", "--set-aside").exit_code
    for path in folder.glob("*/set-aside.spool"):
        path.unlink()

    assert (before, run("spool", "drain").exit_code) == (0, 0)
    assert json.loads(run("status", "--format", "json").stdout)["problems"] == []


def test_a_pipe_in_the_place_of_the_set_aside_file_holds_nobody_up(run, fill, folder):
    fill(1)
    (spool,) = folder.glob("*Z-*")
    os.mkfifo(spool / "set-aside.spool")

    assert run("spool", "status").stdout.splitlines()[1].split()[:2] == ["dead", "1"]


def test_a_spool_of_another_database_is_named_as_that(run, fill, folder):
    fill(2)
    (folder / "database").write_text("shop")

    told, drained = run("spool", "status").stderr, run("spool", "drain")

    assert f"warning: The spool in {folder} is that of the database 'shop'" in told
    assert (drained.exit_code, drained.stderr.count("\n")) == (1, 1)
    assert drained.stderr.startswith(f"error: The spool in {folder} is that of the database 'shop'")


def test_a_spool_that_may_not_be_read_is_an_error_with_a_hint(run, folder, monkeypatch):
    def refuse(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("picoevent.spool.list_spools", refuse)

    result = run("spool", "status")

    assert result.exit_code == 1
    assert "can't be read (Permission denied). Run this as the user of the application." in result.stderr


def test_what_the_dead_left_is_drained_into_the_database(run, fill, embedded):
    for count in (2, 1, 1, 1, 1, 1):
        fill(count)

    result = run("spool", "drain")

    assert result.exit_code == 0
    assert result.stdout.startswith("7 stored (0 of them were there already), 0 set aside, 0 left in ")
    assert embedded.count(event_type="order.paid") == 7
    assert run("spool", "drain").stdout.startswith("Nothing to drain: no dead process has left anything in ")


def test_an_empty_spool_is_drained_without_a_database(run, clean_place):
    result = run("spool", "drain")

    assert (result.exit_code, list(clean_place.iterdir())) == (0, [])


def test_what_was_set_aside_is_tried_again_where_that_is_asked_for(run, fill, embedded):
    fill(3, aside="too long")
    without = run("spool", "drain")

    result = run("spool", "drain", "--set-aside", "--format", "json")

    assert without.stdout.splitlines()[1] == "set aside: 1 x too long"
    assert json.loads(result.stdout)["stored"] == 1
    assert "Set aside before, and tried again now: 1" in result.stderr
    assert embedded.count() == 3


def test_a_spool_is_drained_also_where_the_settings_want_none(run, fill, embedded, monkeypatch):
    fill(3, aside="too long")
    monkeypatch.setenv("PICOEVENT_SPOOL_MAX_MB", "0")

    assert run("spool", "drain", "--set-aside").exit_code == 0
    assert embedded.count() == 3


def test_what_a_living_process_holds_is_told(run, live):
    live(1)

    result = run("spool", "drain")

    assert "Living processes hold 1 more, and drain them on their own." in result.stdout
    assert result.exit_code == 0


def test_what_a_living_process_has_set_aside_is_told_to_who_wants_it_tried_again(run, live):
    live(3, aside="too long")

    result = run("spool", "drain", "--set-aside")

    assert result.exit_code == 1
    told = f"Set aside by living processes (pid {os.getpid()}), and not tried again while these live: 1. End or restart"
    assert told in result.stdout
    assert run("spool", "drain").exit_code == 0


def test_what_belongs_to_another_user_is_told(run, fill, embedded, monkeypatch):
    fill(3, aside="too long")
    own = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: 54_321)

    result = run("spool", "drain", "--format", "json")

    document = json.loads(result.stdout)
    assert (result.exit_code, document["stored"], document["left"], document["of_other_users"]) == (1, 0, 2, 2)
    assert f"(uid {own}), and this is uid 54321: 2. Run this as that user." in document["remarks"][0]


def test_the_figures_of_a_drain_that_was_stopped_add_up(run, fill, embedded):
    """Closing drains on for a moment: what it brings in is told, too."""
    fill(5000)

    drained = json.loads(run("spool", "drain", "--timeout", "0", "--format", "json").stdout)

    assert drained["stored"] == embedded.count(event_type="order.paid")
    assert drained["stored"] + drained["left"] == 5000


def test_a_spool_that_can_not_be_read_is_a_failure_and_named(run, fill, folder):
    fill(1)
    (lock,) = folder.glob("*/lock")
    lock.write_text("picoevent spool 99\npid 1\n")

    result = run("spool", "drain")

    assert result.exit_code == 1
    assert f"{lock.parent.name} can't be read, and stays as it is: format 99" in result.stdout


@pytest.mark.parametrize("report", [{"stored": 2}, {"stored": 1, "set_aside": 1}, {"left": 2}], ids=str)
def test_what_is_not_in_the_database_is_a_failure_and_ends(run, fill, drains, report):
    fill(2)
    drains(**report)

    # Whatever the report says: the events still lie there.
    assert run("spool", "drain", "--timeout", "5").exit_code == 1


def test_a_database_that_is_away_is_its_own_exit_code(run, fill, drains):
    fill(2)
    drains(StoreUnavailable("MySQL does not answer.", hint="Look."))

    result = run("spool", "drain")

    assert (result.exit_code, result.stderr) == (3, "error: MySQL does not answer. Look.\n")


def test_ctrl_c_says_that_nothing_is_lost(run, fill, drains):
    fill(2)
    drains(KeyboardInterrupt())

    result = run("spool", "drain")

    assert result.exit_code == 130
    assert result.stderr.startswith("Stopped. What is not in the database is still in the spool")
