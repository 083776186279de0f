"""The unix socket by which a gateway takes orders from its own user: to reload, and to hand its sockets to another.

One datagram of JSON an order, and one an answer (SOCK_SEQPACKET); descriptors go along with them. Who is on the other
side is asked of the kernel. What an order means is the host's to know.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import struct
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

from ostiary import log

__all__ = ["CommandError", "Commands", "Customer", "asked", "connected", "receive", "send"]

logger = logging.getLogger("ostiary.control")

MESSAGE_BYTES = 1 << 17
DESCRIPTORS_MOST = 250
"""In one message; the kernel takes 253."""
BACKLOG = 16
_CREDENTIALS = struct.Struct("3i")

Order = Callable[["Customer"], Awaitable[None]]


class CommandError(Exception):
    """The other side is not there, or said what is no answer."""


class Customer:
    """One process that gives orders."""

    def __init__(self, end: socket.socket, pid: int) -> None:
        self._end = end
        self.pid = pid
        """Its process."""

    async def receive(self) -> dict[str, Any] | None:
        """What it says next; None when it is gone."""
        loop = asyncio.get_running_loop()
        readable: asyncio.Future[None] = loop.create_future()
        number = self._end.fileno()

        def note() -> None:
            if not readable.done():
                readable.set_result(None)

        loop.add_reader(number, note)
        try:
            await readable
        finally:
            loop.remove_reader(number)
        with suppress(OSError, CommandError):
            message, descriptors = receive(self._end)
            for each in descriptors:
                os.close(each)
            return message
        return None

    def send(self, message: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
        """Says it, if it is there. Orders are few and answers short: the socket takes them."""
        with suppress(OSError):
            send(self._end, message, descriptors)


class Commands:
    """The socket, and who is served by it."""

    def __init__(self, path: str, orders: dict[str, Order]) -> None:
        self._path = path
        self._orders = orders
        self._socket: socket.socket | None = None
        self._inode = 0
        self._serving: set[asyncio.Task[None]] = set()

    def open(self) -> None:
        """Takes orders from now on; who listened there before does so no more.

        Raises:
            OSError: it cannot.
        """
        one = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        beside = f"{self._path}.{os.getpid()}"
        # The file must not be open to others for the moment before its mode is set.
        before = os.umask(0o177)
        try:
            with suppress(FileNotFoundError):
                os.unlink(beside)
            one.bind(beside)
            one.listen(BACKLOG)
            one.setblocking(False)
            # At once, so that there is always somebody at that path.
            os.rename(beside, self._path)
            self._inode = os.stat(self._path).st_ino
        except OSError as error:
            one.close()
            raise OSError(error.errno, f"process.control: {error.strerror}: {self._path}") from error
        finally:
            os.umask(before)
        self._socket = one
        asyncio.get_running_loop().add_reader(one.fileno(), self._accept)
        log.event(logger, logging.INFO, "control_opened", path=self._path)

    def close(self) -> None:
        """Takes no more; the file goes, unless another has taken the name."""
        if self._socket is None:
            return
        asyncio.get_running_loop().remove_reader(self._socket.fileno())
        self._socket.close()
        self._socket = None
        with suppress(OSError):
            if os.stat(self._path).st_ino == self._inode:
                os.unlink(self._path)
        for each in self._serving:
            each.cancel()

    def _accept(self) -> None:
        assert self._socket is not None
        try:
            end, _ = self._socket.accept()
        except OSError:
            return
        pid, uid, _gid = _CREDENTIALS.unpack(end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
        if uid not in (0, os.geteuid()):
            log.event(logger, logging.WARNING, "control_refused", pid=pid, uid=uid)
            end.close()
            return
        end.setblocking(False)
        task = asyncio.create_task(self._serve(end, pid))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, end: socket.socket, pid: int) -> None:
        with end:
            customer = Customer(end, pid)
            while (asked := await customer.receive()) is not None:
                order = self._orders.get(str(asked.get("order")))
                if order is None:
                    customer.send({"error": "no such order"})
                else:
                    await order(customer)


def send(end: socket.socket, message: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
    """One message. Raises: OSError."""
    socket.send_fds(end, [json.dumps(message).encode()], list(descriptors))


def receive(end: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """One message, and what came with it. Raises: OSError, and CommandError when nothing more comes."""
    octets, descriptors, _flags, _address = socket.recv_fds(end, MESSAGE_BYTES, DESCRIPTORS_MOST)
    try:
        message = json.loads(octets)
    except ValueError:
        message = None
    if not isinstance(message, dict):
        for each in descriptors:
            os.close(each)
        raise CommandError("the gateway has hung up" if not octets else "not the answer of a gateway")
    return message, descriptors


def connected(path: str, seconds: float) -> socket.socket:
    """The socket of a running gateway. Raises: CommandError."""
    end = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    end.settimeout(seconds)
    try:
        end.connect(path)
    except OSError as error:
        end.close()
        raise CommandError(f"no gateway takes orders there: {(error.strerror or str(error)).lower()}: {path}") from None
    return end


def asked(path: str, order: str, seconds: float) -> dict[str, Any]:
    """What a running gateway answers to an order. Raises: CommandError."""
    with connected(path, seconds) as end:
        try:
            send(end, {"order": order})
            return receive(end)[0]
        except TimeoutError:
            raise CommandError(f"no answer within {seconds:g} seconds: {path}") from None
        except OSError as error:
            raise CommandError(f"no answer: {(error.strerror or str(error)).lower()}: {path}") from None
