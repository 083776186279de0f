"""A receiver of OTLP over HTTP: takes what an exporter posts, as a collector does, and keeps the spans decoded.

It knows the protocol's octets by OpenTelemetry's own message types, and nothing of who sends.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

WAIT_SECONDS = 15.0


class Receiver:
    """What has been received; ``status`` is how the next posts are answered."""

    def __init__(self, port: int) -> None:
        self.endpoint = f"http://127.0.0.1:{port}/v1/traces"
        self.status = 200
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.resources: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self._spans: queue.Queue[Span] = queue.Queue()

    def take(self, count: int) -> list[Span]:
        """So many spans; fails when fewer come."""
        return [self._spans.get(timeout=WAIT_SECONDS) for _ in range(count)]

    @property
    def untaken(self) -> int:
        return self._spans.qsize()

    def receive(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        self.may_answer.wait(WAIT_SECONDS)
        if path != "/v1/traces":
            return 404, b""
        if self.status != 200:
            return self.status, b""
        request = ExportTraceServiceRequest()
        request.ParseFromString(body)
        self.headers.append(headers)
        for group in request.resource_spans:
            self.resources.append(plain(group.resource.attributes))
            for scope in group.scope_spans:
                for span in scope.spans:
                    self._spans.put(span)
        return 200, ExportTraceServiceResponse().SerializeToString()


def plain(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    """Attributes as a dict of plain values."""
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(each) for each in value.array_value.values]
    return getattr(value, str(kind))


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, answer = receiver.receive(self.path, headers, body)
            self.send_response(status)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing: what was received is what counts."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        receiver = Receiver(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield receiver
        finally:
            receiver.may_answer.set()
            server.shutdown()
            thread.join(WAIT_SECONDS)
