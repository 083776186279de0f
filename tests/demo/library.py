"""ldap3 as the tests of the demo use it, with its noise of old age kept out."""

from __future__ import annotations

import warnings
from typing import Any

with warnings.catch_warnings():
    # ldap3 2.9 still uses names that pyasn1 0.6 calls deprecated.
    warnings.simplefilter("ignore", DeprecationWarning)
    import ldap3

from ostiary.demo.directory import Directory

__all__ = ["code", "connect", "ldap3", "names"]


def connect(directory: Directory, user: str | None = None, password: str | None = None, **more: Any) -> Any:
    """A connection that is open, not bound."""
    server = ldap3.Server("127.0.0.1", port=directory.port, get_info=ldap3.NONE, connect_timeout=5)
    connection = ldap3.Connection(server, user=user, password=password, receive_timeout=5, check_names=False, **more)
    connection.open(read_server_info=False)
    return connection


def code(connection: Any) -> int:
    """The result code of the last operation."""
    return int(connection.result["result"])


def names(connection: Any) -> list[str]:
    """The DNs that the last search found."""
    return [entry["dn"] for entry in connection.response or () if entry["type"] == "searchResEntry"]
