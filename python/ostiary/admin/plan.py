"""What the admin endpoint needs of a configuration, as plain data: files read, keys decrypted.

Made where the configuration was checked, by `ostiary.plan`; opens nothing itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["AdminPlan", "CertificateExpiry", "ServerAddress"]

CertificateExpiry = tuple[str, str, float]
"""Side (client, upstream, admin), name, and the end of a certificate in seconds of Unix time."""


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where to knock to learn whether a server is there."""

    upstream: str
    server: str
    """As the configuration writes it: what metrics and status call it."""
    host: str
    """Name, address or, with port 0, the path of a unix socket."""
    port: int


@dataclass(frozen=True, slots=True)
class AdminPlan:
    """The table `[admin]`, ready to be served."""

    host: str
    port: int
    path: str | None = None
    """A unix socket instead of host and port."""
    identity: tuple[tuple[bytes, ...], bytes] | None = field(default=None, repr=False)
    """Chain and key as DER, where the endpoint speaks TLS."""
    token: bytes | None = field(default=None, repr=False)
    """What a request for metrics or status must bring."""
    exemplars: bool = False
    servers: tuple[ServerAddress, ...] = ()
    """Every server of every upstream."""
    certificates: tuple[CertificateExpiry, ...] = ()
    """Every certificate that the gateway shows to somebody."""

    @property
    def where(self) -> tuple[str, int, str | None]:
        """Where it listens."""
        return self.host, self.port, self.path
