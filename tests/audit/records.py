"""Records as the core makes them, made by hand: for the writer they are octets, for queries what was seen.

Knows the two framings, and nothing of how a record comes about.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

HOST = "gw1.example.org"
PRIORITY = 10 * 8 + 6
"""authpriv, and informational."""
TIME = "2026-03-02T09:15:00.123Z"


def record(number: int, **fields: object) -> str:
    """A search's record as JSON, numbered by its message."""
    return json.dumps(
        {
            "time": TIME, "event": "operation", "connection": 1, "client": "10.20.3.4", "port": 41022,
            "listener": "ldaps", "identity": "cn=wiki,ou=services,dc=example,dc=org", "operation": "search",
            "base": "ou=people,dc=example,dc=org", "scope": "sub", "filter": "(uid=?)", "attributes": ["mail"],
            "message": number, "code": 0, "result": "success", "entries": 1, "bytes": 120, "seconds": 0.0012,
        }
        | fields,
        separators=(",", ":"),
    )  # fmt: skip


def lines(records: Iterable[str]) -> bytes:
    """As a file takes them."""
    return "".join(f"{each}\n" for each in records).encode()


def counted(records: Iterable[str]) -> bytes:
    """As syslog takes them: RFC 5424, with the octets counted before each message (RFC 6587)."""
    messages = (f"<{PRIORITY}>1 {TIME} {HOST} ostiary - operation - {each}".encode() for each in records)
    return b"".join(b"%d %b" % (len(each), each) for each in messages)
