"""Lines out of plain, compressed, damaged and endless files."""

from __future__ import annotations

import gzip
import io
import os
import threading
import tracemalloc

import pytest

from picoevent.importing.faults import BadLine, UnreadableFile
from picoevent.importing.line_file import (
    MAX_LINE_BYTES,
    QUIET_SECONDS,
    GrowingLine,
    LineFile,
    UnfinishedLine,
    check_length,
    open_lines,
    size_on_disk,
)


def read(path):
    with open_lines(path) as lines:
        return list(lines), lines.cut_off


def test_lines_are_numbered_from_one_and_need_no_last_line_feed(tmp_path):
    (tmp_path / "a.log").write_bytes(b"one\n\nthree")

    assert read(tmp_path / "a.log") == ([(1, b"one"), (2, b""), (3, b"three")], "")


@pytest.mark.parametrize(
    ("content", "age", "kind"),
    [
        (b"\xef\xbb\xbfone", QUIET_SECONDS - 1, UnfinishedLine),
        (b"one\none", -5, UnfinishedLine),
        (b"one", QUIET_SECONDS + 1, bytes),
        (b"one\n", 0, bytes),
        (gzip.compress(b"one"), 0, bytes),
    ],
    ids=["just written", "written in the future", "written long ago", "ended", "whole gzip"],
)
def test_a_last_line_without_an_end_is_unfinished_while_the_file_is_new(tmp_path, content, age, kind):
    (tmp_path / "a.log").write_bytes(content)
    written = (tmp_path / "a.log").stat().st_mtime

    with open_lines(tmp_path / "a.log", clock=lambda: written + age) as lines:
        *_, (_, last) = lines

    assert (type(last), last) == (kind, b"one")


def test_a_last_line_of_a_file_that_is_written_to_meanwhile_is_growing(tmp_path):
    (tmp_path / "a.log").write_bytes(b"one")
    with open_lines(tmp_path / "a.log") as lines:
        os.utime(tmp_path / "a.log", (0, 0))
        [(_, last)] = lines

    assert type(last) is GrowingLine


def test_an_empty_file_has_no_lines(tmp_path):
    (tmp_path / "a.log").touch()

    assert read(tmp_path / "a.log") == ([], "")


@pytest.mark.parametrize("name", ["a.log.gz", "a.log"], ids=["named so", "named otherwise"])
def test_gzip_is_known_by_its_content(tmp_path, name):
    (tmp_path / name).write_bytes(gzip.compress(b"one\n") + gzip.compress(b"two\n"))

    assert read(tmp_path / name) == ([(1, b"one"), (2, b"two")], "")


def test_lines_that_lie_across_chunks_are_whole(tmp_path):
    expected = [(number, b"x" * (number % 1999)) for number in range(1, 2001)]
    (tmp_path / "a.log").write_bytes(b"".join(line + b"\n" for _, line in expected))

    assert read(tmp_path / "a.log") == (expected, "")


def test_a_byte_order_mark_does_not_belong_to_the_first_line(tmp_path):
    (tmp_path / "a.log").write_bytes(b"\xef\xbb\xbfone\n\xef\xbb\xbftwo\n")

    assert read(tmp_path / "a.log")[0] == [(1, b"one"), (2, b"\xef\xbb\xbftwo")]


def test_a_gzip_file_that_is_cut_off_gives_the_whole_lines_before_and_says_so(tmp_path):
    content = b"".join(b"%d %s\n" % (number, os.urandom(30).hex().encode()) for number in range(20_000))
    compressed = gzip.compress(content)
    (tmp_path / "a.gz").write_bytes(compressed[: len(compressed) // 2])

    lines, cut_off = read(tmp_path / "a.gz")

    assert [line for _, line in lines] == content.split(b"\n")[: len(lines)]
    assert 9_000 < len(lines) < 11_000
    assert cut_off == "the gzip file is cut off: it ends in the middle"


def test_a_damaged_gzip_file_gives_what_comes_before_and_says_so(tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"one\n") + b"rubbish")

    lines, cut_off = read(tmp_path / "a.gz")

    assert lines == [(1, b"one")]
    assert cut_off.startswith("the gzip file is damaged")


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"\x28\xb5\x2f\xfd", "compressed by zstd"),
        (b"PK\x03\x04", "a zip archive"),
        (b"\xff\xfea\0", "text in UTF-16"),
    ],
    ids=["zstd", "zip", "utf-16"],
)
def test_what_cannot_be_read_is_refused_by_name(tmp_path, head, words):
    (tmp_path / "a.x").write_bytes(head + b"rest")

    with pytest.raises(UnreadableFile, match=words):
        open_lines(tmp_path / "a.x")


def test_a_missing_file_and_a_folder_are_refused_with_the_reason(tmp_path):
    with pytest.raises(UnreadableFile, match="No such file"):
        open_lines(tmp_path / "a.log")
    with pytest.raises(UnreadableFile, match="Is a directory"):
        open_lines(tmp_path)


def test_an_overlong_line_is_refused_and_the_next_one_is_whole(tmp_path):
    (tmp_path / "a.log").write_bytes(b"one\n" + b"x" * (MAX_LINE_BYTES * 3) + b"\nthree\n")

    (_, first), (_, overlong), (number, third) = read(tmp_path / "a.log")[0]

    assert (first, number, third) == (b"one", 3, b"three")
    with pytest.raises(BadLine, match="the line is longer than 4 MB"):
        check_length(overlong)


def test_a_line_without_end_does_not_fill_the_memory(tmp_path):
    with gzip.open(tmp_path / "bomb.gz", "wb", compresslevel=1) as bomb:
        for _ in range(64):
            bomb.write(bytes(1024 * 1024))
    tracemalloc.start()

    lines, _ = read(tmp_path / "bomb.gz")

    assert len(lines) == 1
    assert tracemalloc.get_traced_memory()[1] < 5 * MAX_LINE_BYTES
    tracemalloc.stop()


def test_peeking_takes_nothing_away(tmp_path):
    (tmp_path / "a.log").write_bytes(b"\n \none\ntwo\nthree\n")

    with open_lines(tmp_path / "a.log") as lines:
        assert lines.peek(2) == [b"one", b"two"]
        assert list(lines) == [(1, b""), (2, b" "), (3, b"one"), (4, b"two"), (5, b"three")]


def test_bytes_are_counted_as_they_lie_on_the_disk(tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"line\n" * 1000))

    with open_lines(tmp_path / "a.gz") as lines:
        assert len(list(lines)) == 1000

    assert lines.bytes_read == size_on_disk(tmp_path / "a.gz") == (tmp_path / "a.gz").stat().st_size


def test_standard_input_is_read_compressed_too_and_stays_open(monkeypatch):
    standard_input = io.TextIOWrapper(io.BytesIO(gzip.compress(b"one\ntwo\n")))
    monkeypatch.setattr("sys.stdin", standard_input)

    assert read("-") == ([(1, b"one"), (2, b"two")], "")
    assert not standard_input.buffer.closed
    assert size_on_disk("-") is None


def test_a_named_pipe_that_gives_byte_by_byte_is_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    content = gzip.compress(b"one\ntwo\n")
    writer = threading.Thread(target=_write_slowly, args=(tmp_path / "pipe", content))
    writer.start()

    assert read(tmp_path / "pipe") == ([(1, b"one"), (2, b"two")], "")
    writer.join()
    assert size_on_disk(tmp_path / "pipe") is None


def test_the_end_of_a_pipe_is_the_end_of_its_last_line(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=_write_slowly, args=(tmp_path / "pipe", b"one\ntwo"))
    writer.start()

    with open_lines(tmp_path / "pipe") as lines:
        kinds = [type(line) for _, line in lines]
    writer.join()

    assert kinds == [bytes, bytes]


def _write_slowly(path, content):
    with path.open("wb", buffering=0) as pipe:
        for byte in content:
            pipe.write(bytes([byte]))


def test_a_read_error_in_the_middle_ends_the_lines_with_its_reason():
    class FailingDisk(io.BytesIO):
        def read1(self, size=-1):
            if self.tell() >= 5:
                raise OSError(5, "Input/output error")
            return super().read1(size)

    lines = LineFile(FailingDisk(b"one\ntwo\n"), "a.log")

    assert list(lines) == [(1, b"one")]
    assert lines.cut_off == "reading failed (Input/output error)"
