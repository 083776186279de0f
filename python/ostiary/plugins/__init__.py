"""Plugins: what they are made of. `docs/plugins.md` says how to write one.

A plugin brings rules, which are data that the core evaluates, and hooks, which are methods that are asked live.
`Plugin` and `Options` are loaded when they are first used: a gateway whose plugins bring rules alone serves
without pydantic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ostiary._core import AttributeDescription, Dn, Filter
from ostiary.plugins.client import (
    ANONYMOUS,
    Account,
    Anonymous,
    Client,
    Identity,
    Unnamed,
    Unreadable,
    Upn,
    identity_of,
)
from ostiary.plugins.request import Change, PasswordModify, Request
from ostiary.plugins.verdict import PASS, Result, Verdict, close, refuse, replace

if TYPE_CHECKING:
    from ostiary.config.values import Bool, Count, FilePath, Name, Seconds
    from ostiary.plugins.model import Options, Plugin, Rules
    from ostiary.plugins.values import AttributeText, DnText

__all__ = [
    "ANONYMOUS",
    "PASS",
    "Account",
    "Anonymous",
    "AttributeDescription",
    "AttributeText",
    "Bool",
    "Change",
    "Client",
    "Count",
    "Dn",
    "DnText",
    "FilePath",
    "Filter",
    "Identity",
    "Name",
    "Options",
    "PasswordModify",
    "Plugin",
    "Request",
    "Result",
    "Rules",
    "Seconds",
    "Unnamed",
    "Unreadable",
    "Upn",
    "Verdict",
    "close",
    "identity_of",
    "refuse",
    "replace",
]

_LATE = {
    **dict.fromkeys(("Options", "Plugin", "Rules"), "ostiary.plugins.model"),
    **dict.fromkeys(("Bool", "Count", "FilePath", "Name", "Seconds"), "ostiary.config.values"),
    **dict.fromkeys(("AttributeText", "DnText"), "ostiary.plugins.values"),
}


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LATE[name]), name)
