"""What is wrong, in an operator's words: pydantic's error types turned into sentences with a remedy."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic_core import ErrorDetails

SHOWN_MOST = 100
"""Longest value shown in a fault; more is the file's to tell."""
PATH_MOST = 300
"""Longest path shown in a fault."""

_PLAIN = {
    "missing": "missing",
    "string_type": "expected text in quotes",
    "bool_type": "expected true or false",
    "int_type": "expected a whole number",
    "int_from_float": "expected a whole number",
    "float_type": "expected a number",
    "finite_number": "expected a number",
    "tuple_type": "expected a list in brackets",
    "too_short": "the list is empty",
}


def sentence(error: ErrorDetails) -> str:
    """The error without its value, as a sentence for operators."""
    kind, context = error["type"], error.get("ctx", {})
    if kind in _PLAIN:
        return _PLAIN[kind]
    if kind == "value_error":
        return str(context["error"])
    if kind == "literal_error":
        return _choice(str(context["expected"]), error["input"])
    if kind == "greater_than_equal":
        return f"must be at least {_number(context['ge'])}"
    if kind == "less_than_equal":
        return f"must be at most {_number(context['le'])}"
    message = error["msg"].rstrip(".")
    return message[:1].lower() + message[1:]


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """A hint with the known word that comes closest; empty when none is close."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6) if isinstance(word, str) else []
    return f"; did you mean {near[0]}?" if near else ""


def shown(value: object) -> str:
    """The value as it stands in the file, on one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        text = json.dumps(value, ensure_ascii=False) if value.isprintable() else json.dumps(value)
        return text if len(text) <= SHOWN_MOST else f'{text[: SHOWN_MOST - 4]}..."'
    if isinstance(value, Path):
        # The end of a path says more than its beginning.
        path = str(value) if len(str(value)) <= PATH_MOST else f"...{str(value)[-PATH_MOST:]}"
        return path if path.isprintable() else json.dumps(path)
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list | tuple):
        return "a list"
    return str(value)[:SHOWN_MOST]


def _choice(expected: str, value: object) -> str:
    words = re.findall(r"'([^']*)'", expected)
    if not words:
        return f"expected {expected}"
    quoted = [f'"{word}"' for word in words]
    choice = quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"
    return f"expected {choice}{did_you_mean(value, words)}"


def _number(value: Any) -> str:
    return f"{value:_}" if isinstance(value, int) else f"{value:_g}" if value < 1e6 else f"{value:_.0f}"
