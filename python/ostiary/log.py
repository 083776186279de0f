"""Logs: one line per event, for people on a terminal and as JSON elsewhere.

An event is a word and fields. Values are put on one line and their control characters escaped, so
that nothing a client sends can look like another event. Knows no event; never logs a request's content.
"""

from __future__ import annotations

import datetime
import json
import logging
import math
import sys
import unicodedata
from collections import Counter
from collections.abc import Hashable
from time import monotonic
from typing import Any, Literal, TextIO, get_args

PER_SECOND = 10
"""So many lines a second of one kind (`often`): a client in a loop must not bury what others do, nor fill a disk."""

Level = Literal["trace", "debug", "info", "warning", "error"]

TRACE = 5
LEVELS: dict[str, int] = {
    "trace": TRACE,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
assert tuple(LEVELS) == get_args(Level)

_STYLES = {"trace": "dim", "debug": "dim", "info": "green", "warning": "yellow", "error": "bold red"}
_RESERVED = ("time", "level", "event", "logger", "traceback")
_VALUE_MOST = 2_000
"""Longest text of one field: syslog and journald cut or split lines somewhere from 2 to 48 KiB."""


# What every line of this process begins with: which worker it is.
_constant: dict[str, Any] = {}


def configure(level: Level = "info", stream: TextIO | None = None, **constant: object) -> None:
    """Sends every log record to the stream (stderr), in the form that suits it, and with the constant fields."""
    logging.addLevelName(TRACE, "TRACE")
    _constant.clear()
    _constant.update({key: _value(value) for key, value in constant.items()})
    target = sys.stderr if stream is None else stream
    handler = TerminalHandler(target) if target.isatty() else logging.StreamHandler(target)
    if not isinstance(handler, TerminalHandler):
        handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(LEVELS[level])


def event(logger: logging.Logger, level: int, name: str, /, **fields: object) -> None:
    """Logs the event with its fields; costs nothing when nobody listens at this level."""
    if logger.isEnabledFor(level):
        logger.log(level, name, extra={"fields": fields}, stacklevel=2)


class Sparing:
    """Which lines about clients are written: so many a second of each kind."""

    def __init__(self) -> None:
        self._second = 0
        # Kinds are listeners, rules and words: there are not many.
        self._written: Counter[Hashable] = Counter()
        self._left_out: Counter[Hashable] = Counter()

    def take(self, kind: Hashable) -> int | None:
        """How many of the kind were left out before this one; None if it is to be left out, too."""
        second = int(monotonic())
        if second != self._second:
            self._second = second
            self._written.clear()
        if self._written[kind] >= PER_SECOND:
            self._left_out[kind] += 1
            return None
        self._written[kind] += 1
        return self._left_out.pop(kind, 0)


SPARING = Sparing()
"""Of this process, as its log is."""


def often(logger: logging.Logger, level: int, name: str, kind: tuple[str, ...], /, **fields: object) -> None:
    """Logs an event that clients bring about, as often as they like: `PER_SECOND` at most of one name and kind.

    The next line of that kind says how many were left out, as `unlogged`.
    """
    if logger.isEnabledFor(level):
        unlogged = SPARING.take((name, *kind))
        if unlogged is not None:
            told = {**fields, "unlogged": unlogged} if unlogged else fields
            logger.log(level, name, extra={"fields": told}, stacklevel=2)


def failure(logger: logging.Logger, name: str, error: BaseException, /, **fields: object) -> None:
    """Logs a bug: an event at level error with the traceback of the exception."""
    logger.error(name, exc_info=error, extra={"fields": fields}, stacklevel=2)


def plain(text: str) -> str:
    """The text on one line, without anything that moves the cursor or changes what surrounds it."""
    if not text.isprintable():
        # Cc, Cf (which holds the bidirectional overrides), Zl, Zp, Cs, Co and Cn are all not printable.
        text = "".join(
            character if character.isprintable() or unicodedata.category(character) == "Zs" else _escaped(character)
            for character in text
        )
    return text if len(text) <= _VALUE_MOST else f"{text[:_VALUE_MOST]}... ({len(text)} characters)"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "backslashreplace").decode("ascii")


def _value(value: object) -> Any:
    """The value as JSON can hold it."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)  # JSON has no infinity
    if isinstance(value, bytes | bytearray | memoryview):
        return plain(bytes(value).decode("utf-8", "backslashreplace"))
    if isinstance(value, list | tuple | set | frozenset):
        return [_value(item) for item in value]
    if isinstance(value, dict):
        return {plain(str(key)): _value(item) for key, item in value.items()}
    return plain(str(value))


def _parts(record: logging.LogRecord) -> tuple[str, str, dict[str, Any]]:
    """Level, event and fields of a record; one of another library is an event with a message."""
    level = logging.getLevelName(record.levelno).lower()
    fields = getattr(record, "fields", None)
    if isinstance(fields, dict):
        told = {key: _value(value) for key, value in fields.items()}
        return level, plain(record.getMessage()), {**_constant, **told}
    return level, "message", {**_constant, "logger": record.name, "text": plain(record.getMessage())}


def _traceback(record: logging.LogRecord) -> list[str]:
    if not record.exc_info:
        return []
    return [plain(line) for line in logging.Formatter().formatException(record.exc_info).splitlines()]


class JsonFormatter(logging.Formatter):
    """One JSON object per line: time, level, event, then the fields."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line of ASCII."""
        level, name, fields = _parts(record)
        time = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
        line: dict[str, Any] = {
            "time": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": level,
            "event": name,
        }
        for key, value in fields.items():
            line[f"{key}_" if key in _RESERVED and name != "message" else key] = value
        if traceback := _traceback(record):
            line["traceback"] = traceback
        return json.dumps(line)


class TerminalHandler(logging.Handler):
    """Writes events for people: local time, level, event, `key=value`."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        # Late, here and below: a gateway that logs JSON does without.
        from rich.console import Console

        self._console = Console(file=stream, highlight=False, markup=False, emoji=False, soft_wrap=True)

    def emit(self, record: logging.LogRecord) -> None:
        """Writes the record; a terminal that has gone away costs the line, not the gateway."""
        from rich.text import Text

        try:
            level, name, fields = _parts(record)
            style = _STYLES.get(level, "")
            time = datetime.datetime.fromtimestamp(record.created).strftime("%H:%M:%S.%f")[:-3]
            line = Text.assemble((time, "dim"), " ", (f"{level:<7}", style), " ", (name, "bold"))
            for key, value in fields.items():
                line.append(f" {key}=", "dim")
                line.append(_for_people(value))
            for one in _traceback(record):
                # Marked, so that no line of a traceback can pass for an event.
                line.append(f"\n  | {one}", "dim")
            self._console.print(line)
        except OSError:
            self.handleError(record)


def _for_people(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return json.dumps(text, ensure_ascii=False) if not text or " " in text or '"' in text or "=" in text else text
