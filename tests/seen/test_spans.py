"""Spans of a gateway's operations arrive at a receiver of OTLP, with what the audit says of the same."""

from __future__ import annotations

import pytest

pytest.importorskip("opentelemetry.sdk", reason="OpenTelemetry is absent: pip install ostiary[otel]")

from ..real import wire
from ..tracing.receiver import plain, receiving
from .stage import APP, PASSWORD, SeenFactory, compare_true, search, search_for_nobody

TRACING = '\n[tracing]\nendpoint = "{}"\nsample = {}\n'


@pytest.mark.parametrize("workers", [1, 2])
def test_each_operation_is_a_span_with_the_fields_of_its_record(seen: SeenFactory, workers: int) -> None:
    with receiving() as receiver:
        running = seen(audit={}, plugins=TRACING.format(receiver.endpoint, 1.0), workers=workers)
        client = running.connect()
        assert client.ask(wire.bind(1, APP, PASSWORD)).code == wire.SUCCESS
        for message_id, make in enumerate((search, compare_true, search_for_nobody), 2):
            client.ask(make(message_id))
        client.close()
        running.gateway.stop()
        spans = receiver.take(4)
        assert receiver.untaken == 0
    records = {record["message"]: record for record in running.operations()}
    assert len(records) == 4
    for span in spans:
        told = plain(span.attributes)
        record = records[told["ostiary.message"]]
        assert span.name == record["operation"]
        assert told["ostiary.result"] == record["result"]
        assert told["ostiary.server"] == record["server"]
        assert told.get("enduser.id") == record.get("identity")
        assert abs((span.end_time_unix_nano - span.start_time_unix_nano) / 1e9 - record["seconds"]) < 0.001


def test_a_share_of_many_operations_is_traced(seen: SeenFactory) -> None:
    with receiving() as receiver:
        running = seen(plugins=TRACING.format(receiver.endpoint, 0.1))
        client = running.connect()
        for message_id in range(1, 1_001):
            client.ask(search(message_id))
        client.close()
        running.gateway.stop()
        # Each by itself: the share is not exact, and twenty are four deviations.
        assert 55 <= receiver.untaken <= 145
