"""The demo directory as a server: plain LDAP with StartTLS, as many installed directories still are.

Owns the listening socket and what all clients share; each of them is serving.py's.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from importlib import resources

from ostiary.demo.access import Access
from ostiary.demo.entry import parse_dn
from ostiary.demo.ldif import read_ldif
from ostiary.demo.seen import Seen
from ostiary.demo.serving import ServedClient
from ostiary.demo.tree import Tree

__all__ = ["ADMINISTRATOR", "ADMINISTRATOR_PASSWORD", "Directory", "example_tree"]

ADMINISTRATOR = "cn=admin,dc=example,dc=org"
ADMINISTRATOR_PASSWORD = "opensesame"
"""Stands in example.ldif and in what the demo prints; it opens made-up entries on a loopback address."""

_SEEN_MAX = 1_000
"""How many requests the directory remembers for the tour, which does far fewer."""


def example_tree() -> Tree:
    """The bundled example.ldif as a tree."""
    text = resources.files("ostiary.demo").joinpath("example.ldif").read_text(encoding="utf-8")
    return Tree(read_ldif(text), by=ADMINISTRATOR)


class Directory:
    """A small LDAP server on 127.0.0.1, in the running event loop."""

    def __init__(self, tree: Tree, tls: ssl.SSLContext | None = None, administrator: str = ADMINISTRATOR) -> None:
        """`tls` is what StartTLS uses; without it StartTLS is answered protocolError."""
        self.tree = tree
        self.access = Access([parse_dn(administrator)])
        self.tls = tls
        self.seen: deque[Seen] = deque(maxlen=_SEEN_MAX)
        """Every request that arrived, oldest first: how the tour proves that a refused one did not."""
        self.clients: set[ServedClient] = set()
        self._server: asyncio.Server | None = None

    async def start(self, port: int = 0) -> None:
        """Listens; port 0 takes a free one."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: ServedClient(self), "127.0.0.1", port)

    @property
    def port(self) -> int:
        """The port it listens on."""
        if self._server is None:
            raise RuntimeError("the directory has not been started")
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stops listening and drops every client."""
        if self._server is None:
            return
        self._server.close()
        for client in [*self.clients]:
            client.drop()
        await self._server.wait_closed()
        self._server = None
