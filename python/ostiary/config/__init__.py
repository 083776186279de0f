"""The configuration: one TOML file, read whole, every fault told at once with its key path."""

from ostiary.config.addresses import Address, ServerUrl
from ostiary.config.limits import Limits
from ostiary.config.listeners import Certificate, IdentityFiles, Listener, ListenerTls
from ostiary.config.loading import load
from ostiary.config.model import Config, schema
from ostiary.config.upstreams import Upstream, UpstreamTls

__all__ = [
    "Address",
    "Certificate",
    "Config",
    "IdentityFiles",
    "Limits",
    "Listener",
    "ListenerTls",
    "ServerUrl",
    "Upstream",
    "UpstreamTls",
    "load",
    "schema",
]
