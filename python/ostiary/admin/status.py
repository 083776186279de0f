"""The document of /status: what a gateway does right now, for the page, for `ostiary top`, and for scripts.

Made of the workers' own words and of what was counted. Its keys are described in docs/admin.md.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ostiary.admin.figures import Figures, quantile

if TYPE_CHECKING:
    from ostiary.admin.prober import ServerState
    from ostiary.admin.source import Status

__all__ = ["Health", "merged"]

TOP_MOST = 20
REFUSALS_MOST = 50
_DAY = 86_400
# Results that are no failure (RFC 4511, appendix A.1), however they are spelt.
_GOOD = {"success", "comparefalse", "comparetrue", "referral", "saslbindinprogress"}
# How a handshake is told to have gone well.
_DONE = {"ok", "success", "done"}


class Health(NamedTuple):
    """What the endpoint itself knows."""

    version: str
    started: float
    """Unix time."""
    reason: str | None
    """Why the gateway is not ready; None when it is."""
    servers: Sequence[ServerState]
    certificates: Sequence[tuple[str, str, float]]
    processes: Mapping[str, Mapping[str, float]]
    """By name: `pid`, `resident_bytes`, `cpu_seconds`, `open_fds`."""
    rates: Mapping[str, Any]
    """The last point of the history."""
    reload: Mapping[str, Any] | None = None
    """The last time that the configuration was read again."""


def merged(statuses: Sequence[Status], figures: Figures, health: Health) -> dict[str, Any]:
    """The whole document but for the history."""
    now = time.time()
    return {
        "version": health.version,
        "time": now,
        "started": health.started,
        "ready": health.reason is None,
        "reason": health.reason,
        "reload": None if health.reload is None else dict(health.reload),
        "workers": [
            {"worker": each["worker"], "pid": each["pid"], "connections": sum(each.get("connections", {}).values())}
            for each in statuses
        ],
        "processes": {name: dict(told) for name, told in health.processes.items()},
        "gateway": _gateway(figures),
        "listeners": list(_listeners(statuses, figures)),
        "upstreams": list(_upstreams(figures, health.servers)),
        "operations": list(_operations(figures, health.rates.get("operations", {}))),
        "plugins": list(_plugins(figures)),
        "violations": [
            labels | {"count": count} for labels, count in figures.rows("ostiary_violations_total") if count
        ],
        "top": {
            "clients": _top(statuses, "clients"),
            "identities": _top(statuses, "identities"),
            "operations": _most(figures.by("ostiary_operations_total", "operation")),
        },
        "refusals": _refusals(statuses),
        "certificates": sorted(
            (
                {"side": side, "name": name, "expires": end, "days": round((end - now) / _DAY, 2)}
                for side, name, end in health.certificates
            ),
            key=lambda each: float(str(each["expires"])),
        ),
    }


def _gateway(figures: Figures) -> dict[str, Any]:
    return {
        "worker_restarts": figures.total("ostiary_worker_restarts_total"),
        "event_loop_lag_seconds": figures.total("ostiary_event_loop_lag_seconds"),
        "config_reloads": figures.by("ostiary_config_reloads_total", "result"),
        "audit_records": figures.total("ostiary_audit_records_total"),
        "audit_records_lost": figures.total("ostiary_audit_records_lost_total"),
        "overhead": _times(figures, "ostiary_overhead_seconds"),
    }


def _listeners(statuses: Iterable[Status], figures: Figures) -> Iterable[dict[str, Any]]:
    known: dict[str, dict[str, Any]] = {}
    connections: Counter[str] = Counter()
    for status in statuses:
        connections.update(status.get("connections", {}))
        for each in status.get("listeners", ()):
            known.setdefault(each["name"], each)
    for name, each in known.items():
        handshakes = figures.by("ostiary_tls_handshakes_total", "result", listener=name)
        yield {
            "name": name,
            "address": each["address"],
            "tls": each["tls"],
            "connections": connections[name],
            "accepted": figures.total("ostiary_connections_total", listener=name),
            "operations": figures.total("ostiary_operations_total", listener=name),
            "bind_failures": figures.total("ostiary_bind_failures_total", listener=name),
            "plaintext_binds": figures.total("ostiary_plaintext_binds_total", listener=name),
            "handshakes": handshakes,
            "handshake_failures": sum(count for result, count in handshakes.items() if result not in _DONE),
            "tls_versions": figures.by("ostiary_tls_handshakes_total", "version", listener=name),
        }


def _upstreams(figures: Figures, servers: Sequence[ServerState]) -> Iterable[dict[str, Any]]:
    for name in dict.fromkeys(each.upstream for each in servers):
        yield {
            "name": name,
            "servers": [
                {
                    "server": each.server,
                    "up": each.is_up,
                    "since": each.since or None,
                    "connect_seconds": each.connect_seconds,
                    "error": each.error,
                    "connections": figures.by(
                        "ostiary_upstream_connections", "state", upstream=name, server=each.server
                    ),
                }
                for each in servers
                if each.upstream == name
            ],
            "operations": figures.total("ostiary_operations_total", upstream=name),
            "entries": figures.total("ostiary_entries_total", upstream=name),
            **_times(figures, "ostiary_operation_duration_seconds", upstream=name),
        }


def _operations(figures: Figures, rates: Mapping[str, float]) -> Iterable[dict[str, Any]]:
    family = "ostiary_operations_total"
    for name, count in sorted(figures.by(family, "operation").items(), key=lambda each: -each[1]):
        results = {each: count for each, count in figures.by(family, "result", operation=name).items() if count}
        failed = sum(count for result, count in results.items() if result.replace("_", "").lower() not in _GOOD)
        yield {
            "operation": name,
            "count": count,
            "rate": rates.get(name, 0.0),
            "failed": failed,
            "results": results,
            **_times(figures, "ostiary_operation_duration_seconds", operation=name),
        }


def _plugins(figures: Figures) -> Iterable[dict[str, Any]]:
    refusals, errors = figures.rows("ostiary_refusals_total"), figures.by("ostiary_plugin_errors_total", "plugin")
    names = dict.fromkeys([labels["plugin"] for labels, _ in refusals] + list(errors))
    for name in names:
        rules = [
            {"rule": labels["rule"], "mode": labels["mode"], "count": count}
            for labels, count in refusals
            if labels["plugin"] == name
        ]
        yield {
            "name": name,
            "refusals": sum(each["count"] for each in rules if each["mode"] != "monitor"),
            "monitored": sum(each["count"] for each in rules if each["mode"] == "monitor"),
            "rules": sorted(rules, key=lambda each: -each["count"]),
            "errors": errors.get(name, 0),
            **_times(figures, "ostiary_plugin_duration_seconds", plugin=name),
        }


def _times(figures: Figures, family: str, **where: str) -> dict[str, float | None]:
    """Median and worst hundredth since the start."""
    found = figures.histogram(family, **where)
    return {"seconds_50": quantile(0.5, found), "seconds_99": quantile(0.99, found)}


def _top(statuses: Iterable[Status], kind: str) -> list[list[Any]]:
    counts: Counter[str] = Counter()
    for status in statuses:
        for name, count in status.get("tops", {}).get(kind, ()):
            counts[name] += count
    return _most(counts)


def _most(counts: Mapping[str, float]) -> list[list[Any]]:
    ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    return [[name, count] for name, count in ordered[:TOP_MOST] if count]


def _refusals(statuses: Iterable[Status]) -> list[dict[str, Any]]:
    """The last of all workers, the newest first."""
    found = [each for status in statuses for each in status.get("refusals", ())]
    return sorted(found, key=lambda each: float(each["time"]), reverse=True)[:REFUSALS_MOST]
