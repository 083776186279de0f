"""What a step of the tour works with: the gateway's addresses, a client, and a place to note what happened.

Knows no particular step and prints nothing.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from ostiary._core import LdapResult, result_code_name
from ostiary.demo.client import Answer, Client
from ostiary.demo.directory import Directory

__all__ = ["Account", "Notes", "Stage", "describe_result"]

_PROTOCOLS = {"ldaps": "LDAPS", "guarded": "LDAPS", "starttls": "StartTLS", "plain": "plain LDAP"}
_ENCRYPTED = ("ldaps", "guarded")
"""Listeners with TLS from the first octet."""


@dataclass(frozen=True)
class Account:
    """A name to bind with. The password is shown nowhere."""

    name: str
    password: str = field(repr=False)


@dataclass
class Stage:
    """The scene of the tour."""

    listeners: Mapping[str, tuple[str, int]]
    """Host and port of the gateway's listeners `ldaps`, `starttls`, `plain`; in a tour of its own, `guarded`."""
    tls: ssl.SSLContext
    """Trusts the throwaway CA and nothing else."""
    upstream_tls: str
    """How the gateway was told to reach the directory, in words."""
    directory: Directory | None
    """The demo's own directory; None when a real one stands behind the gateway."""
    account: Account | None
    """Whom to bind as; None on a real directory without credentials."""
    policy: str | None = None
    """The policy that the gateway runs, as the core reads it; None without one."""

    @asynccontextmanager
    async def connect(self, listener: str, notes: Notes, source: str | None = None) -> AsyncIterator[Client]:
        """A client that is connected to a listener of the gateway, with TLS on if the listener has any.

        `source`: the address it comes from, if not the usual one.
        """
        host, port = self.listeners[listener]
        client = await Client.connect(host, port, self.tls if listener in _ENCRYPTED else None, source)
        try:
            if listener == "starttls":
                answer = await client.start_tls(self.tls, host)
                notes.expect(answer.result.result_code == 0, f"StartTLS: {describe_result(answer.result)}")
            before = self.arrived
            yield client
            notes.client_side = f"{_PROTOCOLS[listener]}, {client.tls or 'no TLS'}"
            notes.upstream_side = self._upstream_side(before)
        finally:
            await client.close()

    def _upstream_side(self, before: int) -> str:
        if self.directory is None:
            return self.upstream_tls
        news = list(self.directory.seen)[before:]
        if not news:
            return "nothing arrived"
        return f"{self.upstream_tls}, {news[-1].tls or 'no TLS'}"

    @property
    def arrived(self) -> int:
        """How many requests have reached the demo's directory so far."""
        return 0 if self.directory is None else len(self.directory.seen)


@dataclass
class Notes:
    """What one step asks and what comes back, told as it happens, and whether it is as expected."""

    tell: Callable[[str, str], None]
    """Called with a mark (`→` asked, `←` came back, `·` explained) and a line."""
    client_side: str = ""
    upstream_side: str = ""
    unmet: list[str] = field(default_factory=list)
    """Expectations that were not met, in words."""

    def ask(self, text: str) -> None:
        """Notes what is about to be asked."""
        self.tell("→", text)

    def receive(self, text: str | Answer) -> None:
        """Notes what came back; of an answer, its result."""
        self.tell("←", text if isinstance(text, str) else describe_result(text.result))

    def explain(self, text: str) -> None:
        """Notes why something came back."""
        self.tell("·", text)

    def expect(self, met: bool, text: str) -> None:
        """Notes an expectation that was not met."""
        if not met:
            self.unmet.append(text)

    def expect_code(self, answer: Answer, code: int) -> None:
        """Expects a result code."""
        self.receive(answer)
        found = answer.result.result_code
        self.expect(found == code, f"expected {result_code_name(code)} ({code}), found {found}")


def describe_result(result: LdapResult) -> str:
    """A result as a person reads it."""
    name = f"{result_code_name(result.result_code)} ({result.result_code})"
    return f"{name}: {result.diagnostic_message}" if result.diagnostic_message else name
