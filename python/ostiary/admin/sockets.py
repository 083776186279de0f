"""The socket of the admin endpoint, and its TLS by Python's `ssl`.

Keys reach OpenSSL by memory that has no name and is closed at once: it takes nothing but files.
"""

from __future__ import annotations

import base64
import os
import socket
import ssl
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ostiary.sockets import bound_socket, bound_unix_socket

if TYPE_CHECKING:
    from ostiary.admin.plan import AdminPlan

__all__ = ["bound", "context", "load"]

SOCKET_MODE = 0o660
"""Who may use a unix socket: its owner and its group."""
_LINE = 64


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
    load(made, chain, key)
    return made


def load(made: ssl.SSLContext, chain: Sequence[bytes], key: bytes) -> None:
    """Has a context show this identity from the next handshake on."""
    file = os.memfd_create("ostiary-admin", os.MFD_CLOEXEC)
    try:
        with open(file, "wb", closefd=False) as memory:
            memory.write("".join(map(ssl.DER_cert_to_PEM_cert, chain)).encode() + _pem(key))
        made.load_cert_chain(f"/proc/self/fd/{file}")
    finally:
        os.close(file)


def _pem(key: bytes) -> bytes:
    """A PKCS #8 key as PEM (RFC 7468, section 10)."""
    text = base64.b64encode(key)
    lines = b"\n".join(text[at : at + _LINE] for at in range(0, len(text), _LINE))
    return b"-----BEGIN PRIVATE KEY-----\n" + lines + b"\n-----END PRIVATE KEY-----\n"
