"""The cases: what load each one puts on a gateway, whom it is compared with, and what is asked for.

It does not run anything. The targets are the project's own; they are reported, never asserted.
"""

from __future__ import annotations

from dataclasses import dataclass

from benches.figures import Target


@dataclass(frozen=True)
class Case:
    """One row group of the report."""

    name: str
    title: str
    kind: str  # "load" | "idle" | "empty"
    options: tuple[str, ...] = ()  # of `ostiary-load run` or `idle`
    targets: tuple[Target, ...] = ()
    reference: str = "haproxy"
    gateways: tuple[str, ...] = ("ostiary", "haproxy", "stunnel")
    upstream: str = "plain"  # or "starttls"

    @property
    def is_closed_loop(self) -> bool:
        """Whether the gateway is meant to be the limit."""
        return self.kind == "load" and "--rate" not in self.options

    @property
    def unit(self) -> str:
        """What `value` counts for this case."""
        return {"load": "us/op", "idle": "KiB/connection", "empty": "MiB"}[self.kind]


POLICED = (
    "ostiary",
    "ostiary+policy",
    "ostiary+policy+hook",
    "ostiary+seen",
    "ostiary+policy+seen",
    "haproxy",
    "stunnel",
)


def ratio(limit: float, policed: float | None = None) -> tuple[Target, ...]:
    """So many times the reference, without a policy and with one."""
    alone = Target("ostiary", limit, "ratio")
    return (alone,) if policed is None else (alone, Target("ostiary+policy", policed, "ratio"))


def absolute(limit: float) -> tuple[Target, ...]:
    return (Target("ostiary", limit, "absolute"),)


# Counting and recording everything, beside neither.
SEEN = Target("ostiary+seen", 1.10, "share", beside="ostiary")
SEEN_WITH_POLICY = Target("ostiary+policy+seen", 1.10, "share", beside="ostiary+policy")

# What a hook more costs an operation, us.
HOOK = Target("ostiary+policy+hook", 1.0, "difference", beside="ostiary+policy")


CASES = (
    Case(
        "search-saturated",
        "TLS search, 32 clients, one at a time, as fast as it goes",
        "load",
        ("--operation", "search", "--clients", "32"),
        (*ratio(0.80, policed=0.85), HOOK, SEEN, Target("ostiary+policy+seen", 0.85, "ratio")),
        gateways=POLICED,
    ),
    Case(
        "search-4000",
        "TLS search, 32 clients, 4,000 a second",
        "load",
        ("--operation", "search", "--clients", "32", "--rate", "4000"),
        (*ratio(0.80, policed=0.85), SEEN, Target("ostiary+policy+seen", 0.85, "ratio")),
        gateways=POLICED,
    ),
    Case(
        "search-16-outstanding",
        "TLS search, 32 clients, 16 outstanding each",
        "load",
        ("--operation", "search", "--clients", "32", "--outstanding", "16"),
        (*ratio(0.95, policed=1.0), SEEN, SEEN_WITH_POLICY),
        gateways=POLICED,
    ),
    Case(
        "entries-1000",
        "TLS search with 1,000 entries, 8 clients",
        "load",
        ("--operation", "search", "--clients", "8", "--entries", "1000"),
        (*ratio(0.75, policed=0.80), SEEN, SEEN_WITH_POLICY),
        gateways=POLICED,
    ),
    Case(
        "connect-bind",
        "connect, full TLS handshake, bind, unbind, 8 clients",
        "load",
        ("--operation", "connect", "--clients", "8"),
        (*ratio(0.60), SEEN),
        gateways=("ostiary", "ostiary+seen", "haproxy", "stunnel"),
    ),
    Case(
        "connect-bind-starttls-upstream",
        "the same with StartTLS upstream, beside stunnel behind stunnel",
        "load",
        ("--operation", "connect", "--clients", "8"),
        ratio(0.40),
        reference="stunnel",
        gateways=("ostiary", "stunnel"),  # HAProxy knows no StartTLS
        upstream="starttls",
    ),
    Case("idle-memory", "idle TLS clients that did not bind", "idle", (), absolute(12)),
    Case("idle-memory-bound", "idle TLS clients that did bind", "idle", ("--bind",), absolute(12)),
    Case(
        "empty-process",
        "memory of the process before any client",
        "empty",
        (),
        (*absolute(40), Target("ostiary+policy+seen", 40, "absolute")),
        gateways=("ostiary", "ostiary+policy+seen", "haproxy", "stunnel"),
    ),
)
