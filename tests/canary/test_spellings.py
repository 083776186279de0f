"""The ears: a secret is heard in every spelling, or the silence of the gateway would mean nothing."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from urllib.parse import quote

import pytest

from .canaries import Canary, heard

Spelling = Callable[[bytes], bytes]


def wide(octets: bytes) -> bytes:
    return octets.decode().encode("utf-16-le")


SPELLINGS: dict[str, Spelling] = {
    "as it is": bytes,
    "in capitals": bytes.upper,
    "repr": lambda octets: repr(octets).encode(),
    "repr of a list": lambda octets: repr(list(octets)).encode(),
    "JSON": lambda octets: json.dumps(octets.decode()).encode(),
    "JSON of UTF-16": lambda octets: json.dumps(wide(octets).decode("latin-1")).encode(),
    "repr of UTF-16": lambda octets: repr(wide(octets)).encode(),
    "UTF-16": wide,
    "hex": lambda octets: octets.hex().upper().encode(),
    "hex with spaces": lambda octets: octets.hex(" ").encode(),
    "hex of UTF-16": lambda octets: wide(octets).hex().encode(),
    "escaped for a DN": lambda octets: "".join(f"\\{octet:02X}" for octet in octets).encode(),
    "quoted for a URL": lambda octets: quote(octets).encode(),
    "quoted whole": lambda octets: "".join(f"%{octet:02X}" for octet in octets).encode(),
    "Rust's debug": lambda octets: ("[" + ", ".join(map(str, octets)) + "]").encode(),
    "base64": lambda octets: base64.b64encode(octets + b"tail"),
    "base64 behind 1": lambda octets: base64.b64encode(b"x" + octets + b"tail"),
    "base64 behind 2": lambda octets: base64.b64encode(b"xx" + octets + b"tail"),
    "base64 of UTF-16": lambda octets: base64.b64encode(b"\0" + wide(octets)),
    "base64 for a URL": base64.urlsafe_b64encode,
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_secret_is_heard_by_its_spelling(name: str) -> None:
    for _ in range(20):
        canary = Canary("")
        text = b'{"before": 1, "text": "' + SPELLINGS[name](canary.secret) + b'"}\n'
        assert heard(text, canary.core)
        assert heard(text)


def test_a_secret_that_is_cut_is_heard() -> None:
    assert heard(Canary("").secret[:17] + b"...")


def test_nothing_is_heard_where_nothing_is_said() -> None:
    canaries = [Canary("") for _ in range(50)]
    text = b"".join(canary.secret for canary in canaries)
    assert not heard(text, Canary("").core)
    assert not heard(Canary("", b"another mark").secret)
