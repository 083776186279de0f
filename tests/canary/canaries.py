"""Secrets that are each used in one place, and every spelling by which one of them could be printed.

It knows encodings, and nothing of LDAP.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator
from urllib.parse import quote_from_bytes

LETTERS = "abcdefghijkmnopqrstuvwxyz"
LENGTH = 8


def _letters(count: int) -> str:
    # A mixture that is no word of anybody's, in either case.
    return "".join(secrets.choice(LETTERS + LETTERS.upper() + "23456789") for _ in range(count))


MARK = _letters(12).encode()
"""Every secret of this run begins so: where that is not heard, none of them is, nor a part of one."""
# At its ends what logs, shells and formats escape, so that an escape or a cut is no hiding place either.
AROUND = (b"%\\\"'{", b"}&+ /=")


class Canary:
    """One secret; what is looked for is its core, which no escaping changes."""

    def __init__(self, place: str, mark: bytes = MARK) -> None:
        self.place = place
        self.core = mark + _letters(LENGTH).encode()

    @property
    def secret(self) -> bytes:
        """What is sent."""
        return AROUND[0] + self.core + AROUND[1]


def spellings(core: bytes) -> Iterator[tuple[str, bytes]]:
    """Each way to write octets that has been seen in logs; those in small letters are sought whatever the case."""
    wide = core.decode().encode("utf-16-le")
    for name, octets in (("", core), (" of UTF-16", wide)):
        pairs = [f"{octet:02x}" for octet in octets]
        yield f"octets{name}", octets.lower()
        yield f"hex{name}", "".join(pairs).encode()
        for separator in (" ", ":", "\\", "\\x", "\\\\x", "%", ", 0x", "-", "_"):
            yield f"hex{name} by {separator}", separator.join(pairs).encode()
        for separator in (", ", ",", " "):
            yield f"numbers{name}", separator.join(map(str, octets)).encode()
    yield "UTF-16, big-endian", core.decode().encode("utf-16-be").lower()
    yield "UTF-16 in JSON", b"\\u0000".join(bytes([octet]) for octet in core).lower()
    yield "UTF-16 in Python", b"\\x00".join(bytes([octet]) for octet in core).lower()
    yield "letter by letter", b"', '".join(bytes([octet]) for octet in core).lower()
    yield "reversed", core[::-1].lower()


def encodings(core: bytes) -> Iterator[tuple[str, bytes]]:
    """Those in which the case matters: base64, wherever in its octets the secret begins."""
    for name, octets in (("", core), (" of UTF-16", core.decode().encode("utf-16-le"))):
        for shift in range(3):
            padded = b"\0" * shift + octets
            # What its neighbours have a part in is cut off.
            text = base64.b64encode(padded)[4 if shift else 0 :]
            text = text[: len(text) - 4]
            yield f"base64{name}", text
            yield f"base64url{name}", text.replace(b"+", b"-").replace(b"/", b"_")
            yield f"base64{name} in a URL", quote_from_bytes(text).encode()


def heard(text: bytes, core: bytes = MARK) -> list[str]:
    """The spellings of any secret, or of one, that stand in a text."""
    small = text.lower()
    found = [name for name, spelt in spellings(core) if spelt in small]
    return found + [name for name, spelt in encodings(core) if spelt in text]
