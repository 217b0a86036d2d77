"""What is wrong with the spools of a folder, a sentence each: no room, no place, or somebody else's."""

from __future__ import annotations

import stat

from picoevent.cli.waiting import MB, Waiting, events_in_words, megabytes

NEARLY_FULL = 0.8
FULL_BYTES = 65_536
"""Less room than this, or than a hundredth of all, is none: most events find none."""
LITTLE_DISK = 100 * MB


def problems_of(waiting: Waiting) -> list[str]:
    """Return what is wrong with the spools, a sentence each."""
    found = [f"{spool.name} can't be read: {spool.trouble}" for spool in waiting.spools if spool.trouble]
    place = (waiting.wrong_database, _no_place(waiting), _too_open(waiting))
    return [*found, *filter(None, (*place, _little_room(waiting), _little_disk(waiting)))]


def set_aside_problem(waiting: Waiting) -> list[str]:
    """Return where to see why events were set aside, if any were."""
    count = waiting.set_aside
    was = "was" if count == 1 else "were"
    return [f"{events_in_words(count)} {was} set aside. See: picoevent spool status"] if count else []


def _no_place(waiting: Waiting) -> str:
    if not (waiting.max_bytes and waiting.obstacle):
        return ""
    what = f"events of this user can't wait in {waiting.folder}: {waiting.obstacle}."
    return f"{what} In an outage they are refused. Run this as the user of the application, or see PICOEVENT_SPOOL_DIR."


def _too_open(waiting: Waiting) -> str:
    mode = waiting.folder.stat().st_mode if waiting.exists else 0
    if not mode & (stat.S_IWGRP | stat.S_IWOTH) or mode & stat.S_ISVTX:
        return ""
    return f"other users can write into {waiting.folder} (mode {stat.S_IMODE(mode):o}): chmod 700 ends that."


def _little_room(waiting: Waiting) -> str:
    room = waiting.max_bytes - waiting.bytes
    taken = f"{megabytes(waiting.bytes)} of {waiting.max_bytes / MB:,.0f} MB"
    then = "Bring the database back, or raise spool_max_mb."
    if not waiting.max_bytes:
        return ""
    if room < min(FULL_BYTES, waiting.max_bytes // 100):
        return f"full ({taken}): events that find no room in it are refused. {then}"
    if waiting.bytes >= NEARLY_FULL * waiting.max_bytes:
        return f"nearly full ({taken}): once it is full, events are refused. {then}"
    return ""


def _little_disk(waiting: Waiting) -> str:
    if waiting.disk_free_bytes >= min(LITTLE_DISK, waiting.max_bytes - waiting.bytes):
        return ""
    left = f"{megabytes(waiting.disk_free_bytes)} MB left"
    return f"the disk of {waiting.folder} has {left}: once it is full, events that have to wait are refused."
