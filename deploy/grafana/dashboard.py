"""The dashboard: what an operator sees of one gateway or many, from top to bottom.

`python -m deploy.grafana.dashboard` writes it to `ostiary.json` beside this file, to be imported into Grafana. It asks
for the gateway's own metrics alone, so that it works without the recording rules.
"""

from __future__ import annotations

import json
from pathlib import Path

from deploy.grafana.panels import Panel, Query, Row, document

__all__ = ["FILE", "ROWS", "text"]

FILE = Path(__file__).with_name("ostiary.json")

GOOD, WARNING, BAD = "green", "orange", "red"
DAY = 86_400.0
# Certificates are the better, the longer they last.
LASTS = ((7 * DAY, WARNING), (21 * DAY, GOOD))
CHOSEN = 'instance=~"$instance"'


def select(metric: str, *matchers: str) -> str:
    """The metric of the gateways that are chosen."""
    return f"{metric}{{{', '.join((CHOSEN, *matchers))}}}"


def rate(metric: str, *matchers: str, by: str = "") -> str:
    """How much a counter grows each second, summed."""
    return f"sum{_by(by)} (rate({select(metric, *matchers)}[$__rate_interval]))"


def grown(metric: str, *matchers: str, by: str = "") -> str:
    """How much a counter grew in the time that is shown, summed."""
    return f"sum{_by(by)} (increase({select(metric, *matchers)}[$__range]))"


def quantile(share: float, metric: str, by: str = "") -> str:
    """The value that this share of a histogram's values stays below."""
    labels = f"{by}, le" if by else "le"
    return f"histogram_quantile({share}, {rate(f'{metric}_bucket', by=labels)})"


def _by(labels: str) -> str:
    return f" by ({labels})" if labels else ""


def _figure(
    title: str, description: str, unit: str, query: Query, *steps: tuple[float, str], below: str = GOOD
) -> Panel:
    return Panel("stat", title, description, unit, (query,), width=4, height=4, steps=steps, below=below)


def _plot(title: str, description: str, unit: str, *queries: Query, stacked: bool = False) -> Panel:
    return Panel("timeseries", title, description, unit, queries, stacked=stacked)


GLANCE = Row("At a glance", (
    _figure("Gateways", "Gateways that Prometheus reaches, by version.", "none",
            Query(f"count by (version) ({select('ostiary_build_info')})", "{{version}}")),
    _figure("Clients", "Clients that are connected now.", "short",
            Query(f"sum({select('ostiary_connections')})", "clients")),
    _figure("Operations", "Operations that ended, each second.", "ops",
            Query(rate("ostiary_operations_total"), "operations")),
    _figure("Slowest in a hundred", "99 of 100 operations are answered within this time.", "s",
            Query(quantile(0.99, "ostiary_operation_duration_seconds"), "p99"), (0.5, WARNING), (2, BAD)),
    _figure("The gateway's share", "99 of 100 operations wait no longer than this in the gateway itself.", "s",
            Query(quantile(0.99, "ostiary_overhead_seconds"), "p99"), (0.005, WARNING), (0.01, BAD)),
    _figure("Servers down", "Directory servers that a gateway could not connect to when it last tried.", "none",
            Query(f"count({select('ostiary_upstream_up')} == 0) or vector(0)", "servers"), (1, BAD)),
    _figure("Failed binds", "Binds that did not succeed, each second.", "ops",
            Query(rate("ostiary_bind_failures_total"), "binds"), (0.5, WARNING), (5, BAD)),
    _figure("Refusals", "Requests that a plugin refused, each second.", "ops",
            Query(rate("ostiary_refusals_total", 'mode="enforce"'), "refusals"), (1, WARNING)),
    _figure("Binds in the clear", "Binds with a password outside TLS, in the time that is shown.", "short",
            Query(grown("ostiary_plaintext_binds_total"), "binds"), (1, BAD)),
    _figure("Next certificate to end", "Time until the first of all certificates is refused.", "s",
            Query(f"min({select('ostiary_certificate_expiry_timestamp_seconds')} - time())", "left"),
            *LASTS, below=BAD),
    _figure("Audit records lost", "Records that the audit's output did not take, in the time that is shown.", "short",
            Query(grown("ostiary_audit_records_lost_total"), "records"), (1, BAD)),
    _figure("Workers replaced", "Workers that died and were started again, in the time that is shown.", "short",
            Query(grown("ostiary_worker_restarts_total"), "workers"), (1, BAD)),
))  # fmt: skip

TRAFFIC = Row("Traffic", (
    _plot("Operations", "What clients ask, each second.", "ops",
          Query(rate("ostiary_operations_total", by="operation"), "{{operation}}"), stacked=True),
    _plot("Results", "How operations end, each second, by result code.", "ops",
          Query(rate("ostiary_operations_total", by="result"), "{{result}}"), stacked=True),
    _plot("Clients", "Clients that are connected, by listener.", "short",
          Query(f"sum by (listener) ({select('ostiary_connections')})", "{{listener}}"), stacked=True),
    _plot("New connections", "Connections that clients make, each second. Many beside few operations: "
          "an application that does not keep its connections.", "ops",
          Query(rate("ostiary_connections_total", by="listener, tls"), "{{listener}} ({{tls}})")),
    _plot("Octets", "What passes the sockets, TLS included.", "Bps",
          Query(rate("ostiary_bytes_total", by="side, direction"), "{{direction}}, {{side}}")),
    _plot("Entries", "Entries in search results, each second, by upstream.", "ops",
          Query(rate("ostiary_entries_total", by="upstream"), "{{upstream}}")),
))  # fmt: skip

TIME = Row("Time", (
    _plot("Time of operations", "From a request's arrival to its last response, where the server answered.", "s",
          *(Query(quantile(share, "ostiary_operation_duration_seconds"), f"p{share * 100:g}")
            for share in (0.5, 0.9, 0.99))),
    _plot("Slowest in a hundred", "What 99 of 100 operations stay below, by upstream and operation.", "s",
          Query(quantile(0.99, "ostiary_operation_duration_seconds", by="upstream, operation"),
                "{{upstream}} {{operation}}")),
    Panel("heatmap", "Spread", "How many operations took how long; two bands are two kinds of operations, "
          "or a cache that is missed.", "s",
          (Query(f"sum by (le) (increase({select('ostiary_operation_duration_seconds_bucket')}[$__rate_interval]))",
                 "{{le}}"),)),
    _plot("The gateway's share", "What operations wait in the gateway itself, beside the server's own time; "
          "delays by a rate limit and the answers of hooks are part of it.", "s",
          *(Query(quantile(share, "ostiary_overhead_seconds"), f"p{share * 100:g}") for share in (0.5, 0.99))),
    _plot("The gateway's share, by operation", "What 99 of 100 operations stay below.", "s",
          Query(quantile(0.99, "ostiary_overhead_seconds", by="operation"), "{{operation}}")),
    _plot("Mean time", "Of all operations, and the gateway's share of it.", "s",
          *(Query(f"{rate(f'{metric}_sum')} / {rate(f'{metric}_count')}", legend) for metric, legend in (
              ("ostiary_operation_duration_seconds", "all"), ("ostiary_overhead_seconds", "gateway")))),
))  # fmt: skip

DOORS = Row("Who is turned away", (
    _plot("Failed binds", "Each second, by listener. A spike: guessed passwords, or an application with an old one.",
          "ops", Query(rate("ostiary_bind_failures_total", by="listener"), "{{listener}}")),
    _plot("Refusals", "Requests that a plugin's rule refused, each second.", "ops",
          Query(rate("ostiary_refusals_total", 'mode="enforce"', by="plugin, rule"), "{{plugin}} {{rule}}")),
    _plot("Would be refused", "What plugins and rules in monitor mode would have decided, each second. None left: "
          "they can be enforced.", "ops",
          Query(rate("ostiary_refusals_total", 'mode="monitor"', by="plugin, rule"), "{{plugin}} {{rule}}")),
    _plot("Binds in the clear", "Binds with a password outside TLS, each second, by listener.", "ops",
          Query(rate("ostiary_plaintext_binds_total", by="listener"), "{{listener}}")),
    _plot("TLS handshakes", "Each second, by version and result. Failures of version none: clients that do not trust "
          "the certificate, or speak an old TLS.", "ops",
          Query(rate("ostiary_tls_handshakes_total", by="version, result"), "{{version}} {{result}}")),
    _plot("Violations", "What peers did against the protocol, each second.", "ops",
          Query(rate("ostiary_violations_total", by="peer, kind"), "{{peer}} {{kind}}")),
))  # fmt: skip

DIRECTORIES = Row("The directories behind", (
    Panel("state-timeline", "Servers", "Whether each server could be connected to.", "none",
          (Query(f"min by (upstream, server) ({select('ostiary_upstream_up')})", "{{upstream}} {{server}}"),),
          words=((1, "up", GOOD), (0, "down", BAD))),
    _plot("Connections", "Connections to servers, by state. Many that are being dialled: a server that is slow to "
          "accept.", "short",
          Query(f"sum by (server, state) ({select('ostiary_upstream_connections')})", "{{server}} {{state}}")),
    _plot("Time by upstream", "What 99 of 100 operations stay below.", "s",
          Query(quantile(0.99, "ostiary_operation_duration_seconds", by="upstream"), "{{upstream}}")),
))  # fmt: skip

PLUGINS = Row("Plugins", (
    _plot("Time of hooks", "What 99 of 100 questions to a plugin's hooks stay below.", "s",
          Query(quantile(0.99, "ostiary_plugin_duration_seconds", by="plugin"), "{{plugin}}")),
    _plot("Questions", "How often a plugin's hooks are asked, each second.", "ops",
          Query(rate("ostiary_plugin_duration_seconds_count", by="plugin"), "{{plugin}}")),
    _plot("Failures", "Hooks that raised, took too long or gave no verdict, each second. A plugin that fails, refuses.",
          "ops", Query(rate("ostiary_plugin_errors_total", by="plugin"), "{{plugin}}")),
))  # fmt: skip

ITSELF = Row("The gateway itself", (
    _plot("Processor", "Cores in use, by process. A worker at 1 has no time left.", "none",
          Query(f"rate({select('process_cpu_seconds_total')}[$__rate_interval])", "{{instance}} {{process}}")),
    _plot("Memory", "Resident memory, by process.", "bytes",
          Query(select("process_resident_memory_bytes"), "{{instance}} {{process}}")),
    _plot("Open files", "Share of the descriptors that a process may have; each client takes two.", "percentunit",
          Query(f"{select('process_open_fds')} / {select('process_max_fds')}", "{{instance}} {{process}}")),
    _plot("Lag of the event loop", "How late the loop was when it last looked, in the worst of the workers.", "s",
          Query(f"max by (instance) ({select('ostiary_event_loop_lag_seconds')})", "{{instance}}")),
    _plot("Audit records", "Records that were handed to the output, and those that were lost, each second.", "ops",
          Query(rate("ostiary_audit_records_total"), "written"),
          Query(rate("ostiary_audit_records_lost_total"), "lost")),
    _plot("Workers replaced, configurations read", "In the time between two points.", "short",
          Query(f"sum(increase({select('ostiary_worker_restarts_total')}[$__rate_interval]))", "workers replaced"),
          Query(f"sum by (result) (increase({select('ostiary_config_reloads_total')}[$__rate_interval]))",
                "configuration: {{result}}")),
    Panel("bargauge", "Certificates", "Time until each certificate is refused.", "s",
          (Query(f"min by (side, name) ({select('ostiary_certificate_expiry_timestamp_seconds')} - time())",
                 "{{side}} {{name}}"),), width=24, steps=LASTS, below=BAD),
))  # fmt: skip

ROWS = (GLANCE, TRAFFIC, TIME, DOORS, DIRECTORIES, PLUGINS, ITSELF)


def text() -> str:
    """The dashboard as the file has it."""
    description = "What every LDAP client does, who is turned away, and how the gateway is."
    return json.dumps(document("Ostiary", "ostiary", description, ROWS), indent=2) + "\n"


if __name__ == "__main__":
    FILE.write_text(text())
