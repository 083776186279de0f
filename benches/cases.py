"""The cases: what load each one puts on a gateway, whom it is compared with, and what is asked for.

It does not run anything. The targets are the project's own; they are reported, never asserted.
"""

from __future__ import annotations

from collections.abc import Sequence
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
    gateways: tuple[str, ...] = ()
    upstream: str = "plain"  # or "starttls"
    cores_sleep: bool = True  # where there is nothing to do

    @property
    def rate(self) -> float | None:
        """Operations a second; none: as many as the gateway does, which is meant to be the limit."""
        return float(self.options[self.options.index("--rate") + 1]) if "--rate" in self.options else None

    def groups(self, names: Sequence[str]) -> list[tuple[str, ...]]:
        """These gateways as they are sampled: alone, or together where one's figure is taken from another's, as a small
        difference is lost between samples that are taken at different moments.
        """
        pairs = [(each.beside, each.gateway) for each in self.targets if each.kind == "difference"]
        pairs = [pair for pair in pairs if set(pair) <= set(names)]
        paired = {name for pair in pairs for name in pair}
        return [*pairs, *((name,) for name in names if name not in paired)]

    @property
    def unit(self) -> str:
        """What `value` counts for this case."""
        return {"load": "us/op", "idle": "KiB/connection", "empty": "MiB"}[self.kind]


PEERS = ("haproxy", "stunnel", "slapd-ldap", "slapd-meta", "lloadd", "ldaptor")
# ldaptor does not reach 4,000 a second, and is at eight results of 1,000 entries for longer than a sample lasts.
QUICK_PEERS = PEERS[:-1]
# Without and with everything that a real one has: rules, a rate, hidden attributes, metrics and audit.
PLAIN_AND_WHOLE = ("ostiary", "ostiary+policy+seen")
STEP_BY_STEP = ("ostiary", "ostiary+policy", "ostiary+seen", "ostiary+policy+seen")


def ratio(limit: float, policed: float | None = None, whole: float | None = None) -> tuple[Target, ...]:
    """So many times the reference: without a policy, with one, and with metrics and audit as well."""
    asked = {"ostiary": limit, "ostiary+policy": policed, "ostiary+policy+seen": whole}
    return tuple(Target(gateway, at_most, "ratio") for gateway, at_most in asked.items() if at_most is not None)


def absolute(limit: float) -> tuple[Target, ...]:
    return tuple(Target(gateway, limit, "absolute") for gateway in PLAIN_AND_WHOLE)


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
        (*ratio(0.80, policed=0.85, whole=0.85), HOOK, SEEN),
        gateways=(*STEP_BY_STEP, "ostiary+policy+hook", *PEERS),
    ),
    Case(
        "search-saturated-varied",
        "the same, each search for another of a hundred people",
        "load",
        ("--operation", "search", "--people", "100", "--clients", "32"),
        gateways=("ostiary", "ostiary+policy", "ostiary+policy+seen", "haproxy"),
    ),
    Case(
        "search-4000",
        "TLS search, 32 clients, 4,000 a second, on cores that are kept awake",
        "load",
        ("--operation", "search", "--clients", "32", "--rate", "4000"),
        (*ratio(0.80, policed=0.85, whole=0.85), SEEN),
        gateways=(*STEP_BY_STEP, "ostiary+policy+hook", *QUICK_PEERS),
        cores_sleep=False,
    ),
    Case(
        "search-4000-asleep",
        "the same on cores that sleep in between: what waking them costs is in it",
        "load",
        ("--operation", "search", "--clients", "32", "--rate", "4000"),
        gateways=(*PLAIN_AND_WHOLE, "haproxy", "stunnel"),
    ),
    Case(
        "search-16-outstanding",
        "TLS search, 32 clients, 16 outstanding each",
        "load",
        ("--operation", "search", "--clients", "32", "--outstanding", "16"),
        (*ratio(0.95, policed=1.0, whole=1.0), SEEN, SEEN_WITH_POLICY),
        gateways=(*STEP_BY_STEP, "ostiary+policy+hook", *PEERS),
    ),
    Case(
        "entries-1000",
        "TLS search with 1,000 entries, 8 clients",
        "load",
        ("--operation", "search", "--clients", "8", "--entries", "1000"),
        (*ratio(0.75, policed=0.80, whole=0.80), SEEN, SEEN_WITH_POLICY),
        gateways=(*STEP_BY_STEP, "ostiary+policy+hook", *QUICK_PEERS),
    ),
    Case(
        "connect-bind",
        "connect, full TLS handshake, bind, unbind, 8 clients",
        "load",
        ("--operation", "connect", "--clients", "8"),
        (*ratio(0.60, whole=0.60), SEEN),
        gateways=(*STEP_BY_STEP, *PEERS),
    ),
    Case(
        "connect-bind-starttls-upstream",
        "the same with StartTLS upstream, beside stunnel behind stunnel",
        "load",
        ("--operation", "connect", "--clients", "8"),
        ratio(0.40, whole=0.40),
        reference="stunnel",
        # HAProxy knows no StartTLS, lloadd's fails with this server, and ldaptor's checks no certificate.
        gateways=(*PLAIN_AND_WHOLE, "stunnel", "slapd-ldap", "slapd-meta"),
        upstream="starttls",
    ),
    Case(
        "idle-memory",
        "idle TLS clients that did not bind",
        "idle",
        (),
        absolute(12),
        gateways=(*PLAIN_AND_WHOLE, *PEERS),
    ),
    Case(
        "idle-memory-bound",
        "idle TLS clients that did bind",
        "idle",
        ("--bind",),
        absolute(12),
        gateways=(*PLAIN_AND_WHOLE, *PEERS),
    ),
    Case(
        "empty-process",
        "memory of the process before any client",
        "empty",
        (),
        absolute(40),
        gateways=(*PLAIN_AND_WHOLE, *PEERS),
    ),
)
