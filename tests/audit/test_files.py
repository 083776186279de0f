"""Records as lines: in a file that is rotated, shared or full, and by a pipe."""

from __future__ import annotations

import json
import os
import resource
import stat
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from ostiary.audit import SinkPlan
from ostiary.audit import lines as line_sinks
from ostiary.audit.batch import Batch
from ostiary.audit.lines import FileSink

from ..real.process import open_files
from .conftest import WriterFactory
from .records import lines, record

ROOT = Path(__file__).parents[2]
MANY = 100_000
BATCH = 500
WORKERS = 4
EACH = 5_000


def file_sink(path: Path) -> SinkPlan:
    return SinkPlan("file", str(path), path=str(path))


def numbers(path: Path) -> list[int]:
    """What the lines of a file are numbered by; each must be a record."""
    return [json.loads(line)["message"] for line in path.read_text().splitlines()]


def test_a_file_is_made_for_its_owner_and_group_whatever_the_umask(tmp_path: Path, writing: WriterFactory) -> None:
    before = os.umask(0o077)
    try:
        written = writing(file_sink(tmp_path / "audit.log"))
    finally:
        os.umask(before)
    written.writer.write(lines([record(1)]), 1)
    written.writer.stop(5)
    assert stat.S_IMODE((tmp_path / "audit.log").stat().st_mode) == 0o640
    assert (tmp_path / "audit.log").read_text() == record(1) + "\n"


def test_a_file_that_is_there_is_appended_to_and_keeps_its_mode(tmp_path: Path, writing: WriterFactory) -> None:
    (tmp_path / "audit.log").write_text(record(1) + "\n")
    (tmp_path / "audit.log").chmod(0o600)
    written = writing(file_sink(tmp_path / "audit.log"))
    written.writer.write(lines([record(2)]), 1)
    written.writer.stop(5)
    assert numbers(tmp_path / "audit.log") == [1, 2]
    assert stat.S_IMODE((tmp_path / "audit.log").stat().st_mode) == 0o600


def test_a_file_that_cannot_be_opened_ends_the_start(tmp_path: Path, writing: WriterFactory) -> None:
    with pytest.raises(OSError, match=r"audit: cannot open .*/nowhere/audit\.log: No such file or directory"):
        writing(file_sink(tmp_path / "nowhere" / "audit.log"))


def test_a_hundred_thousand_records_outlive_rotations(tmp_path: Path, writing: WriterFactory) -> None:
    written = writing(file_sink(tmp_path / "audit.log"), 2**28)
    for begin in range(0, MANY, BATCH):
        if begin % (MANY // 4) == 0 and begin > 0:
            while not (tmp_path / "audit.log").exists():
                # The writer has not come to the last signal yet.
                time.sleep(0.01)
            (tmp_path / "audit.log").rename(tmp_path / f"audit.log.{begin}")
            written.writer.reopen()
        written.writer.write(lines(record(number) for number in range(begin, begin + BATCH)), BATCH)
    written.writer.stop(20)
    assert written.counts == (MANY, 0)
    parts = sorted(tmp_path.iterdir(), key=lambda path: path.stat().st_mtime_ns)
    assert len(parts) == 4
    # Each in its order, and nothing in a renamed file that came behind the signal.
    assert [number for part in parts for number in numbers(part)] == list(range(MANY))
    assert all(len(numbers(part)) >= BATCH for part in parts)


def test_a_rotated_file_is_let_go_although_nothing_is_written(tmp_path: Path, writing: WriterFactory) -> None:
    written = writing(file_sink(tmp_path / "audit.log"))
    (tmp_path / "audit.log").rename(tmp_path / "audit.log.1")
    written.writer.reopen()
    while not (tmp_path / "audit.log").exists() or str(tmp_path / "audit.log.1") in open_files(os.getpid()):
        time.sleep(0.01)
    assert str(tmp_path / "audit.log") in open_files(os.getpid())


def test_a_file_whose_place_is_gone_is_waited_for(
    tmp_path: Path, writing: WriterFactory, caplog: pytest.LogCaptureFixture
) -> None:
    place = tmp_path / "logs"
    place.mkdir()
    written = writing(file_sink(place / "audit.log"))
    place.rename(tmp_path / "old")
    written.writer.reopen()
    written.writer.write(lines([record(1)]), 1)
    while not caplog.records:
        time.sleep(0.01)
    place.mkdir()
    written.writer.stop(5)
    assert numbers(place / "audit.log") == [1]
    assert written.counts == (1, 0)
    assert [each.getMessage() for each in caplog.records] == ["audit_output_failed", "audit_recovered"]


@pytest.mark.parametrize("kind", ["file", "stdout"])
def test_workers_do_not_tear_each_others_lines(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    reading, writing = os.pipe()
    command = [sys.executable, "-m", "tests.audit.pouring", kind, str(path)]
    children = [
        subprocess.Popen([*command, str(number), str(EACH)], cwd=ROOT, stdout=writing) for number in range(WORKERS)
    ]
    os.close(writing)
    with open(reading, "rb") as pipe:
        read = pipe.read()
    assert [child.wait(60) for child in children] == [0] * WORKERS
    if kind == "file":
        read = path.read_bytes()
    seen = Counter((one["worker"], one["message"]) for one in map(json.loads, read.splitlines()))
    assert len(seen) == WORKERS * EACH
    assert set(seen.values()) == {1}


def test_a_full_disk_loses_nothing_that_fits_later(tmp_path: Path) -> None:
    sink = FileSink(str(tmp_path / "audit.log"))
    batch = Batch(lines(record(number) for number in range(100)), 100, is_framed=False)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    sink.open()
    # What a full disk does: it takes the beginning, in the middle of a line, and then no more.
    resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, hard))
    try:
        for _ in range(3):
            with pytest.raises(OSError, match="too large"):
                sink.write(batch)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert 0 < batch.left < 100
    sink.write(batch)
    sink.close()
    assert batch.left == 0
    torn = []
    whole = []
    for line in (tmp_path / "audit.log").read_text().splitlines():
        try:
            whole.append(json.loads(line)["message"])
        except json.JSONDecodeError:
            torn.append(line)
    assert whole == list(range(100))
    assert len(torn) == 1


def test_a_full_disk_is_told_and_waited_for(writing: WriterFactory, caplog: pytest.LogCaptureFixture) -> None:
    written = writing(SinkPlan("file", "/dev/full", path="/dev/full"))
    written.writer.write(lines([record(1)]), 1)
    while not caplog.records:
        time.sleep(0.01)
    written.writer.stop(0.3)
    assert written.counts == (0, 1)
    fields = caplog.records[0].__dict__["fields"]
    assert fields == {"error": "No space left on device", "output": "/dev/full"}


def test_a_pipe_gets_whole_lines_though_it_is_not_blocking(
    writing: WriterFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, end = os.pipe()
    os.set_blocking(end, False)
    monkeypatch.setattr(line_sinks, "STDOUT", end)
    written = writing(SinkPlan("stdout", "stdout"))
    texts = [record(number, base="b" * (number * 37 % 3_000)) for number in range(1_000)]
    written.writer.write(lines(texts), len(texts))
    read = bytearray()
    while read.count(b"\n") < len(texts):
        read += os.read(reading, 100_000)
    written.writer.stop(5)
    assert read.decode().splitlines() == texts
    assert written.counts == (1_000, 0)
    os.close(reading)
    os.close(end)
