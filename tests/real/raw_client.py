"""A client that sends exactly the bytes it is told to and reads back whole messages.

It knows sockets, TLS and message boundaries, no directory. Every wait has a limit, so that a gateway
that hangs fails a test instead of stopping the run.
"""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from benches.ports import free_port

from . import wire

WAIT_SECONDS = 15.0


@dataclass(frozen=True)
class Address:
    """Where to connect: a host and port, or the path of a unix socket."""

    host: str
    port: int = 0

    @property
    def is_unix(self) -> bool:
        return self.host.startswith("/")

    def url(self, scheme: str = "ldap") -> str:
        if self.is_unix:
            return "ldapi://" + self.host.replace("/", "%2F")
        return f"{scheme}://{self._bracketed}:{self.port}"

    @property
    def text(self) -> str:
        """The address as the configuration of the gateway spells it."""
        return f"unix:{self.host}" if self.is_unix else f"{self._bracketed}:{self.port}"

    @property
    def _bracketed(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host

    def connect(self, wait_seconds: float = WAIT_SECONDS, *, source: str = "") -> socket.socket:
        """A connection from this address of one's own, or from any."""
        if self.is_unix:
            plain = socket.socket(socket.AF_UNIX)
            plain.settimeout(wait_seconds)
            try:
                plain.connect(self.host)
            except OSError:
                plain.close()
                raise
            return plain
        return socket.create_connection((self.host, self.port), wait_seconds, (source, 0) if source else None)


def free_address(host: str = "127.0.0.1") -> Address:
    """An address nobody listens on, and that no earlier call gave."""
    return Address(host, free_port(host))


class RawClient:
    """One connection, plain or inside TLS."""

    def __init__(
        self,
        address: Address,
        tls: ssl.SSLContext | None = None,
        *,
        server_name: str = "localhost",
        source: str = "",
    ) -> None:
        self.server_name = server_name
        self.socket = address.connect(source=source)
        self.received = bytearray()
        if tls is not None:
            self.wrap(tls)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def wrap(self, tls: ssl.SSLContext) -> None:
        self.socket = tls.wrap_socket(self.socket, server_hostname=self.server_name)

    def send(self, *parts: bytes) -> Self:
        self.socket.sendall(b"".join(parts))
        return self

    def half_close(self, *, say_so: bool = True) -> None:
        """End the sending side; inside TLS by a close_notify first, unless told not to."""
        if isinstance(self.socket, ssl.SSLSocket) and say_so:
            self.socket.settimeout(0)
            try:
                self.socket.unwrap()
            except ssl.SSLWantReadError:
                # Sent; the answer to it comes behind what is still to be read.
                self.socket.settimeout(WAIT_SECONDS)
        # Not SSLSocket's own shutdown: it would forget the TLS state that reading needs.
        socket.socket.shutdown(self.socket, socket.SHUT_WR)

    def _more(self) -> bool:
        try:
            data = self.socket.recv(1 << 18)
        except (ConnectionResetError, BrokenPipeError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
            return False
        self.received += data
        return bool(data)

    def receive(self) -> wire.Message:
        """The next message; EOFError when the other side closed instead."""
        while True:
            message, used = wire.take(self.received)
            if message is not None:
                del self.received[:used]
                return message
            if not self._more():
                raise EOFError(f"closed with {bytes(self.received[:64]).hex(' ')!r} unread")

    def receive_final(self) -> list[wire.Message]:
        """All messages up to and including the first final one."""
        found = [self.receive()]
        while not found[-1].is_final:
            found.append(self.receive())
        return found

    def receive_octets(self, count: int) -> bytes:
        """Exactly so many octets, whatever they mean; EOFError when fewer come."""
        while len(self.received) < count:
            if not self._more():
                raise EOFError(f"closed after {len(self.received)} of {count} octets")
        taken = bytes(self.received[:count])
        del self.received[:count]
        return taken

    def receive_to_end(self) -> list[wire.Message]:
        """All messages up to the close; TimeoutError when no close comes."""
        while self._more():
            pass
        found = wire.split(bytes(self.received))
        self.received.clear()
        return found

    def ask(self, request: bytes) -> wire.Message:
        """The final response to one request."""
        return self.send(request).receive_final()[-1]

    def start_tls(self, tls: ssl.SSLContext, message_id: int = 1) -> None:
        response = self.ask(wire.start_tls(message_id))
        if response.code != wire.SUCCESS:
            raise ConnectionError(f"startTLS refused: {response.code} {response.text!r}")
        self.wrap(tls)
