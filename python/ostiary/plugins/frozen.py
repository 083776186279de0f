"""The base of what hooks are shown: attributes that can be read and not changed."""

from __future__ import annotations

from typing import NoReturn

__all__ = ["Frozen", "fill"]

fill = object.__setattr__
"""Sets an attribute of a view while it is made."""


class Frozen:
    """A view: setting or deleting an attribute raises AttributeError."""

    __slots__ = ()

    def __setattr__(self, name: str, _value: object) -> NoReturn:
        raise AttributeError(f"a {type(self).__name__} cannot be changed: {name}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a {type(self).__name__} cannot be changed: {name}")
