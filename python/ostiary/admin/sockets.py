"""The socket of the admin endpoint, and its TLS by Python's `ssl`."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ostiary.pem import key_pem, load_identity
from ostiary.sockets import bound_socket, bound_unix_socket

if TYPE_CHECKING:
    from ostiary.admin.plan import AdminPlan

__all__ = ["bound", "context"]

SOCKET_MODE = 0o660
"""Who may use a unix socket: its owner and its group."""


def bound(plan: AdminPlan) -> socket.socket:
    """The socket, bound. Raises: OSError."""
    if plan.path is not None:
        return bound_unix_socket(plan.path, SOCKET_MODE)
    family = socket.AF_INET6 if ":" in plan.host else socket.AF_INET
    return bound_socket(family, (plan.host, plan.port))


def context(chain: Sequence[bytes], key: bytes) -> ssl.SSLContext:
    """A server's context that shows this identity, and speaks TLS 1.2 or newer."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.set_alpn_protocols(["http/1.1"])
    load_identity(made, chain, key_pem(key))
    return made
