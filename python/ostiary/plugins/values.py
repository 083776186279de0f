"""Kinds of values for plugins' own keys, beside those that the rest of the configuration has."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import AfterValidator

from ostiary._core import AttributeDescription, Dn

__all__ = ["AttributeText", "DnText"]


def _dn(value: str) -> str:
    try:
        Dn(value)
    except ValueError:
        raise ValueError('not a DN; write "ou=people,dc=example,dc=org"') from None
    return value


def _attribute(value: str) -> str:
    try:
        AttributeDescription(value)
    except ValueError:
        raise ValueError('not an attribute; write "userPassword"') from None
    return value


DnText: TypeAlias = Annotated[str, AfterValidator(_dn)]
"""The text of a DN, for `Dn(...)`."""
AttributeText: TypeAlias = Annotated[str, AfterValidator(_attribute)]
"""The text of an attribute description, for `AttributeDescription(...)`."""
