"""Whether the servers of the upstreams are there: a connection to each now and then, closed as soon as it stands.

Says no LDAP and no TLS: a server that accepts and then misbehaves is up here, and its faults are told by the clients'
operations. Clients are not sent elsewhere for what is found here.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ostiary import log

if TYPE_CHECKING:
    from ostiary.admin.plan import ServerAddress

__all__ = ["Prober", "ServerState"]

logger = logging.getLogger("ostiary.admin")

PERIOD_SECONDS = 10.0
"""Below a scrape's usual 15 to 60 seconds, and rare enough for the servers' logs."""
LIMIT_SECONDS = 5.0
"""What clients' connections get by default, too."""


@dataclass(slots=True)
class ServerState:
    """What is known of one server."""

    upstream: str
    server: str
    is_up: bool | None = None
    """None until the first answer."""
    since: float = 0.0
    """When that began, Unix time."""
    connect_seconds: float | None = None
    """How long the last connection took."""
    error: str = ""
    """Why there was none."""


class Prober:
    """Knocks at every server, as long as it runs."""

    def __init__(self, servers: Iterable[ServerAddress]) -> None:
        self._addresses = tuple(servers)
        self.states = [ServerState(each.upstream, each.server) for each in self._addresses]
        self._task: asyncio.Task[None] | None = None
        self._wakes = asyncio.Event()

    def renew(self, servers: Iterable[ServerAddress]) -> None:
        """Knocks at these from now on; what is known of those that stay is kept."""
        known = {(each.upstream, each.server): each for each in self.states}
        self._addresses = tuple(servers)
        self.states = [
            known.get((each.upstream, each.server)) or ServerState(each.upstream, each.server)
            for each in self._addresses
        ]
        self._wakes.set()

    def start(self) -> None:
        """Knocks from now on."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Knocks no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def reachable(self) -> str | None:
        """None when some server is there, or else what stands in the way."""
        if any(each.is_up for each in self.states):
            return None
        if any(each.is_up is None for each in self.states):
            return "no server has answered yet"
        return "no server is reachable: " + "; ".join(f"{each.server}: {each.error}" for each in self.states)

    async def probe(self) -> None:
        """Knocks at each server once, at all of them at the same time."""
        await asyncio.gather(*map(self._knock, self._addresses, self.states))

    async def _run(self) -> None:
        while True:
            self._wakes.clear()
            await self.probe()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wakes.wait(), PERIOD_SECONDS)

    async def _knock(self, address: ServerAddress, state: ServerState) -> None:
        begin = time.monotonic()
        try:
            async with asyncio.timeout(LIMIT_SECONDS):
                await _connect(address)
        except TimeoutError:
            self._note(state, is_up=False, error=f"no answer within {LIMIT_SECONDS:g} seconds")
        except OSError as error:
            self._note(state, is_up=False, error=_reason(error))
        else:
            state.connect_seconds = time.monotonic() - begin
            self._note(state, is_up=True, error="")

    def _note(self, state: ServerState, *, is_up: bool, error: str) -> None:
        if state.is_up is not is_up:
            if not is_up:
                log.event(
                    logger,
                    logging.WARNING,
                    "server_unreachable",
                    upstream=state.upstream,
                    server=state.server,
                    error=error,
                )
            elif state.is_up is False:
                log.event(logger, logging.INFO, "server_reachable", upstream=state.upstream, server=state.server)
            state.is_up, state.since = is_up, time.time()
        if not is_up:
            state.connect_seconds = None
        state.error = error


def _reason(error: OSError) -> str:
    # asyncio puts addresses into the text of an error; those of name servers have numbers of their own.
    known = error.errno is not None and not isinstance(error, socket.gaierror)
    return os.strerror(error.errno or 0) if known else error.strerror or str(error)


async def _connect(address: ServerAddress) -> None:
    loop = asyncio.get_running_loop()
    if address.port:
        transport, _ = await loop.create_connection(asyncio.Protocol, address.host, address.port)
    else:
        transport, _ = await loop.create_unix_connection(asyncio.Protocol, address.host)
    transport.close()
