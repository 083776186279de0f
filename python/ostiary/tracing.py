"""Traces: one span for each sampled operation, made of its audit record and sent by OTLP over HTTP.

Knows neither sessions nor sockets: it tells of an operation what the audit tells, and so nothing that the audit may
not. Imported only where a plan asks for it, as OpenTelemetry's libraries come with an extra. Spans are a sample for
people who look for time, not a record: whatever the collector does not take in time is counted, told and dropped.
"""

from __future__ import annotations

import datetime
import json
import logging
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import SpanKind, Status, StatusCode

from ostiary import __version__, log

if TYPE_CHECKING:
    from ostiary.plan import TracingPlan

__all__ = ["Tracer"]

logger = logging.getLogger("ostiary.tracing")

# What OpenTelemetry chooses, written down so that no variable of the environment unbounds it: some 4 MiB at most.
QUEUED_MOST = 2_048
BATCH_MOST = 512
BATCH_SECONDS = 5.0
# For one batch, new tries included; then it is lost, and the next one's turn.
EXPORT_SECONDS = 5.0
# How long losses are gathered before they are told again.
TELL_SECONDS = 60.0

# The audit's fields that OpenTelemetry's conventions have a name for; the others get ours.
NAMES = {
    "client": "client.address",
    "port": "client.port",
    "tls_cipher": "tls.cipher",
    "certificate": "tls.client.subject",
    "identity": "enduser.id",
}
# What the span says by itself.
TOLD = {"time", "event", "operation", "seconds"}
# The server's or the gateway's failures; what a client asked wrongly, or may not ask, is none.
FAILURES = {"operationsError", "timeLimitExceeded", "busy", "unavailable", "loopDetect", "other"}
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


class Tracer:
    """Makes spans of audit records, and hands them to a collector from a thread of its own."""

    def __init__(self, plan: TracingPlan) -> None:
        self._delivery = Delivery(plan.endpoint)
        self._provider = TracerProvider(
            sampler=ALWAYS_ON,
            resource=Resource.create(
                {"service.name": "ostiary", "service.version": __version__, "process.pid": os.getpid()}
            ),
            shutdown_on_exit=False,
        )
        self._tracer = self._provider.get_tracer("ostiary", __version__)
        self._made = 0

    def start(self) -> None:
        """Starts the thread that sends."""
        self._provider.add_span_processor(
            BatchSpanProcessor(
                self._delivery,
                max_queue_size=QUEUED_MOST,
                schedule_delay_millis=BATCH_SECONDS * 1_000,
                max_export_batch_size=BATCH_MOST,
            )
        )

    def write(self, lines: bytes) -> None:
        """Makes spans of records as the audit writes them, a JSON object a line; never waits."""
        for line in lines.splitlines():
            self._span(json.loads(line))

    def stop(self, seconds: float = EXPORT_SECONDS) -> None:
        """Sends what is left for so long, and tells what could not be sent. Waits; call it outside the loop."""
        sending = threading.Thread(target=self._provider.shutdown, name="tracing-stop", daemon=True)
        sending.start()
        sending.join(seconds)
        self._delivery.end(self._made)

    def _span(self, record: Mapping[str, Any]) -> None:
        if self._made - self._delivery.done >= QUEUED_MOST:
            self._delivery.losses.add(1, "more spans than the collector takes")
            return
        self._made += 1
        end = nanoseconds(record["time"])
        span = self._tracer.start_span(
            record["operation"],
            # Nothing that this thread happens to do is above it.
            context=Context(),
            kind=SpanKind.SERVER,
            attributes=dict(attributes(record)),
            start_time=end - round(record["seconds"] * 1e9),
        )
        if (result := record.get("result")) in FAILURES:
            span.set_attribute("error.type", result)
            span.set_status(Status(StatusCode.ERROR, result))
        span.end(end)


def nanoseconds(moment: str) -> int:
    """The nanoseconds from the epoch to a time as the audit writes it (RFC 3339)."""
    # By whole numbers: a float of this size is some hundred nanoseconds wide.
    return (datetime.datetime.fromisoformat(moment) - EPOCH) // datetime.timedelta(microseconds=1) * 1_000


def attributes(record: Mapping[str, Any]) -> Iterator[tuple[str, str | int | float | list[str]]]:
    """A span's attributes: what the record says, but for what the span says by itself."""
    for field, value in record.items():
        if field in TOLD or value is None:
            continue
        name = NAMES.get(field, f"ostiary.{field}")
        if isinstance(value, list):
            yield name, [str(each) for each in value]
        else:
            yield name, value if isinstance(value, str | int | float) else json.dumps(value)


class Delivery(SpanExporter):
    """Hands batches to the exporter, and knows what became of them; called by the sending thread."""

    def __init__(self, endpoint: str) -> None:
        self._exporter = OTLPSpanExporter(endpoint=endpoint, timeout=EXPORT_SECONDS)
        self._reasons = Reasons()
        self._is_late = False
        self._is_shut = False
        self.losses = Losses()
        self.done = 0
        """How many spans need no more room: delivered, or lost."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Sends a batch; one that fails is lost."""
        result = SpanExportResult.FAILURE if self._is_late else self._exporter.export(spans)
        if self._is_late:
            return result  # told by `end`
        self.done += len(spans)
        if result is SpanExportResult.SUCCESS:
            self.losses.recovered()
        else:
            self.losses.add(len(spans), self._reasons.last)
        return result

    def shutdown(self) -> None:
        """Closes the connection to the collector, and ends what waits for another try."""
        if not self._is_shut:
            self._is_shut = True
            # OpenTelemetry left its type out.
            self._exporter.shutdown()  # type: ignore[no-untyped-call]

    def end(self, made: int) -> None:
        """Gives up what has not been sent of all that was made, and tells every loss that was not told."""
        self._is_late = True
        self.shutdown()
        if made > self.done:
            self.losses.add(made - self.done, "the gateway stops")
        self.losses.tell()
        self._reasons.close()


class Losses:
    """Spans that were lost, told at most once a minute, and that it is over; any thread may add."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._untold = 0
        self._reason = ""
        self._is_losing = False
        self._next = 0.0

    def add(self, spans: int, reason: str) -> None:
        """Counts spans that were lost."""
        with self._lock:
            self._untold += spans
            self._reason, self._is_losing = reason, True
            is_due = time.monotonic() >= self._next
        if is_due:
            self.tell()

    def tell(self) -> None:
        """Logs what was lost since it was last told."""
        with self._lock:
            spans, self._untold = self._untold, 0
            self._next = time.monotonic() + TELL_SECONDS
        if spans:
            log.event(logger, logging.WARNING, "tracing_lost", spans=spans, reason=self._reason)

    def recovered(self) -> None:
        """Tells that spans arrive again, if some did not."""
        with self._lock:
            was_losing, self._is_losing = self._is_losing, False
        if was_losing:
            self.tell()
            log.event(logger, logging.INFO, "tracing_recovered")


class Reasons(logging.Handler):
    """Keeps why an export failed, which OpenTelemetry's libraries tell their log alone, line by line and try by try."""

    def __init__(self) -> None:
        super().__init__()
        self.last = "no reason given"
        self._logger = logging.getLogger("opentelemetry")
        self._logger.addHandler(self)
        self._logger.propagate = False

    def emit(self, record: logging.LogRecord) -> None:
        """Remembers the message; what only says that there will be no other try is no reason."""
        if record.levelno >= logging.WARNING and not record.getMessage().startswith("Failed to export spans batch due"):
            self.last = record.getMessage()

    def close(self) -> None:
        """Leaves the libraries' log as it was."""
        self._logger.removeHandler(self)
        self._logger.propagate = True
        super().close()
