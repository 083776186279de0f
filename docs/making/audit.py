"""The table of docs/audit.md, made from the core's one declaration of fields."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from docs.making.regions import code, filled, table
from ostiary._core import audit_fields

PAGE = Path(__file__).resolve().parents[1] / "audit.md"
HEADS = ("json", "ecs", "cef", "type", "when", "meaning")


def page() -> str:
    """The page, with its table as it has to be."""
    return filled(PAGE.read_text(), {"fields": _fields})


def _fields(_: Sequence[str]) -> str:
    return table(
        HEADS,
        ((code(json), code(ecs), code(cef), kind, when, told) for json, ecs, cef, kind, when, told in audit_fields()),
    )
