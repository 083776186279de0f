"""Records to a real rsyslog, by every way it listens on."""

from __future__ import annotations

import dataclasses
import json
import logging
import time

import pytest

from ostiary.audit import CollectorTls, SinkPlan

from .collector import Collector
from .conftest import WriterFactory, Written
from .records import HOST, TIME, counted, record

COLLECTORS = ("udp", "tcp", "tls", "unix")
MANY = 100_000
BATCH = 500


def sink(kind: str, collector: Collector, tls: CollectorTls) -> SinkPlan:
    """The plan for one way to the collector."""
    if kind == "udp":
        return SinkPlan("udp", "syslog://c", host="127.0.0.1", port=collector.udp)
    if kind == "tcp":
        return SinkPlan("tcp", "syslog+tcp://c", host="localhost", port=collector.tcp.port)
    if kind == "tls":
        return SinkPlan("tls", "syslog+tls://c", host="127.0.0.1", port=collector.tls.port, tls=tls)
    return SinkPlan("unix", "syslog+unix://c", path=str(collector.socket))


def hand_over(written: Written, first: int, count: int) -> None:
    """Records with consecutive numbers, in batches as a loop would make them."""
    for begin in range(first, first + count, BATCH):
        numbers = range(begin, min(begin + BATCH, first + count))
        written.writer.write(counted(record(number) for number in numbers), len(numbers))


def await_settled(written: Written, count: int, seconds: float = 20.0) -> None:
    """Returns once the writer has told of so many."""
    deadline = time.monotonic() + seconds
    while sum(written.counts) < count:
        assert time.monotonic() < deadline, written.counts
        time.sleep(0.02)


@pytest.mark.parametrize("kind", COLLECTORS)
def test_a_collector_parses_every_part_of_a_message(
    kind: str, collector: Collector, tls: CollectorTls, writing: WriterFactory
) -> None:
    collector.start()
    written = writing(sink(kind, collector, tls))
    texts = [record(1, base='cn="Müller"\\, <86> 12 ,dc=example'), record(2, base="x" * 3_500)]
    written.writer.write(counted(texts), 2)
    written.writer.stop(5)
    assert written.counts == (2, 0)
    kept = collector.kept(2)
    assert [each["record"] for each in kept] == texts
    for each in kept:
        told = {key: each[key] for key in ("priority", "version", "time", "host", "program", "kind", "data")}
        assert told == {
            "priority": "86", "version": "1", "time": TIME, "host": HOST,
            "program": "ostiary", "kind": "operation", "data": "-",
        }  # fmt: skip


@pytest.mark.parametrize("kind", ["tcp", "tls", "unix"])
def test_so_many_records_are_exactly_so_many(
    kind: str, collector: Collector, tls: CollectorTls, writing: WriterFactory
) -> None:
    collector.start()
    written = writing(sink(kind, collector, tls), 2**28)
    hand_over(written, 0, MANY)
    await_settled(written, MANY)
    assert written.counts == (MANY, 0)
    kept = collector.kept(MANY)
    assert [json.loads(each["record"])["message"] for each in kept] == list(range(MANY))


@pytest.mark.parametrize("kind", COLLECTORS)
def test_records_wait_for_a_collector_that_comes_back(
    kind: str, collector: Collector, tls: CollectorTls, writing: WriterFactory, caplog: pytest.LogCaptureFixture
) -> None:
    collector.start()
    written = writing(sink(kind, collector, tls))
    hand_over(written, 0, 10)
    await_settled(written, 10)
    assert len(collector.kept(10)) == 10
    collector.stop()
    hand_over(written, 10, 700)
    hand_over(written, 710, 10)
    while not any(each.getMessage() == "audit_output_failed" for each in caplog.records):
        time.sleep(0.02)
    collector.start()
    await_settled(written, 720)
    written.writer.stop(5)
    assert written.counts == (720, 0)
    kept = [json.loads(each["record"])["message"] for each in collector.kept(720)]
    assert sorted(set(kept)) == list(range(720))
    # Nothing twice, but for the datagram that an ICMP answer was about.
    assert len(kept) - len(set(kept)) <= (1 if kind == "udp" else 0)
    assert [each.getMessage() for each in caplog.records if each.name == "ostiary.audit"] == [
        "audit_output_failed",
        "audit_recovered",
    ]


@pytest.mark.parametrize("kind", COLLECTORS)
def test_what_does_not_fit_while_the_collector_is_away_is_counted(
    kind: str, collector: Collector, tls: CollectorTls, writing: WriterFactory, caplog: pytest.LogCaptureFixture
) -> None:
    written = writing(sink(kind, collector, tls), buffer_bytes=400_000)
    began = time.monotonic()
    hand_over(written, 0, 50_000)
    # The making of the records takes most of it.
    assert time.monotonic() - began < 10
    assert written.counts[0] == 0
    lost = written.counts[1]
    assert 45_000 < lost < 50_000
    assert lost % BATCH == 0
    collector.start()
    await_settled(written, 50_000)
    written.writer.stop(5)
    assert written.counts == (50_000 - lost, lost)
    kept = {json.loads(each["record"])["message"] for each in collector.kept(50_000 - lost)}
    # The first ones waited; UDP cannot tell that the very first went nowhere before anybody listened.
    assert kept == set(range(50_000 - lost))
    told = [each.getMessage() for each in caplog.records if each.name == "ostiary.audit"]
    assert sorted(told) == ["audit_lost", "audit_lost", "audit_output_failed", "audit_recovered"]
    fields = [each.__dict__["fields"] for each in caplog.records if each.getMessage() == "audit_lost"]
    assert sum(each["records"] for each in fields) == lost
    assert all(each.levelno == logging.ERROR for each in caplog.records if each.getMessage() == "audit_lost")


def test_a_collector_with_another_name_gets_nothing(
    collector: Collector, tls: CollectorTls, writing: WriterFactory, caplog: pytest.LogCaptureFixture
) -> None:
    collector.start()
    written = writing(sink("tls", collector, dataclasses.replace(tls, verify_name="elsewhere.example")))
    hand_over(written, 0, 1)
    while not caplog.records:
        time.sleep(0.02)
    written.writer.stop(0.2)
    assert written.counts == (0, 1)
    fields = caplog.records[0].__dict__["fields"]
    assert "elsewhere.example" in fields["error"]


def test_a_collector_of_an_unknown_authority_gets_nothing(
    collector: Collector, tls: CollectorTls, writing: WriterFactory, caplog: pytest.LogCaptureFixture
) -> None:
    from ostiary.tls import throwaway_authority

    collector.start()
    stranger = throwaway_authority().ca
    written = writing(sink("tls", collector, dataclasses.replace(tls, authorities=(stranger,))))
    hand_over(written, 0, 1)
    while not caplog.records:
        time.sleep(0.02)
    written.writer.stop(0.2)
    assert written.counts == (0, 1)
    assert "certificate verify failed" in caplog.records[0].__dict__["fields"]["error"]


def test_a_collector_that_wants_a_certificate_and_gets_none_is_told(
    collector: Collector, tls: CollectorTls, writing: WriterFactory, caplog: pytest.LogCaptureFixture
) -> None:
    collector.start()
    written = writing(sink("tls", collector, dataclasses.replace(tls, chain=(), key=b"")))
    # TLS 1.3 tells it behind the handshake: the connection is over by the time of the next batch.
    for number in range(40):
        hand_over(written, number, 1)
        time.sleep(0.05)
        if any(each.getMessage() == "audit_output_failed" for each in caplog.records):
            break
    written.writer.stop(0.2)
    assert any(each.getMessage() == "audit_output_failed" for each in caplog.records)


def test_nothing_counts_as_written_to_a_collector_that_refuses_the_gateway(
    collector: Collector, tls: CollectorTls, writing: WriterFactory, caplog: pytest.LogCaptureFixture
) -> None:
    collector.start()
    # It asks for a certificate, and is shown none: with TLS 1.3 it says no when the client is done.
    written = writing(sink("tls", collector, dataclasses.replace(tls, chain=(), key=b"")))
    hand_over(written, 0, 2 * BATCH)
    time.sleep(1)
    written.writer.stop(0.5)
    assert written.counts == (0, 2 * BATCH)
    assert [record.getMessage() for record in caplog.records] == ["audit_output_failed", "audit_lost"]
