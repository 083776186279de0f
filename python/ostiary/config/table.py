"""The base of every configuration table, and the key paths that faults carry.

A table read from a file with faults holds only the values that are sound. Asking it for another
raises `Absent`, which ends the check that asked: that value's fault has been told already.
Knows no key of any table.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from pydantic import BaseModel, ConfigDict

_KEY_MOST = 64
"""Longest key shown as it is written; ours are shorter by far."""
_BARE_KEY = re.compile(rf"[A-Za-z0-9_-]{{1,{_KEY_MOST}}}\Z")

Loc = tuple[str | int, ...]
"""Where a value stands: keys and positions from the root of the file."""


class Finding(NamedTuple):
    """A fault and where it stands, before it becomes a line for the operator."""

    loc: Loc
    message: str
    value: object = None
    """What the file says there, shown after the message; None when there is nothing to show."""


class Absent(AttributeError):
    """A check asked for a value that is faulty itself."""


class Faulty:
    """Stands in a list for an element that could not be read."""

    def __getattr__(self, name: str) -> NoReturn:
        raise Absent(name)


class Table(BaseModel):
    """One table of the configuration file; attributes are named as the keys."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
        arbitrary_types_allowed=True,
    )

    @classmethod
    def complete(cls, data: dict[str, Any]) -> dict[str, Any]:
        """The raw table with the defaults that depend on other keys."""
        return data

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name in type(self).model_fields:
                raise Absent(name)
            return super().__getattr__(name)


def until_absent(check: Iterator[Finding]) -> Iterator[Finding]:
    """What a check finds until it needs a value that is faulty itself."""
    with suppress(Absent):
        yield from check


def key_path(loc: Loc) -> str:
    """The path as operators read it: `listeners[0].tls.key`."""
    path = ""
    for part in loc:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            key = part if _BARE_KEY.match(part) else json.dumps(part[:_KEY_MOST])
            path += f".{key}" if path else key
    return path
