"""What the tests need to know of a running directory, whichever product it is."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from ..process import Process
from ..raw_client import Address, RawClient


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where clients connect: ``plain`` also takes StartTLS, ``ldaps`` wants TLS at once."""

    product: str
    plain: Address
    ldaps: Address
    ca: Path
    root_dn: str
    is_gateway: bool = False

    @property
    def tls(self) -> ssl.SSLContext:
        """A client's context that trusts the certificate shown here."""
        return ssl.create_default_context(cafile=str(self.ca))

    def connect(self) -> RawClient:
        return RawClient(self.plain)

    def connect_tls(self) -> RawClient:
        return RawClient(self.ldaps, self.tls)


@dataclass(frozen=True, kw_only=True)
class Directory(Target):
    """A running server."""

    process: Process
    plain_ipv6: Address | None = None
    unix: Address | None = None
