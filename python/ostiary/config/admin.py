"""The table `[admin]`: where metrics, health and status are read, and who may.

Absent, nothing listens. Nothing here reads a file; whether they can be used is decided in `certificate_checks`.
"""

from __future__ import annotations

from ostiary.config.addresses import Address
from ostiary.config.listeners import IdentityFiles
from ostiary.config.table import Table
from ostiary.config.values import Bool, FilePath, ListenAddress


class AdminTls(IdentityFiles):
    """The TLS that the admin endpoint speaks."""

    certificate: FilePath
    """PEM file with the certificate and its chain, or a PKCS #12 file that holds the key too."""


class Admin(Table):
    """The admin endpoint: metrics, health, status, and a page that shows it."""

    address: ListenAddress = Address("127.0.0.1", 9389)
    """"127.0.0.1:9389", "[::1]:9389" or "unix:/run/ostiary/admin"; port 0 takes a free one."""
    tls: AdminTls | None = None
    """The certificate of the endpoint; without it, it speaks plain HTTP."""
    token_file: FilePath | None = None
    """File with the bearer token that metrics and status need; a line end at its end does not count."""
    exemplars: Bool = False
    """Let OpenMetrics name, beside a bucket of a histogram, one operation that fell into it."""
