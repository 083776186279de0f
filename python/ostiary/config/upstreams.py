"""The tables of `[[upstreams]]`: named groups of servers that hold the same data, and the TLS towards them.

Nothing here resolves a name or reads a file.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from ostiary.config.listeners import IdentityFiles
from ostiary.config.table import Table
from ostiary.config.values import Bool, FilePath, Host, Name, Server

UpstreamTlsMode = Literal["none", "starttls", "ldaps"]
Engine = Literal["rustls", "openssl"]
UpstreamTlsVersion = Literal["1.0", "1.1", "1.2", "1.3"]


class UpstreamTls(IdentityFiles):
    """The TLS that servers of an upstream are spoken to with."""

    mode: UpstreamTlsMode = "none"
    """"none", "starttls" or "ldaps"; when omitted, "ldaps" if every server's URL is ldaps://."""
    ca: FilePath | None = None
    """PEM or DER file with the authorities to trust; when omitted, those of the system."""
    verify: Bool = True
    """Whether the server's certificate is checked; if not, anybody on the way can read and change all."""
    verify_name: Host | None = None
    """The name in the server's certificate, when it is not the host that is dialled; sent as SNI too."""
    engine: Engine = "rustls"
    """The TLS implementation: "openssl" also speaks TLS 1.0, 1.1 and old ciphers, at a cost in speed."""
    min_version: UpstreamTlsVersion = "1.2"
    """The oldest TLS version that is spoken; below "1.2" needs engine = "openssl"."""


class Upstream(Table):
    """Servers that hold the same data."""

    name: Name
    """What listeners, logs and metrics call this upstream; unique."""
    servers: tuple[Server, ...] = Field(min_length=1)
    """URLs of the servers, tried in this order: ldap://, ldaps:// or ldapi://."""
    tls: UpstreamTls = UpstreamTls()
    """The TLS towards the servers."""

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, data: Any) -> Any:
        return cls.complete(data) if isinstance(data, dict) else data

    @classmethod
    def complete(cls, data: dict[str, Any]) -> dict[str, Any]:
        """The raw table with the TLS mode that its servers' URLs ask for."""
        tls, servers = data.get("tls", {}), data.get("servers")
        if not isinstance(tls, dict) or "mode" in tls or not isinstance(servers, list) or not servers:
            return data
        if all(isinstance(url, str) and url.lower().startswith("ldaps://") for url in servers):
            return {**data, "tls": {**tls, "mode": "ldaps"}}
        return data
