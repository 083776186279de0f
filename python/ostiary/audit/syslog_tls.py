"""Records to a syslog collector inside TLS (RFC 5425), its certificate always verified.

By Python's `ssl`: a collector is no business of sessions. Imports nothing that reads certificates: the plan has
them read.
"""

from __future__ import annotations

import errno
import socket
import ssl
from time import monotonic

from ostiary.audit.plan import CollectorTls
from ostiary.audit.syslog import SEND_SECONDS, TcpSink
from ostiary.pem import key_pem, load_identity

__all__ = ["TlsSink"]

_REFUSAL_SECONDS = 0.2
"""How long a refusal is waited for, at least: longer than a collector takes to look at a certificate."""


class TlsSink(TcpSink):
    """A collector over TLS."""

    QUIET = (BlockingIOError, ssl.SSLWantReadError)

    def __init__(self, host: str, port: int, tls: CollectorTls) -> None:
        super().__init__(host, port)
        self._verify_name = tls.verify_name
        self._context = _context(tls)

    def close(self) -> None:
        """Closes the connection, and tells the collector that this is its end."""
        if isinstance(self._socket, ssl.SSLSocket):
            try:
                # Not to wait for the answer: one that hangs must not hold the thread.
                self._socket.settimeout(0)
                self._socket.unwrap()
            except (OSError, ValueError):
                pass
        super().close()

    def _connected(self) -> socket.socket:
        link = super()._connected()
        began = monotonic()
        try:
            link = self._context.wrap_socket(link, server_hostname=self._verify_name)
            # A handshake takes a round trip, and a refusal no more.
            _await_refusal(link, max(_REFUSAL_SECONDS, 2 * (monotonic() - began)))
        except (OSError, ValueError):
            link.close()
            raise
        return link


def _await_refusal(link: ssl.SSLSocket, seconds: float) -> None:
    """Waits whether the collector refuses the gateway's certificate, or that it has none.

    In TLS 1.3 a client is done before its certificate was looked at; what it writes then, the kernel takes and nobody
    reads, on this connection and the next. Raises: OSError.
    """
    link.settimeout(seconds)
    try:
        if link.recv(1) == b"":
            raise ConnectionResetError(errno.ECONNRESET, "the collector has refused the connection")
    except TimeoutError:
        return
    finally:
        link.settimeout(SEND_SECONDS)


def _context(tls: CollectorTls) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=b"".join(tls.authorities))
    # Any certificate in `ca` is an anchor, an intermediate one too: as towards the directories.
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    if tls.chain:
        load_identity(context, tls.chain, key_pem(tls.key))
    return context
