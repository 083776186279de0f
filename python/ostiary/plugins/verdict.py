"""What a hook says of a request, and what it is told of an answer."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from ostiary._core import result_code_name
from ostiary.plugins.frozen import Frozen, fill

if TYPE_CHECKING:
    from ostiary.plugins.request import Request

__all__ = ["PASS", "Result", "Verdict", "VerdictKind", "close", "code_number", "refuse", "replace"]

VerdictKind: TypeAlias = Literal["pass", "refuse", "replace", "close"]

INSUFFICIENT_ACCESS_RIGHTS = 50
# success, compareFalse, compareTrue, referral, saslBindInProgress: no answer of these refuses anything.
_NO_REFUSALS = frozenset({0, 5, 6, 10, 14})
_CODE_MOST = 16_654
"""The highest code that is registered with IANA is 16654, in the range for experiments."""
TEXT_MOST = 1_000
"""Longest text that a client is told."""


class Verdict(Frozen):
    """Pass, refuse, replace or close. Made by `PASS`, `refuse`, `replace` and `close`."""

    __slots__ = ("code", "kind", "request", "text")

    kind: VerdictKind
    code: int
    """The result code of a refusal; 0 for everything else."""
    text: str
    """What the client is told, by a refusal or before the end."""
    request: bytes | None
    """The request that goes on instead."""

    def __init__(self, kind: VerdictKind, code: int = 0, text: str = "", request: bytes | None = None) -> None:
        fill(self, "kind", kind)
        fill(self, "code", code)
        fill(self, "text", text)
        fill(self, "request", request)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Verdict):
            return NotImplemented
        return (self.kind, self.code, self.text, self.request) == (other.kind, other.code, other.text, other.request)

    def __hash__(self) -> int:
        return hash((self.kind, self.code, self.text, self.request))

    def __reduce__(self) -> str | tuple[object, ...]:
        return (Verdict, (self.kind, self.code, self.text, self.request))

    def __repr__(self) -> str:
        # A replaced bind holds a password.
        match self.kind:
            case "pass":
                return "PASS"
            case "refuse":
                return f"refuse({self.code}, {self.text!r})"
            case "replace":
                return "replace(...)"
            case "close":
                return f"close({self.text!r})"


PASS: Final = Verdict("pass")
"""The request goes on."""


def refuse(code: int | str = INSUFFICIENT_ACCESS_RIGHTS, text: str = "not allowed here") -> Verdict:
    """The request is answered here, with a result code by number or by its name in RFC 4511.

    Raises:
        ValueError: there is no such code, or it is none that refuses.
    """
    return Verdict("refuse", code_number(code), _told(text))


def replace(request: Request | bytes) -> Verdict:
    """Another request goes on instead: one message of the same kind with the same message id."""
    return Verdict("replace", request=request if isinstance(request, bytes) else request.raw)


def close(text: str = "closed by policy") -> Verdict:
    """The client gets a Notice of Disconnection with this text, and its connection ends."""
    return Verdict("close", text=_told(text))


def code_number(code: int | str) -> int:
    """The number of a result code that refuses.

    Raises:
        ValueError: there is no such code, or it is none that refuses.
    """
    if isinstance(code, str):
        number = _codes().get(code.replace("_", "").lower())
        if number is None:
            raise ValueError('not a result code; write its number, or its name as "insufficientAccessRights"')
    elif isinstance(code, int) and not isinstance(code, bool) and 0 <= code <= _CODE_MOST:
        number = code
    else:
        raise ValueError("not a result code; write its number, or its name as RFC 4511 spells it")
    if number in _NO_REFUSALS:
        raise ValueError(f"{result_code_name(number)} refuses nothing; choose another result code")
    return number


@cache
def _codes() -> dict[str, int]:
    named = ((result_code_name(number), number) for number in range(4_124))
    return {name.lower(): number for name, number in named if name != str(number)}


def _told(text: str) -> str:
    if not isinstance(text, str) or len(text) > TEXT_MOST:
        raise ValueError(f"the text is not a string of up to {TEXT_MOST} characters")
    return text


class Result(Frozen):
    """How a request was answered, for `on_finished`."""

    __slots__ = ("code", "entries")

    code: int
    """The result code of the last response."""
    entries: int
    """How many entries came before it."""

    def __init__(self, code: int, entries: int = 0) -> None:
        fill(self, "code", code)
        fill(self, "entries", entries)

    @property
    def name(self) -> str:
        """The name of the result code, as RFC 4511 spells it."""
        return result_code_name(self.code)

    def __repr__(self) -> str:
        return f"Result({self.name}, {self.entries} entries)"
