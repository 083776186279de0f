"""A canned exposition: every family with some rows, and counters that grow with every scrape.

It stands in for a gateway where only the asking is tested. What the families are called is written once more here, so
that a name that changes elsewhere is noticed; what a real gateway exposes is compared with docs/metrics.md as this is.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from ..real.raw_client import Address

OPERATION_BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
OWN_BOUNDS = (0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1)
WAIT_SECONDS = 15.0


@dataclass(frozen=True)
class Family:
    """One family, with rows: the values of its labels."""

    name: str
    kind: str
    labels: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ((),)
    value: float = 1
    """What a gauge says, and by how much a counter grows with each scrape."""
    bounds: tuple[float, ...] = ()

    def lines(self, scrape: int) -> Iterator[str]:
        yield f"# HELP {self.name} What docs/metrics.md says.\n"
        yield f"# TYPE {self.name} {self.kind}\n"
        for row in self.rows:
            if self.bounds:
                yield from self._histogram(row, scrape)
            else:
                value = self.value * scrape if self.kind == "counter" else self.value
                yield f"{self.name}{self._labelled(row)} {value}\n"

    def _histogram(self, row: tuple[str, ...], scrape: int) -> Iterator[str]:
        for place, bound in enumerate((*self.bounds, "+Inf"), 1):
            yield f"{self.name}_bucket{self._labelled(row, str(bound))} {place * scrape}\n"
        count = (len(self.bounds) + 1) * scrape
        yield f"{self.name}_count{self._labelled(row)} {count}\n"
        yield f"{self.name}_sum{self._labelled(row)} {count * self.bounds[1]}\n"

    def _labelled(self, row: tuple[str, ...], bound: str = "") -> str:
        pairs = [*zip(self.labels, row, strict=True), *((("le", bound),) if bound else ())]
        return "{" + ",".join(f'{name}="{value}"' for name, value in pairs) + "}" if pairs else ""


def each(*axes: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """A row for each combination."""
    return tuple(itertools.product(*axes))


LISTENERS = ("ldaps", "open")
OPERATIONS = ("bind", "search", "modify")
SERVERS = (("directory", "ldap://dc1.corp.example:389"), ("directory", "ldap://dc2.corp.example:389"))
PROCESSES = each(("supervisor", "worker-0", "worker-1"))
FAMILIES = (
    Family("ostiary_connections_total", "counter", ("listener", "tls"), (("ldaps", "ldaps"), ("open", "starttls"))),
    Family("ostiary_connections", "gauge", ("listener",), each(LISTENERS), 5),
    Family(
        "ostiary_tls_handshakes_total", "counter", ("listener", "version", "result"),
        (("ldaps", "1.3", "success"), ("ldaps", "none", "failure")),
    ),
    Family("ostiary_bytes_total", "counter", ("side", "direction"),
           each(("client", "upstream"), ("received", "sent")), 900),
    Family(
        "ostiary_operations_total", "counter", ("listener", "upstream", "operation", "result"),
        each(LISTENERS, ("directory",), OPERATIONS, ("success", "insufficientAccessRights")), 9,
    ),
    Family("ostiary_operation_duration_seconds", "histogram", ("upstream", "operation"),
           each(("directory",), OPERATIONS), bounds=OPERATION_BOUNDS),
    Family("ostiary_overhead_seconds", "histogram", ("operation",), each(OPERATIONS), bounds=OWN_BOUNDS),
    Family("ostiary_entries_total", "counter", ("upstream",), each(("directory",)), 20),
    Family("ostiary_refusals_total", "counter", ("plugin", "rule", "mode"),
           each(("allow_list",), ("default",), ("enforce", "monitor"))),
    Family("ostiary_bind_failures_total", "counter", ("listener",), each(LISTENERS)),
    Family("ostiary_plaintext_binds_total", "counter", ("listener",), each(LISTENERS)),
    Family("ostiary_violations_total", "counter", ("peer", "kind"), each(("client",), ("bad_framing", "tls_failed"))),
    Family("ostiary_upstream_up", "gauge", ("upstream", "server"), SERVERS),
    Family("ostiary_upstream_connections", "gauge", ("upstream", "server", "state"),
           tuple((*server, state) for server in SERVERS for state in ("dialling", "ready")), 3),
    Family("ostiary_plugin_duration_seconds", "histogram", ("plugin",), each(("office",)), bounds=OWN_BOUNDS),
    Family("ostiary_plugin_errors_total", "counter", ("plugin",), each(("office",))),
    Family("ostiary_certificate_expiry_timestamp_seconds", "gauge", ("side", "name"), (("listener", "ldaps"),),
           time.time() + 30 * 86_400),
    Family("ostiary_config_reloads_total", "counter", ("result",), each(("success", "failure"))),
    Family("ostiary_worker_restarts_total", "counter", value=0),
    Family("ostiary_event_loop_lag_seconds", "gauge", value=0.001),
    Family("ostiary_audit_records_total", "counter", value=50),
    Family("ostiary_audit_records_lost_total", "counter", value=0),
    Family("ostiary_build_info", "gauge", ("version",), each(("0.1.0",))),
    Family("process_cpu_seconds_total", "counter", ("process",), PROCESSES, 0.01),
    Family("process_resident_memory_bytes", "gauge", ("process",), PROCESSES, 6e7),
    Family("process_virtual_memory_bytes", "gauge", ("process",), PROCESSES, 3e8),
    Family("process_start_time_seconds", "gauge", ("process",), PROCESSES, 1.7e9),
    Family("process_open_fds", "gauge", ("process",), PROCESSES, 40),
    Family("process_max_fds", "gauge", ("process",), PROCESSES, 65_536),
)  # fmt: skip


@contextmanager
def exposing() -> Iterator[Address]:
    """Serves the exposition on a free port."""
    scrapes = itertools.count(1)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path != "/metrics":
                self.send_error(404)
                return
            scrape = next(scrapes)
            body = "".join(line for family in FAMILIES for line in family.lines(scrape)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing: Prometheus tells what failed."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield Address("127.0.0.1", server.server_address[1])
        server.shutdown()
        thread.join(WAIT_SECONDS)
