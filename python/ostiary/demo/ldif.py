"""Reads LDIF content records (RFC 2849).

Knows lines, folding, comments and base64. Does not know what a DN or an attribute means, reads no change
records and follows no URLs (`attribute:< file:///...`).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass, field

__all__ = ["LdifError", "LdifRecord", "read_ldif"]


class LdifError(ValueError):
    """A text is not LDIF; says which line and why."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(f"line {line}: {message}")
        self.line = line


@dataclass
class LdifRecord:
    """One entry as written: its DN, and each attribute description with its values in order."""

    dn: str
    attributes: dict[str, list[bytes]] = field(default_factory=dict)


def read_ldif(text: str) -> Iterator[LdifRecord]:
    """Yields the records of a text in order.

    Raises:
        LdifError: at the first line that is not LDIF.
    """
    record: LdifRecord | None = None
    for number, line in _unfolded(text):
        if not line:
            if record is not None:
                yield record
            record = None
            continue
        name, value = _parse_line(number, line)
        if record is None:
            record = _begin(number, name, value)
        elif name.lower() in ("dn", "changetype", "control"):
            raise LdifError(number, f"not in a content record, or an empty line is missing before it: {name}")
        else:
            record.attributes.setdefault(name, []).append(value)
    if record is not None:
        yield record


def _begin(number: int, name: str, value: bytes) -> LdifRecord | None:
    """The record that a line starts; None for the version before the first."""
    match name.lower():
        case "dn":
            return LdifRecord(_text(number, value))
        case "version" if value == b"1":
            return None
        case "version":
            raise LdifError(number, f"only version 1 is known: {value!r}")
    raise LdifError(number, f"a record starts with its dn: {name}")


def _unfolded(text: str) -> Iterator[tuple[int, str]]:
    """Joins continuation lines, drops comments; yields each line with the number of its first part."""
    start, pending = 0, ""
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith(" "):
            if not pending:
                raise LdifError(number, "a continuation line without a line before it")
            pending += line[1:]
            continue
        if pending and not pending.startswith("#"):
            yield start, pending
        start, pending = number, line
        if not line:
            yield number, ""
    if pending and not pending.startswith("#"):
        yield start, pending


def _parse_line(number: int, line: str) -> tuple[str, bytes]:
    name, colon, rest = line.partition(":")
    if not colon or not name:
        raise LdifError(number, "expected 'attribute: value'")
    if rest.startswith("<"):
        raise LdifError(number, f"values from URLs are not read: {name}")
    if not rest.startswith(":"):
        return name, rest.lstrip(" ").encode()
    try:
        return name, base64.b64decode(rest[1:].strip(), validate=True)
    except binascii.Error as error:
        raise LdifError(number, f"not base64: {name}") from error


def _text(number: int, value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise LdifError(number, "a dn that is not UTF-8") from error
