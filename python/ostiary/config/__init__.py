"""The configuration: one TOML file, read whole, every fault told at once with its key path.

Its modules are loaded when they are first used: a plugin in a worker takes the kinds of its values from here, and
needs no more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ostiary.config.addresses import Address, ServerUrl
    from ostiary.config.admin import Admin
    from ostiary.config.json_schema import schema
    from ostiary.config.limits import Limits
    from ostiary.config.listeners import Certificate, IdentityFiles, Listener, ListenerTls
    from ostiary.config.loading import load
    from ostiary.config.model import Config
    from ostiary.config.plugins import PluginTable
    from ostiary.config.tracing import Tracing
    from ostiary.config.upstreams import Upstream, UpstreamTls

__all__ = [
    "Address",
    "Admin",
    "Certificate",
    "Config",
    "IdentityFiles",
    "Limits",
    "Listener",
    "ListenerTls",
    "PluginTable",
    "ServerUrl",
    "Tracing",
    "Upstream",
    "UpstreamTls",
    "load",
    "schema",
]

_MODULES = {
    "admin": ("Admin",),
    "addresses": ("Address", "ServerUrl"),
    "json_schema": ("schema",),
    "limits": ("Limits",),
    "listeners": ("Certificate", "IdentityFiles", "Listener", "ListenerTls"),
    "loading": ("load",),
    "model": ("Config",),
    "plugins": ("PluginTable",),
    "tracing": ("Tracing",),
    "upstreams": ("Upstream", "UpstreamTls"),
}
_LATE = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_LATE[name]}"), name)
