"""Spans as a collector receives them: what they say, how many there are, and what becomes of those it does not take."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("opentelemetry.sdk", reason="OpenTelemetry is absent: pip install ostiary[otel]")

from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from ostiary import __version__, tracing
from ostiary.plan import TracingPlan
from ostiary.tracing import Tracer

from .receiver import Receiver, plain, receiving

RECORD: dict[str, Any] = {
    "time": "2026-03-04T05:06:07.890Z",
    "event": "operation",
    "connection": 17,
    "message": 3,
    "client": "192.0.2.7",
    "port": 41022,
    "listener": "ldaps",
    "upstream": "directory",
    "server": "ldap://dc1.corp.example:389",
    "tls_version": "1.3",
    "tls_cipher": "TLS_AES_256_GCM_SHA384",
    "certificate": "CN=wiki",
    "identity": "cn=wiki,ou=services,dc=corp,dc=example",
    "operation": "search",
    "base": "ou=people,dc=corp,dc=example",
    "scope": "sub",
    "filter": "(&(objectClass=?)(uid=?))",
    "attributes": ["uid", "cn"],
    "code": 0,
    "result": "success",
    "entries": 2,
    "bytes": 412,
    "seconds": 0.0125,
    "rule": None,
}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture(autouse=True)
def _no_thread_stays() -> Iterator[None]:
    before = threading.active_count()
    yield
    _until(lambda: threading.active_count() <= before)


def lines(*records: dict[str, Any]) -> bytes:
    """Records as the core writes them."""
    return b"".join(json.dumps(each).encode() + b"\n" for each in records)


def traced(receiver: Receiver, *records: dict[str, Any]) -> None:
    """The records written to a tracer that is started before and stopped after."""
    tracer = Tracer(TracingPlan(receiver.endpoint, 1.0))
    tracer.start()
    tracer.write(lines(*records))
    tracer.stop()


def events(caplog: pytest.LogCaptureFixture) -> list[tuple[str, dict[str, Any]]]:
    return [
        (record.getMessage(), record.__dict__["fields"])
        for record in caplog.records
        if record.name == "ostiary.tracing"
    ]


def test_span_has_the_name_times_and_fields_of_the_record(receiver: Receiver) -> None:
    traced(receiver, RECORD)
    (span,) = receiver.take(1)
    assert span.name == "search"
    assert span.kind == Span.SPAN_KIND_SERVER
    assert span.parent_span_id == b""
    assert span.end_time_unix_nano == 1_772_600_767_890_000_000
    assert span.end_time_unix_nano - span.start_time_unix_nano == 12_500_000
    assert plain(span.attributes) == {
        "client.address": "192.0.2.7",
        "client.port": 41022,
        "tls.cipher": "TLS_AES_256_GCM_SHA384",
        "tls.client.subject": "CN=wiki",
        "enduser.id": "cn=wiki,ou=services,dc=corp,dc=example",
        "ostiary.connection": 17,
        "ostiary.message": 3,
        "ostiary.listener": "ldaps",
        "ostiary.upstream": "directory",
        "ostiary.server": "ldap://dc1.corp.example:389",
        "ostiary.tls_version": "1.3",
        "ostiary.base": "ou=people,dc=corp,dc=example",
        "ostiary.scope": "sub",
        "ostiary.filter": "(&(objectClass=?)(uid=?))",
        "ostiary.attributes": ["uid", "cn"],
        "ostiary.code": 0,
        "ostiary.result": "success",
        "ostiary.entries": 2,
        "ostiary.bytes": 412,
    }
    assert span.status.code == Status.STATUS_CODE_UNSET


def test_service_says_its_name_and_version(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.instance.id=gateway-1")
    traced(receiver, RECORD)
    receiver.take(1)
    assert receiver.resources[0].items() >= {
        ("service.name", "ostiary"), ("service.version", __version__), ("service.instance.id", "gateway-1"),
    }  # fmt: skip


def test_headers_come_from_the_environment(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20let-me-in-5Tz")
    traced(receiver, RECORD)
    receiver.take(1)
    assert receiver.headers[0]["authorization"] == "Bearer let-me-in-5Tz"


@pytest.mark.parametrize("result", ["unavailable", "busy", "operationsError", "timeLimitExceeded"])
def test_failures_of_the_service_are_errors(receiver: Receiver, result: str) -> None:
    traced(receiver, RECORD | {"result": result})
    (span,) = receiver.take(1)
    assert span.status.code == Status.STATUS_CODE_ERROR
    assert plain(span.attributes)["error.type"] == result


@pytest.mark.parametrize("result", ["success", "invalidCredentials", "insufficientAccessRights", "noSuchObject", None])
def test_what_clients_ask_wrongly_is_no_error(receiver: Receiver, result: str | None) -> None:
    traced(receiver, RECORD | {"result": result})
    (span,) = receiver.take(1)
    assert span.status.code == Status.STATUS_CODE_UNSET


def test_variables_of_the_environment_do_not_choose_the_share(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    traced(receiver, RECORD)
    assert len(receiver.take(1)) == 1


def test_spans_are_sent_without_being_told_to_stop(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "BATCH_SECONDS", 0.05)
    tracer = Tracer(TracingPlan(receiver.endpoint, 1.0))
    tracer.start()
    tracer.write(lines(RECORD))
    assert receiver.take(1)[0].name == "search"
    tracer.stop()


def test_refusing_collector_costs_spans_and_is_told_once(
    receiver: Receiver, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracing, "BATCH_SECONDS", 0.02)
    caplog.set_level(logging.INFO)
    receiver.status = 403
    tracer = Tracer(TracingPlan(receiver.endpoint, 1.0))
    tracer.start()
    for _ in range(3):
        done = tracer._delivery.done
        tracer.write(lines(RECORD))
        _until(lambda done=done: tracer._delivery.done > done)
    assert [name for name, _ in events(caplog)] == ["tracing_lost"]
    assert "403" in str(events(caplog)[0][1]["reason"])
    receiver.status = 200
    tracer.write(lines(RECORD))
    receiver.take(1)
    tracer.stop()
    told = events(caplog)
    assert [name for name, _ in told] == ["tracing_lost", "tracing_lost", "tracing_recovered"]
    assert sum(fields.get("spans", 0) for _, fields in told) == 3


def test_absent_collector_is_named_and_nothing_is_raised(caplog: pytest.LogCaptureFixture) -> None:
    with receiving() as gone:
        endpoint = gone.endpoint
    tracer = Tracer(TracingPlan(endpoint, 1.0))
    tracer.start()
    tracer.write(lines(RECORD))
    started = time.monotonic()
    tracer.stop(1.0)
    assert time.monotonic() - started < 5
    ((name, fields),) = events(caplog)
    assert (name, fields["spans"]) == ("tracing_lost", 1)


def test_stuck_collector_holds_up_nobody_and_what_is_too_much_is_counted(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.may_answer.clear()
    tracer = Tracer(TracingPlan(receiver.endpoint, 1.0))
    tracer.start()
    started = time.monotonic()
    tracer.write(lines(*[RECORD] * 5_000))
    tracer.stop(0.2)
    assert time.monotonic() - started < 10
    lost = sum(fields["spans"] for name, fields in events(caplog) if name == "tracing_lost")
    assert lost == 5_000
    receiver.may_answer.set()


def test_losses_are_counted_from_any_thread(caplog: pytest.LogCaptureFixture) -> None:
    losses = tracing.Losses()

    def lose() -> None:
        for _ in range(1_000):
            losses.add(1, "gone")

    threads = [threading.Thread(target=lose) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    losses.tell()
    assert sum(fields["spans"] for _, fields in events(caplog)) == 4_000


def test_table_without_the_extra_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "ostiary.toml").write_text(CONFIGURATION)
    # What an environment without the extra looks like to the program.
    script = "import sys; sys.modules['opentelemetry'] = None; from ostiary.cli import main; main()"
    command = [sys.executable, "-c", script, "check", str(tmp_path / "ostiary.toml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert "tracing: needs libraries that are not installed; pip install ostiary[otel]" in done.stdout + done.stderr


CONFIGURATION = """
[[listeners]]
name = "plain"
address = "127.0.0.1:3890"
tls = { mode = "none" }
upstream = "directory"

[[upstreams]]
name = "directory"
servers = ["ldap://127.0.0.1:389"]

[tracing]
endpoint = "http://127.0.0.1:4318/v1/traces"
"""


def _until(is_so: Any) -> None:
    deadline = time.monotonic() + 15
    while not is_so():
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)
