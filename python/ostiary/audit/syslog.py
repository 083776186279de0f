"""Records to a syslog collector: a datagram each (RFC 5426, or a unix socket), or as a stream (RFC 6587).

The messages are RFC 5424 and come with their octets counted, which is what a TCP stream takes as it is. What a kernel
has taken counts as handed over: syslog has no answer that could tell more. Knows no TLS.
"""

from __future__ import annotations

import errno
import os
import socket
from abc import ABC, abstractmethod
from typing import ClassVar

from ostiary.audit.batch import Batch, messages

__all__ = ["CONNECT_SECONDS", "SEND_SECONDS", "TcpSink", "UdpSink", "UnixSink"]

CONNECT_SECONDS = 5.0
"""For one address of a collector, TLS included; the same as for servers of directories."""
SEND_SECONDS = 30.0
"""A collector that takes nothing for so long is connected anew: it may have gone without a word."""
# A collector that went away without a word is noticed within a minute, although nobody waits for its answers.
_KEEP_ALIVE = ((socket.TCP_KEEPIDLE, 30), (socket.TCP_KEEPINTVL, 10), (socket.TCP_KEEPCNT, 3))
# So much at once: a TLS record holds 16 KiB, and the kernel's buffer not much more.
_PIECE = 65_536


class _Socket(ABC):
    """A socket that may not be there."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None

    def open(self) -> None:
        """Connects, unless it is connected. Raises: OSError."""
        if self._socket is None:
            self._socket = self._connected()

    def close(self) -> None:
        """Closes the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    @abstractmethod
    def _connected(self) -> socket.socket:
        """A new connection. Raises: OSError."""

    @property
    def _open_socket(self) -> socket.socket:
        assert self._socket is not None
        return self._socket


def _send_each(link: socket.socket, batch: Batch) -> None:
    """One datagram a message. Raises: OSError."""
    view = memoryview(batch.octets)
    for start, end in messages(batch.octets, batch.done):
        try:
            link.send(view[start:end])
        except OSError as error:
            if error.errno != errno.EMSGSIZE:
                raise
            # It will not get shorter: the others need not wait behind it.
            batch.refused += 1
        batch.done = end


class UdpSink(_Socket):
    """A collector over UDP. What is lost on the way, or by a collector that is overrun, nobody misses."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__()
        self._host, self._port = host, port

    def write(self, batch: Batch) -> None:
        """Sends what is left of the batch. Raises: OSError when there is no collector, as far as its machine tells."""
        link, begin = self._open_socket, batch.done
        try:
            _send_each(link, batch)
            # An answer "nobody listens here" (ICMP) comes behind the datagram, and would be told by the next one.
            if (number := link.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)) != 0:
                raise OSError(number, os.strerror(number))
        except ConnectionRefusedError:
            # It is the last datagram's, or that of one before it: at least the last is sent again.
            batch.done = _before(batch, begin)
            raise

    def _connected(self) -> socket.socket:
        failed: OSError | None = None
        for family, kind, protocol, _, address in socket.getaddrinfo(self._host, self._port, type=socket.SOCK_DGRAM):
            link = socket.socket(family, kind, protocol)
            try:
                link.settimeout(SEND_SECONDS)
                link.connect(address)
            except OSError as error:
                link.close()
                failed = error
            else:
                return link
        raise failed or OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))


def _before(batch: Batch, begin: int) -> int:
    """Where the last message begins that was sent since `begin`."""
    last = begin
    for _, end in messages(batch.octets, begin):
        if end >= batch.done:
            break
        last = end
    return last


class UnixSink(_Socket):
    """A collector's unix socket: datagrams, or lines where it is a stream."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def write(self, batch: Batch) -> None:
        """Sends what is left of the batch. Raises: OSError."""
        link = self._open_socket
        if link.type == socket.SOCK_DGRAM:
            _send_each(link, batch)
            return
        # Collectors read lines from such a socket, as syslog(3) writes them there; no record has a line end in it.
        for start, end in messages(batch.octets, batch.done):
            link.sendall(batch.octets[start:end] + b"\n")
            batch.done = end

    def _connected(self) -> socket.socket:
        try:
            return self._connected_as(socket.SOCK_DGRAM)
        except OSError as error:
            if error.errno != errno.EPROTOTYPE:
                raise
        return self._connected_as(socket.SOCK_STREAM)

    def _connected_as(self, kind: int) -> socket.socket:
        link = socket.socket(socket.AF_UNIX, kind)
        try:
            link.settimeout(SEND_SECONDS)
            link.connect(self._path)
        except OSError:
            link.close()
            raise
        return link


class TcpSink(_Socket):
    """A collector over TCP."""

    QUIET: ClassVar[tuple[type[OSError], ...]] = (BlockingIOError,)
    """How a connection says that nothing has come by it."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__()
        self._host, self._port = host, port

    def write(self, batch: Batch) -> None:
        """Sends what is left of the batch as it is. Raises: OSError."""
        link = self._open_socket
        if self._is_over(link):
            # The kernel would take what nobody reads any more, and tell of it only the next time.
            raise ConnectionResetError(errno.ECONNRESET, "the collector has closed the connection")
        view, position = memoryview(batch.octets), batch.done
        try:
            while position < len(view):
                position += link.send(view[position : position + _PIECE])
        finally:
            batch.reached(position)

    def _is_over(self, link: socket.socket) -> bool:
        """Whether the collector has closed it; it has nothing else to say."""
        link.settimeout(0)
        try:
            return link.recv(1) == b""
        except self.QUIET:
            return False
        finally:
            link.settimeout(SEND_SECONDS)

    def _connected(self) -> socket.socket:
        link = socket.create_connection((self._host, self._port), timeout=CONNECT_SECONDS)
        link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _KEEP_ALIVE:
            link.setsockopt(socket.IPPROTO_TCP, option, value)
        return link
