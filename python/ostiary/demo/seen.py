"""What the demo directory remembers of its requests, and TLS in words. Knows no connection."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

__all__ = ["Seen", "describe_tls"]


@dataclass(frozen=True)
class Seen:
    """A request as it arrived: what it was, whom a bind named, and over which TLS ("" for none)."""

    kind: str
    name: str
    tls: str


def describe_tls(transport: asyncio.BaseTransport) -> str:
    """TLS version and cipher of a transport in words, "" for none."""
    session = transport.get_extra_info("ssl_object")
    if session is None:
        return ""
    cipher = session.cipher()
    return f"{session.version()} {cipher[0]}" if cipher else str(session.version())
