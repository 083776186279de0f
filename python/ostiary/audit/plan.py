"""What serving needs of `[audit]`, as plain data: certificates read, the core's part as JSON.

`audit_plan` runs where the configuration was checked; a worker takes the result and imports neither models nor
the libraries that read certificates. Knows no socket.
"""

from __future__ import annotations

import json
import re
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ostiary.config.audit import Audit

__all__ = ["AuditPlan", "CollectorTls", "SinkPlan", "audit_plan"]

FACILITIES = {"user": 1, "daemon": 3, "auth": 4, "authpriv": 10, "audit": 13} | {f"local{n}": 16 + n for n in range(8)}
"""The numbers of RFC 5424, section 6.2.1."""
# HOSTNAME (RFC 5424, section 6): printable ASCII, 255 at most; a dash where there is none.
_HOSTNAME = re.compile(r"[!-~]{1,255}\Z")


@dataclass(frozen=True, slots=True)
class CollectorTls:
    """The TLS towards a collector."""

    authorities: tuple[bytes, ...] = field(repr=False)
    """Those to trust, as DER."""
    verify_name: str
    """The name that the collector's certificate has to carry."""
    chain: tuple[bytes, ...] = field(default=(), repr=False)
    """The gateway's own certificate and what is behind it, as DER; empty when it has none."""
    key: bytes = field(default=b"", repr=False)
    """Its private key, PKCS #8 as DER."""


@dataclass(frozen=True, slots=True)
class SinkPlan:
    """Where records go."""

    kind: Literal["stdout", "file", "udp", "tcp", "tls", "unix"]
    text: str
    """As the configuration writes it, for logs."""
    path: str = ""
    host: str = ""
    port: int = 0
    tls: CollectorTls | None = None


@dataclass(frozen=True, slots=True)
class AuditPlan:
    """Everything a worker needs to record."""

    core: str
    """What the core makes records by, as JSON."""
    sink: SinkPlan
    buffer_bytes: int
    """Octets that may wait for the sink."""


def audit_plan(asked: Audit) -> AuditPlan:
    """The plan of a checked table.

    Raises:
        IdentityError: a certificate, key or authority cannot be used (any more).
    """
    output = asked.output
    sink = SinkPlan(
        kind=output.kind,
        text=str(output),
        path="" if output.path is None else str(output.path),
        host=output.host,
        port=output.port,
        tls=_tls(asked) if output.kind == "tls" else None,
    )
    return AuditPlan(core=_core(asked), sink=sink, buffer_bytes=asked.buffer_bytes)


def _core(asked: Audit) -> str:
    syslog = None
    if asked.output.is_syslog:
        syslog = {"facility": FACILITIES[asked.facility], "hostname": hostname(), "framed": True}
    return json.dumps(
        {
            "format": asked.format,
            "filter_values": asked.filter_values,
            "secret_attributes": list(asked.secret_attributes),
            "sampling": {"search": asked.sampling.search, "compare": asked.sampling.compare},
            "buffer_bytes": asked.buffer_bytes,
            "syslog": syslog,
        }
    )


def hostname() -> str:
    """What this machine is called, as syslog can say it; nothing is resolved."""
    name = socket.gethostname()
    return name if _HOSTNAME.match(name) else "-"


def _tls(asked: Audit) -> CollectorTls:
    from ostiary import tls

    identity = tls.identity_of(asked.tls)
    return CollectorTls(
        authorities=tls.load_authorities(asked.tls.ca) if asked.tls.ca else tls.system_authorities(),
        verify_name=asked.tls.verify_name or asked.output.host,
        chain=() if identity is None else identity.chain,
        key=b"" if identity is None else identity.key,
    )
