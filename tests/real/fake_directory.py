"""A scriptable upstream: it records every byte and answers what a test tells it to.

Threads and plain sockets, so that it works with every kind of test. It checks nothing: it may also send
what no server would. One instance serves many connections; each is kept with what it received.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from . import wire
from .raw_client import Address

WAIT_SECONDS = 10.0


class UpstreamConnection:
    """One connection of the gateway, seen from the server."""

    def __init__(self, plain: socket.socket) -> None:
        self.socket = plain
        self.received = bytearray()
        self.messages: list[wire.Message] = []
        self.is_inside_tls = False
        self._pending = bytearray()
        self._changed = threading.Condition()
        self._is_closed = False

    def send(self, *parts: bytes) -> None:
        try:
            self.socket.sendall(b"".join(parts))
        except OSError:
            # The gateway may close while a script still speaks; what it closed on is the test's question.
            return

    def close(self) -> None:
        """End the connection at once, towards the peer too, whoever is reading."""
        # Not SSLSocket's own shutdown: it forgets the TLS state under a thread that reads.
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self.socket, socket.SHUT_RDWR)

    def wrap(self, context: ssl.SSLContext) -> None:
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.is_inside_tls = True

    def next_message(self) -> wire.Message | None:
        """The next message of the gateway; None once it closed."""
        while True:
            message, used = wire.take(self._pending)
            if message is not None:
                del self._pending[:used]
                with self._changed:
                    self.messages.append(message)
                    self._changed.notify_all()
                return message
            try:
                data = self.socket.recv(1 << 16)
            except OSError:
                data = b""
            if not data:
                return None
            self.received += data
            self._pending += data

    def unread(self) -> bytes:
        """What the gateway sent and nobody has read yet; for a plain connection whose script waits."""
        try:
            return bytes(self._pending) + self.socket.recv(1 << 16, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return bytes(self._pending)

    def mark_closed(self) -> None:
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def await_messages(self, count: int) -> list[wire.Message]:
        """Wait until this many messages arrived."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.messages) >= count, WAIT_SECONDS):
                raise TimeoutError(f"{len(self.messages)} of {count} messages arrived")
            return list(self.messages)

    def await_closed(self) -> list[wire.Message]:
        """Wait until the gateway closed, and return all it sent."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._is_closed, WAIT_SECONDS):
                raise TimeoutError("the gateway keeps its upstream connection open")
            return list(self.messages)


Script = Callable[[UpstreamConnection], None]
Answer = Callable[[UpstreamConnection, wire.Message], None]


def answer_plainly(connection: UpstreamConnection, request: wire.Message) -> None:
    """What a small, obedient directory would say."""
    message_id = request.message_id
    if request.tag == wire.SEARCH_REQUEST:
        dn = request.parts[0][1]
        connection.send(wire.entry(message_id, dn, (b"cn", b"found")), wire.done(message_id))
    elif request.tag == wire.EXTENDED_REQUEST:
        connection.send(wire.extended_response(message_id))
    elif request.tag == wire.DELETE_REQUEST:
        connection.send(wire.result(message_id, wire.DELETE_RESPONSE))
    elif request.tag == wire.UNBIND_REQUEST:
        connection.close()
    elif request.tag != wire.ABANDON_REQUEST:
        connection.send(wire.result(message_id, request.tag + 1))


def answering(answer: Answer) -> Script:
    """A script that gives every message to one function."""

    def script(connection: UpstreamConnection) -> None:
        while (request := connection.next_message()) is not None:
            answer(connection, request)

    return script


class FakeDirectory:
    """Listens on a free port until the test ends."""

    def __init__(self, script: Script | None = None, host: str = "127.0.0.1") -> None:
        self.script: Script = script or answering(answer_plainly)
        self.connections: list[UpstreamConnection] = []
        self.faults: list[BaseException] = []
        self._changed = threading.Condition()
        self._listening = socket.create_server((host, 0), backlog=4096)
        self.address = Address(host, int(self._listening.getsockname()[1]))
        self._threads: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if self.faults and fault is None:
            raise self.faults[0]

    def _accept(self) -> None:
        while True:
            try:
                accepted, _ = self._listening.accept()
            except OSError:
                return
            connection = UpstreamConnection(accepted)
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            with self._changed:
                self.connections.append(connection)
                self._changed.notify_all()
            thread.start()

    def _serve(self, connection: UpstreamConnection) -> None:
        try:
            self.script(connection)
        except (OSError, EOFError):
            # A connection that the gateway cut short is what some tests are about.
            connection.close()
        except Exception as fault:  # noqa: BLE001 - kept and raised in the test's own thread
            self.faults.append(fault)
        finally:
            connection.mark_closed()
            connection.close()
            connection.socket.close()

    def await_connections(self, count: int) -> list[UpstreamConnection]:
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.connections) >= count, WAIT_SECONDS):
                raise TimeoutError(f"{len(self.connections)} of {count} connections came")
            return list(self.connections)

    def stop_listening(self) -> None:
        """Refuse new connections; those that are open stay."""
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._accepting.join(WAIT_SECONDS)

    def stop(self) -> None:
        self.stop_listening()
        for connection in self.connections:
            connection.close()
        # One limit for all: a script that is stuck must not make every other one's wait count.
        deadline = time.monotonic() + WAIT_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
