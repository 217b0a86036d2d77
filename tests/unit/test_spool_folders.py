"""Folders of processes: one is held by one, a dead one is adopted by one, and what is not ours is left as it is."""

from __future__ import annotations

import logging
import os
import struct
import subprocess
import sys
from zlib import crc32

import pytest

from picoevent.errors import SpoolUnavailable
from picoevent.spool import Spool, SpooledEvent, list_spools
from picoevent.spool.segment import MAGIC

MB = 1_000_000
EVENT = SpooledEvent(1, "tick", "default", None, None)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "spool"


@pytest.fixture
def spool(folder):
    spool = Spool(folder, 100 * MB)
    yield spool
    spool.close()


def leave_behind(folder, *ids):
    earlier = Spool(folder, 100 * MB)
    earlier.append([SpooledEvent(event_id, "tick", "default", None, None) for event_id in ids])
    earlier.close()


def content_of(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def ids_in(spool):
    ids = []
    while (batch := spool.next_batch()) is not None:
        ids += [found.event_id for found in batch.events]
        spool.done(batch)
    return ids


def test_a_living_process_keeps_its_folder(folder, spool):
    spool.append([EVENT])

    assert Spool(folder, MB).adopt() == 0


def test_dead_spools_are_read_oldest_first_and_before_the_own(folder, spool):
    for event_id in (1, 2, 3, 4):
        leave_behind(folder, event_id)
    spool.append([SpooledEvent(5, "tick", "default", None, None)])

    assert spool.adopt() == 4
    assert spool.pending == 5
    assert ids_in(spool) == [1, 2, 3, 4, 5]
    assert len(list(folder.iterdir())) == 1


def test_more_dead_spools_than_are_adopted_at_once_follow(folder, spool):
    for event_id in range(10):
        leave_behind(folder, event_id)
    ids = []
    while spool.adopt():
        ids += ids_in(spool)

    assert sorted(ids) == list(range(10))
    assert list(folder.iterdir()) == []


def test_two_that_adopt_at_once_never_get_the_same_folder(folder):
    for event_id in range(8):
        leave_behind(folder, event_id)
    program = (
        "import sys; from pathlib import Path; from picoevent.spool import Spool\n"
        "spool = Spool(Path(sys.argv[1]), 10**8)\n"
        "while spool.adopt():\n"
        "  while (batch := spool.next_batch()) is not None:\n"
        "    print(*[e.event_id for e in batch.events]); spool.done(batch)\n"
        "spool.close()"
    )

    adopters = [
        subprocess.Popen([sys.executable, "-c", program, folder], stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]

    assert sorted(int(line) for adopter in adopters for line in adopter.communicate()[0].split()) == list(range(8))


def test_a_spool_whose_adopter_dies_is_adopted_again_at_its_checkpoint(folder, spool):
    leave_behind(folder, 1, 2, 3)
    child = os.fork()
    if child == 0:
        adopter = Spool(folder, MB)
        adopter.adopt()
        adopter.done(adopter.next_batch(max_events=1))
        os._exit(0)
    os.waitpid(child, 0)

    assert spool.adopt() == 2
    assert ids_in(spool) == [2, 3]


def test_the_folder_above_is_not_made(folder):
    spool = Spool(folder / "deeper", MB)

    with pytest.raises(SpoolUnavailable, match=r"can't be used \(No such file or directory\)\. Make the folder above"):
        spool.append([EVENT])
    assert not folder.exists()


def test_a_file_in_place_of_the_folder_stays_as_it_is(folder, spool):
    folder.write_text("mine")

    with pytest.raises(SpoolUnavailable, match=r"Not a directory.* move it away"):
        spool.append([EVENT])
    assert spool.adopt() == 0
    assert folder.read_text() == "mine"


def test_a_folder_of_another_user_is_not_used(folder, spool, monkeypatch):
    folder.mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: folder.stat().st_uid + 1)

    with pytest.raises(SpoolUnavailable, match="belongs to another user"):
        spool.append([EVENT])
    assert list(folder.iterdir()) == []


def test_a_read_only_file_system_is_named(spool, monkeypatch):
    def refuse(*_arguments, **_options):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "mkdir", refuse)

    with pytest.raises(SpoolUnavailable, match=r"Read-only file system\)\. Mount its disk writable"):
        spool.append([EVENT])


def test_a_dead_spool_whose_lock_was_deleted_is_adopted(folder, spool):
    leave_behind(folder, 1, 2, 3)
    (lock,) = folder.glob("*/lock")
    lock.unlink()
    moment, _, chance = lock.parent.name.split("-")
    lock.parent.rename(folder / f"{moment}-99999999-{chance}")

    assert spool.adopt() == 3
    assert ids_in(spool) == [1, 2, 3]


def test_a_living_one_whose_lock_was_deleted_is_left_alone(folder, spool):
    leave_behind(folder, 1, 2, 3)
    (lock,) = folder.glob("*/lock")
    lock.unlink()

    assert spool.adopt() == 0


def test_rubbish_in_the_folder_is_ignored_and_stays(folder, spool):
    leave_behind(folder, 1)
    process = next(folder.iterdir())
    (folder / "notes.txt").write_text("notes")
    (folder / "20260101T000000000000Z-1-00000000").mkdir()
    (folder / "lost+found").mkdir()
    (process / "0.spool").write_text("no segment")

    assert spool.adopt() == 1
    assert ids_in(spool) == [1]
    assert content_of(folder)[folder / "notes.txt"] == b"notes"
    assert (process / "0.spool").read_text() == "no segment"
    assert (folder / "lost+found").is_dir()


def newer_segment(process):
    start = MAGIC + struct.pack("<I", 2)
    path = next(process.glob("0*"))
    path.write_bytes(start + struct.pack("<I", crc32(start)) + path.read_bytes()[16:])


def newer_folder(process):
    (process / "lock").write_bytes(b"picoevent spool 2\npid 1\n")


@pytest.mark.parametrize("make_newer", [newer_segment, newer_folder])
def test_what_a_newer_release_wrote_is_left_alone_and_named(folder, spool, caplog, make_newer):
    leave_behind(folder, 1)
    process = next(folder.iterdir())
    make_newer(process)
    before = content_of(folder)

    with caplog.at_level(logging.WARNING):
        assert [spool.adopt(), spool.adopt()] == [0, 0]

    assert content_of(folder) == before
    assert [process.name in record.getMessage() for record in caplog.records] == [True]
    assert "format 2" in list_spools(folder)[0].trouble


def test_the_list_says_what_waits_and_for_whom(folder, spool):
    leave_behind(folder, 7, 8)
    spool.append([EVENT])

    dead, living = list_spools(folder)

    assert (dead.pid, dead.pending, dead.oldest_event_id, dead.set_aside) == (None, 2, 7, 0)
    assert (living.pid, living.pending, living.oldest_event_id, living.trouble) == (os.getpid(), 1, 1, "")
    assert living.bytes > 0
    assert living.last_write >= dead.last_write > 0


def test_there_is_nothing_to_list_where_there_is_no_folder(folder):
    assert list_spools(folder) == []


def test_a_lock_that_leads_elsewhere_is_not_taken(folder, spool, tmp_path):
    """Whoever takes a lock writes into it: a link would have any file of this user overwritten."""
    leave_behind(folder, 1)
    precious = tmp_path / "precious"
    precious.write_text("precious")
    lock = next(folder.glob("*/lock"))
    lock.unlink()
    lock.symlink_to(precious)

    assert spool.adopt() == 0
    assert precious.read_text() == "precious"


def test_a_folder_that_is_a_link_is_not_adopted(folder, spool, tmp_path):
    leave_behind(folder, 1)
    mine = next(folder.iterdir())
    mine.symlink_to(mine.rename(tmp_path / "elsewhere"))

    assert spool.adopt() == 0


@pytest.mark.parametrize("place", [".", "*"], ids=["the folder of all", "that of a process"])
def test_what_lies_in_a_folder_of_another_user_is_not_adopted(folder, spool, monkeypatch, place):
    leave_behind(folder, 1)
    theirs = [folder] if place == "." else list(folder.glob(place))
    stat = type(folder).stat

    def stat_of(path, **options):
        found = stat(path, **options)
        return os.stat_result((*found[:4], found.st_uid + 1, *found[5:])) if path in theirs else found

    monkeypatch.setattr(type(folder), "stat", stat_of)

    assert spool.adopt() == 0
