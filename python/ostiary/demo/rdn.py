"""The first RDN of a DN as it was written.

The core's `Dn` is for comparison and keeps neither case nor spaces; entries show both. Reads RFC 4514
text only; LDAPv2's quoted values are left to the core. Knows no entry.
"""

from __future__ import annotations

import re

__all__ = ["first_rdn", "written_values"]

_PART = re.compile(r'(?:\\.|"(?:\\.|[^"\\])*"|[^,;"\\])*', re.DOTALL)
_PAIR = re.compile(r"(?:\\.|[^+\\])+", re.DOTALL)
_ESCAPE = re.compile(r"((?:\\[0-9a-fA-F]{2})+)|\\(.)", re.DOTALL)


def first_rdn(name: str) -> str:
    """The RDN's text: up to the first comma that is neither escaped nor quoted."""
    found = _PART.match(name)
    return "" if found is None else found[0]


def written_values(name: str) -> list[tuple[str, bytes]] | None:
    """The pairs of attribute type and value in the first RDN; None for forms that only the core reads."""
    rdn = first_rdn(name)
    if '"' in rdn:
        return None
    pairs = []
    for pair in _PAIR.findall(rdn):
        attribute_type, equals, value = pair.partition("=")
        value = value.lstrip(" ")
        if not equals or value.startswith("#"):
            return None
        pairs.append((attribute_type.strip(" "), _unescaped(value)))
    return pairs


def _unescaped(value: str) -> bytes:
    out, end = bytearray(), 0
    for found in _ESCAPE.finditer(value):
        out += value[end : found.start()].encode()
        out += bytes.fromhex(found[1].replace("\\", "")) if found[1] else found[2].encode()
        end = found.end()
    # Spaces behind the last escape are no part of the value, an escaped one is.
    return bytes(out + value[end:].rstrip(" ").encode())
