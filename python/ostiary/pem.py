"""Certificates and keys that were read, given to Python's `ssl`: it takes nothing but files of PEM (RFC 7468).

They reach OpenSSL by memory that has no name and is closed at once. Reads and decrypts nothing, so that a process
which serves can do without the libraries that do.
"""

from __future__ import annotations

import base64
import os
import ssl
from collections.abc import Sequence

__all__ = ["key_pem", "load_identity"]

_LINE = 64


def load_identity(context: ssl.SSLContext, chain: Sequence[bytes], key: bytes, password: bytes | None = None) -> None:
    """Has a context show this chain, as DER, from the next handshake on; the key is PEM.

    Raises:
        OSError: OpenSSL does not take them.
    """
    file = os.memfd_create("ostiary-identity", os.MFD_CLOEXEC)
    try:
        with open(file, "wb", closefd=False) as memory:
            memory.write("".join(map(ssl.DER_cert_to_PEM_cert, chain)).encode() + key)
        context.load_cert_chain(f"/proc/self/fd/{file}", password=password)
    finally:
        os.close(file)


def key_pem(key: bytes) -> bytes:
    """A PKCS #8 key as PEM (RFC 7468, section 10)."""
    text = base64.b64encode(key)
    lines = [text[at : at + _LINE] for at in range(0, len(text), _LINE)]
    return b"\n".join([b"-----BEGIN PRIVATE KEY-----", *lines, b"-----END PRIVATE KEY-----", b""])
