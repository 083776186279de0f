"""Every exception a user of the package can meet.

- `OstiaryError`
    - `ConfigError`: the configuration cannot be used; lists every fault with its key path
    - `UpstreamUnavailable`: no server of an upstream could be reached
    - `Misuse`: the gateway broke its own contract; a bug, please report it
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["ConfigError", "Fault", "Misuse", "OstiaryError", "UpstreamUnavailable"]


class OstiaryError(Exception):
    """Base of every exception Ostiary raises on purpose."""


class Fault(NamedTuple):
    """One thing that is wrong with a configuration."""

    path: str
    """Key path, as `listeners[0].tls.key`; empty for the file as a whole."""
    message: str
    """What is wrong and the remedy: lower case, no full stop, the value last after a colon."""

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class ConfigError(OstiaryError):
    """The configuration cannot be used."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        """Every fault, in the order of the file."""
        super().__init__("\n".join(str(fault) for fault in self.faults))


class UpstreamUnavailable(OstiaryError):
    """No server of an upstream could be reached; the text is for operators, not for clients."""


class Misuse(OstiaryError):
    """The gateway broke its own contract: a bug. Never caught but at a connection's edge."""
