"""The writer when its sink does not follow: nobody waits, and everything is counted."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ostiary.audit import SinkPlan
from ostiary.audit import lines as line_sinks
from ostiary.audit import writer as writers
from ostiary.audit.batch import Batch, messages

from ..real.raw_client import free_address
from .conftest import WriterFactory, Written
from .records import counted, lines, record

BATCH = 500
# Of one call; taking a batch is some microseconds, and a busy machine some milliseconds.
CALL_SECONDS_MOST = 0.25


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> Iterator[SinkPlan]:
    """A stdout whose pipe nobody reads."""
    reading, end = os.pipe()
    monkeypatch.setattr(line_sinks, "STDOUT", end)
    yield SinkPlan("stdout", "stdout")
    # Whoever hangs in it gets an error, and its thread ends.
    os.close(reading)
    os.close(end)


@pytest.fixture
def silent() -> Iterator[SinkPlan]:
    """A collector that accepts, and reads nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        host, port = server.getsockname()
        yield SinkPlan("tcp", "syslog+tcp://c", host=host, port=port)


def hand_over(written: Written, batches: int, octets: bytes) -> float:
    """So many batches; gives how long the longest call took."""
    longest = 0.0
    for _ in range(batches):
        began = time.monotonic()
        written.writer.write(octets, BATCH)
        longest = max(longest, time.monotonic() - began)
    return longest


def told(caplog: pytest.LogCaptureFixture, event: str) -> list[dict[str, object]]:
    """The fields of every line of the log about this."""
    return [each.__dict__["fields"] for each in caplog.records if each.getMessage() == event]


@pytest.mark.parametrize("kind", ["stuck", "silent"])
def test_nobody_waits_for_a_sink_that_hangs(
    kind: str, request: pytest.FixtureRequest, writing: WriterFactory, caplog: pytest.LogCaptureFixture
) -> None:
    written = writing(request.getfixturevalue(kind), 4_194_304)
    made = [record(number) for number in range(BATCH)]
    octets = lines(made) if kind == "stuck" else counted(made)
    assert hand_over(written, 400, octets) < CALL_SECONDS_MOST
    lost = written.counts[1]
    assert lost > 300 * BATCH - 4_194_304 // len(record(0))
    assert told(caplog, "audit_lost")[0]["records"] == BATCH
    began = time.monotonic()
    written.writer.stop(0.3)
    assert time.monotonic() - began < 3
    assert sum(written.counts) == 400 * BATCH
    # One line when it began, and one with the rest at the end.
    assert sum(int(str(each["records"])) for each in told(caplog, "audit_lost")) == written.counts[1]
    assert len(told(caplog, "audit_lost")) == 2


def test_loss_is_told_once_a_minute_with_what_was_lost_since(
    stuck: SinkPlan, writing: WriterFactory, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1_000.0]
    monkeypatch.setattr(writers, "monotonic", lambda: now[0])
    written = writing(stuck, buffer_bytes=65_536)
    octets = lines(record(number) for number in range(BATCH))
    assert len(octets) > 65_536
    for minute in range(3):
        now[0] = 1_000.0 + 61 * minute
        hand_over(written, 10, octets)
    assert [each["records"] for each in told(caplog, "audit_lost")] == [BATCH, 10 * BATCH, 10 * BATCH]
    assert {each.levelno for each in caplog.records} == {logging.ERROR}
    written.writer.stop(0)
    assert [each["records"] for each in told(caplog, "audit_lost")][3:] == [9 * BATCH]


def test_recovery_is_told_with_what_was_lost(
    monkeypatch: pytest.MonkeyPatch, writing: WriterFactory, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    reading, end = os.pipe()
    monkeypatch.setattr(line_sinks, "STDOUT", end)
    octets = lines(record(number) for number in range(BATCH))
    written = writing(SinkPlan("stdout", "stdout"), 3 * len(octets))
    hand_over(written, 5, octets)
    assert written.counts[1] == 2 * BATCH
    read = 0
    while read < 3 * len(octets):
        read += len(os.read(reading, 65_536))
    while not told(caplog, "audit_recovered"):
        time.sleep(0.01)
    written.writer.stop(5)
    assert told(caplog, "audit_recovered") == [{"lost": 2 * BATCH, "output": "stdout"}]
    assert written.counts == (3 * BATCH, 2 * BATCH)
    os.close(reading)
    os.close(end)


def test_a_batch_is_lost_whole(stuck: SinkPlan, writing: WriterFactory) -> None:
    octets = lines(record(number) for number in range(BATCH))
    written = writing(stuck, len(octets) + len(octets) // 2)
    hand_over(written, 2, octets)
    assert written.counts == (0, BATCH)


def test_a_collector_that_hangs_up_gets_the_rest_again_from_the_first_that_was_not_taken(
    writing: WriterFactory,
) -> None:
    # More than the kernel's buffers hold.
    texts = [record(number, base="b" * 500) for number in range(20_000)]
    octets = counted(texts)
    with socket.create_server(("127.0.0.1", 0)) as server:
        host, port = server.getsockname()
        written = writing(SinkPlan("tcp", "syslog+tcp://c", host=host, port=port), 2 * len(octets))
        written.writer.write(octets, len(texts))
        server.settimeout(10)
        first, _ = server.accept()
        early = first.recv(1_000)
        first.close()
        second, _ = server.accept()
        second.settimeout(10)
        late = bytearray()
        while not late.endswith(octets[-100:]):
            late += second.recv(1_000_000)
        second.close()
    written.writer.stop(5)
    assert octets.startswith(early)
    # It begins at a record, and is the rest.
    assert octets.endswith(late)
    assert octets[: len(octets) - len(late)] == counted(texts[: 20_000 - sum(1 for _ in messages(bytes(late)))])
    assert written.counts == (20_000, 0)


def test_a_datagram_that_is_too_large_keeps_no_other_from_leaving(tmp_path: Path, writing: WriterFactory) -> None:
    texts = [record(1), record(2, base="x" * 400_000), record(3)]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiving:
        receiving.bind(str(tmp_path / "log"))
        receiving.settimeout(10)
        written = writing(SinkPlan("unix", "syslog+unix://log", path=str(tmp_path / "log")))
        written.writer.write(counted(texts), 3)
        received = [receiving.recv(100_000).decode().partition(" operation - ")[2] for _ in range(2)]
    written.writer.stop(5)
    assert received == [texts[0], texts[2]]
    assert written.counts == (2, 1)


def test_a_unix_socket_that_is_a_stream_gets_lines(tmp_path: Path, writing: WriterFactory) -> None:
    texts = [record(number) for number in range(100)]
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(tmp_path / "log"))
        server.listen()
        written = writing(SinkPlan("unix", "syslog+unix://log", path=str(tmp_path / "log")))
        written.writer.write(counted(texts), 100)
        connection, _ = server.accept()
        with connection, connection.makefile("r") as stream:
            received = [next(stream).partition(" operation - ")[2].rstrip("\n") for _ in texts]
            written.writer.stop(5)
    assert received == texts
    assert written.counts == (100, 0)


def test_a_collector_that_is_never_there_costs_the_end_no_more_than_its_time(writing: WriterFactory) -> None:
    address = free_address()
    written = writing(SinkPlan("tcp", "syslog+tcp://c", host=address.host, port=address.port))
    for number in range(100):
        written.writer.write(counted([record(number)]), 1)
    began = time.monotonic()
    written.writer.stop(0.5)
    assert 0.3 < time.monotonic() - began < 3
    assert written.counts == (0, 100)


@pytest.mark.parametrize("is_framed", [True, False])
def test_a_batch_knows_what_is_left_of_it_wherever_it_was_cut(is_framed: bool) -> None:
    texts = [record(number, base="b" * number) for number in range(5)]
    octets = (counted if is_framed else lines)(texts)
    ends = [len((counted if is_framed else lines)(texts[:count])) for count in range(6)]
    for position in range(len(octets) + 1):
        batch = Batch(octets, 5, is_framed)
        batch.reached(position)
        whole = sum(1 for end in ends[1:] if end <= position)
        assert (batch.done, batch.left) == (ends[whole], 5 - whole)
