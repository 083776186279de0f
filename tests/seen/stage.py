"""A gateway that is seen: with the admin endpoint, and an audit that goes where a test says."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..policy import content
from ..real import wire
from ..real.gateway import Gateway, Value, toml
from ..real.raw_client import Address, RawClient
from .figures import Endpoint

PROBE = content.PROBE.encode()
APP, PASSWORD = content.APP.encode(), content.PASSWORD.encode()
NAMES = {0: "success", 5: "compareFalse", 6: "compareTrue", 8: "strongerAuthRequired", 32: "noSuchObject",
         49: "invalidCredentials", 50: "insufficientAccessRights"}  # fmt: skip
"""The result codes of these tests, as metrics and records name them."""


@dataclass
class Seen:
    """One gateway, and where it is looked at."""

    gateway: Gateway
    endpoint: Endpoint
    home: Path
    clients: list[RawClient] = field(default_factory=list)
    """Closed with the test, if not before."""

    @property
    def audit(self) -> Path:
        """The file of its audit."""
        return self.home / "audit.log"

    def connect(self, name: str = "plain") -> RawClient:
        """A client of a listener."""
        client = RawClient(self.gateway.addresses[name])
        self.clients.append(client)
        return client

    def close(self) -> None:
        for client in self.clients:
            client.close()

    def records(self, *paths: Path) -> list[dict[str, Any]]:
        """What is in the audit's file, or in these."""
        return [json.loads(line) for path in paths or (self.audit,) for line in path.read_text().splitlines()]

    def operations(self, *paths: Path) -> list[dict[str, Any]]:
        """The same of operations alone."""
        return [record for record in self.records(*paths) if record["event"] == "operation"]

    def events(self, name: str) -> list[dict[str, Any]]:
        """The lines of the log about an event."""
        lines = [json.loads(line) for line in self.gateway.log.splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == name]


SeenFactory = Callable[..., Seen]


def tables(admin: Address, audit: Mapping[str, Value] | None, **admin_keys: Value) -> str:
    """The tables of the configuration that make a gateway seen."""
    text = f"\n[admin]\naddress = {toml(admin.text)}\n"
    text += "".join(f"{key} = {toml(value)}\n" for key, value in admin_keys.items())
    if audit is not None:
        text += "\n[audit]\n" + "".join(f"{key} = {toml(value)}\n" for key, value in audit.items())
    return text


def search(message_id: int) -> bytes:
    return wire.search(message_id, PROBE, attributes=[b"1.1"])


def compare_true(message_id: int) -> bytes:
    return wire.compare(message_id, PROBE, b"cn", b"probe")


def compare_false(message_id: int) -> bytes:
    return wire.compare(message_id, PROBE, b"cn", b"else")


def search_for_nobody(message_id: int) -> bytes:
    return wire.search(message_id, b"cn=nobody," + content.SUFFIX.encode(), attributes=[b"1.1"])


def forbidden(message_id: int) -> bytes:
    """What slapd refuses to whom has not bound."""
    return wire.delete(message_id, PROBE)


def filtered(message_id: int, attribute: bytes, value: bytes) -> bytes:
    return wire.search(message_id, PROBE, filter=wire.equality(attribute, value), attributes=[b"1.1"])


def wrong_bind(message_id: int) -> bytes:
    return wire.bind(message_id, APP, b"wrong")


MIXED = (search, compare_true, compare_false, search_for_nobody, search)
