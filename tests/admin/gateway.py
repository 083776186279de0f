"""A gateway in memory: what the admin endpoint asks of one, with figures that a test may change."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ostiary.admin.plan import AdminPlan
from ostiary.admin.source import Exemplar, Family, Sample, Status

SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1.0)

FAMILIES: list[Family] = [
    ("ostiary_connections_total", "counter", ("listener", "tls"), "Clients that connected.", ()),
    ("ostiary_connections", "gauge", ("listener",), "Clients that are connected.", ()),
    ("ostiary_tls_handshakes_total", "counter", ("listener", "version", "result"), "Handshakes.", ()),
    ("ostiary_operations_total", "counter", ("listener", "upstream", "operation", "result"), "Operations.", ()),
    ("ostiary_operation_duration_seconds", "histogram", ("upstream", "operation"), "Their time.", SECONDS),
    ("ostiary_overhead_seconds", "histogram", ("operation",), "The gateway's own share of it.", SECONDS),
    ("ostiary_refusals_total", "counter", ("plugin", "rule", "mode"), "Refusals.", ()),
    ("ostiary_bind_failures_total", "counter", ("listener",), "Binds that failed.", ()),
    ("ostiary_plaintext_binds_total", "counter", ("listener",), "Binds with a password in the clear.", ()),
    ("ostiary_violations_total", "counter", ("peer", "kind"), "Violations of the protocol.", ()),
    ("ostiary_bytes_total", "counter", ("side", "direction"), "Octets.", ()),
    ("ostiary_entries_total", "counter", ("upstream",), "Entries.", ()),
    ("ostiary_upstream_up", "gauge", ("upstream", "server"), "Told by the endpoint instead.", ()),
    ("ostiary_upstream_connections", "gauge", ("upstream", "server", "state"), "Connections to servers.", ()),
    ("ostiary_plugin_duration_seconds", "histogram", ("plugin",), "Time in hooks.", SECONDS),
    ("ostiary_plugin_errors_total", "counter", ("plugin",), "Hooks that failed.", ()),
    ("ostiary_config_reloads_total", "counter", ("result",), "Reloads.", ()),
    ("ostiary_worker_restarts_total", "counter", (), "Workers that were replaced.", ()),
    ("ostiary_event_loop_lag_seconds", "gauge", (), "How late the event loop is.", ()),
    ("ostiary_audit_records_total", "counter", (), "Audit records.", ()),
    ("ostiary_audit_records_lost_total", "counter", (), "Audit records that were lost.", ()),
]

Key = tuple[str, tuple[str, ...]]


@dataclass
class Gateway:
    """Implements `Source`."""

    numbers: dict[Key, Any] = field(default_factory=dict)
    workers: list[Status] = field(default_factory=list)
    named: list[Exemplar] = field(default_factory=list)
    is_stopping: bool = False
    certificates: list[tuple[str, str, float]] = field(default_factory=list)
    asked: int = 0
    reload: dict[str, Any] | None = None

    def add(self, family: str, *labels: str, by: float = 1) -> None:
        """Counts."""
        key = (f"ostiary_{family}", labels)
        self.numbers[key] = self.numbers.get(key, 0) + by

    def put(self, family: str, *labels: str, to: float) -> None:
        """Sets a gauge."""
        self.numbers[f"ostiary_{family}", labels] = to

    def observe(self, family: str, *labels: str, seconds: float, times: int = 1) -> None:
        """Counts into a histogram."""
        counts, total = self.numbers.get((f"ostiary_{family}", labels), ([0] * (len(SECONDS) + 1), 0.0))
        counts = list(counts)
        counts[sum(bound < seconds for bound in SECONDS)] += times
        self.numbers[f"ostiary_{family}", labels] = (counts, total + seconds * times)

    def total(self, family: str) -> float:
        """The sum of a counter."""
        return float(sum(value for (name, _), value in self.numbers.items() if name == f"ostiary_{family}"))

    def families(self) -> Sequence[Family]:
        return FAMILIES

    def samples(self) -> Sequence[Sample]:
        self.asked += 1
        return [(name, labels, value) for (name, labels), value in self.numbers.items()]

    def exemplars(self) -> Sequence[Exemplar]:
        return self.named

    async def statuses(self) -> Sequence[Status]:
        return self.workers

    def processes(self) -> dict[str, int]:
        return {"gateway": os.getpid()}


def plan(**keys: Any) -> AdminPlan:
    """A plan that listens on a free port of this machine."""
    where: dict[str, Any] = {"host": "127.0.0.1", "port": 0}
    return AdminPlan(**(where | keys))


def busy_gateway() -> Gateway:
    """A gateway in the middle of a working day."""
    gateway = Gateway()
    for operation, count, failed in [("search", 812_400, 310), ("bind", 64_210, 1_204), ("compare", 9_120, 0),
                                     ("modify", 1_310, 22), ("add", 140, 3), ("extended", 77, 0)]:  # fmt: skip
        gateway.add("operations_total", "ldaps", "directory", operation, "success", by=count)
        if failed:
            result = "invalidCredentials" if operation == "bind" else "insufficientAccessRights"
            gateway.add("operations_total", "ldaps", "directory", operation, result, by=failed)
    gateway.add("bind_failures_total", "ldaps", by=1_204)
    gateway.add("plaintext_binds_total", "legacy", by=12)
    gateway.add("connections_total", "ldaps", "ldaps", by=18_230)
    gateway.add("connections_total", "legacy", "starttls", by=940)
    gateway.add("tls_handshakes_total", "ldaps", "1.3", "ok", by=18_190)
    gateway.add("tls_handshakes_total", "ldaps", "1.2", "failed", by=40)
    for plugin, rule, mode, count in [
        ("applications", "wiki-login", "enforce", 21),
        ("applications", "default", "enforce", 302),
        ("search_rate", "per-client", "enforce", 87),
        ("tomorrow", "payroll", "monitor", 644),
    ]:
        gateway.add("refusals_total", plugin, rule, mode, by=count)
    gateway.add("violations_total", "client", "malformed_message", by=4)
    gateway.add("violations_total", "client", "tls_failed", by=40)
    gateway.add("entries_total", "directory", by=4_211_009)
    gateway.add("audit_records_total", by=905_112)
    gateway.put("event_loop_lag_seconds", to=0.0004)
    gateway.workers = [status(0), status(1)]
    faults = [{"path": "listeners[0].tls.key", "message": "not readable: no such file or directory: tls.key"}]
    gateway.reload = {"time": time.time() - 600, "by": "watch", "result": "failure", "faults": faults}
    now = time.time()
    gateway.certificates = [("client", "ldaps", now + 61.5 * 86_400), ("client", "legacy", now + 17.5 * 86_400),
                            ("upstream", "directory", now + 300.5 * 86_400)]  # fmt: skip
    turn(gateway)
    return gateway


def turn(gateway: Gateway, scale: float = 1.0) -> None:
    """What happens in two seconds."""
    for operation, count in [("search", 1_640), ("bind", 210), ("compare", 60), ("modify", 22), ("extended", 3)]:
        many = round(count * scale)
        gateway.add("operations_total", "ldaps", "directory", operation, "success", by=many)
        gateway.observe("operation_duration_seconds", "directory", operation, seconds=0.0008, times=many)
        gateway.observe("operation_duration_seconds", "directory", operation, seconds=0.004, times=many // 40)
        gateway.observe("overhead_seconds", operation, seconds=0.00006, times=many)
        gateway.observe("overhead_seconds", operation, seconds=0.0003, times=many // 50)
    gateway.add("refusals_total", "applications", "default", "enforce", by=round(3 * scale))
    gateway.add("bind_failures_total", "ldaps", by=round(2 * scale))
    for side, direction, octets in [("client", "received", 180_000), ("client", "sent", 1_900_000),
                                    ("upstream", "received", 1_880_000), ("upstream", "sent", 170_000)]:  # fmt: skip
        gateway.add("bytes_total", side, direction, by=round(octets * scale))
    gateway.put("connections", "ldaps", to=round(412 * (0.8 + scale / 5)))
    gateway.put("connections", "legacy", to=31)
    for server, share in [("ldap://dc1.corp.example:389", 300), ("ldap://dc2.corp.example:389", 143)]:
        gateway.put("upstream_connections", "directory", server, "ready", to=share)
    for worker in gateway.workers:
        for names in worker["tops"].values():
            for at, each in enumerate(names):
                each[1] += round(400 * scale / (at + 1) ** 1.3)


def status(worker: int) -> Status:
    """What one worker of two tells."""
    return {
        "worker": worker,
        "pid": os.getpid(),
        "connections": {"ldaps": 206, "legacy": 15 + worker},
        "listeners": [
            {"name": "ldaps", "address": "0.0.0.0:636", "tls": "ldaps"},
            {"name": "legacy", "address": "0.0.0.0:389", "tls": "starttls"},
        ],
        "tops": {
            "clients": [["10.20.4.17", 210_400], ["10.20.4.18", 101_020], ["10.31.0.9", 60_200], ["192.0.2.44", 4_100]],
            "identities": [
                ["cn=wiki,ou=services,dc=corp,dc=example", 310_200],
                ["cn=mail,ou=services,dc=corp,dc=example", 122_400],
                ["svc-print@corp.example", 31_020],
                ["CORP\\helpdesk", 912],
            ],
        },
        "refusals": [
            {
                "time": time.time() - 40 * (at + 1) - worker, "client": "10.31.0.9", "listener": "ldaps",
                "operation": "search", "plugin": "applications", "rule": "default", "mode": "enforce",
                "code": "insufficientAccessRights",
            }
            for at in range(4)
        ],
    }  # fmt: skip
