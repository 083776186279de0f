"""Configuration files for tests: a valid one, and what is told about a changed one."""

from __future__ import annotations

from pathlib import Path

from ostiary.config import Config
from ostiary.errors import ConfigError

LISTENER = """
[[listeners]]
name = "ldaps"
address = "127.0.0.1:6360"
tls = { mode = "ldaps", certificate = "server.crt", key = "server.key" }
upstream = "directory"
"""
UPSTREAM = """
[[upstreams]]
name = "directory"
servers = ["ldap://dc1.corp.example", "ldap://dc2.corp.example:3389"]
tls = { mode = "starttls", ca = "ca.pem" }
"""
VALID = LISTENER + UPSTREAM
AROUND = """
[[listeners]]
name = "ldap"
address = "127.0.0.1:1389"
tls = { mode = "none" }
upstream = "directory"

[[upstreams]]
name = "directory"
servers = ["ldap://dc.corp.example"]

"""
"""What a part of a configuration needs around it to be a whole one."""


def faults(text: str, directory: Path) -> dict[str, str]:
    """Key paths and messages of every fault; empty when there is none."""
    try:
        Config.from_toml(text, directory)
    except ConfigError as error:
        return {fault.path: fault.message for fault in error.faults}
    return {}


def listener(**keys: str) -> str:
    """A valid file with a listener whose keys are replaced by these TOML values; "" removes one."""
    table = {
        "name": '"ldaps"',
        "address": '"127.0.0.1:6360"',
        "tls": '{ mode = "ldaps", certificate = "server.crt", key = "server.key" }',
        "upstream": '"directory"',
    } | keys
    return _table("listeners", table) + UPSTREAM


def upstream(**keys: str) -> str:
    """A valid file with an upstream whose keys are replaced by these TOML values; "" removes one."""
    table = {"name": '"directory"', "servers": '["ldap://dc1.corp.example"]'} | keys
    return LISTENER + _table("upstreams", table)


def _table(kind: str, table: dict[str, str]) -> str:
    return "\n".join([f"[[{kind}]]", *(f"{key} = {value}" for key, value in table.items() if value), ""])
