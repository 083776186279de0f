"""The whole configuration: one value, read once, never changed.

It is built by `load` or `Config.from_toml`, which tell every fault; building it by hand checks each
value but neither files nor what values mean together.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from ostiary.config.admin import Admin
from ostiary.config.audit import Audit
from ostiary.config.limits import Limits
from ostiary.config.listeners import Listener
from ostiary.config.plugins import PluginTable
from ostiary.config.process import Process
from ostiary.config.table import Table
from ostiary.config.tracing import Tracing
from ostiary.config.upstreams import Upstream
from ostiary.cores import WORKERS_MAX


def _workers(value: object) -> object:
    if value == "auto" or (isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= WORKERS_MAX):
        return value
    raise ValueError(f'write "auto" or a number from 1 to {WORKERS_MAX}')


class Config(Table):
    """An Ostiary gateway: its listeners, upstreams, plugins and limits."""

    workers: Annotated[Annotated[int, Field(ge=1, le=WORKERS_MAX)] | Literal["auto"], BeforeValidator(_workers)] = 1
    """Number of worker processes; `"auto"`: as many as there are cores to use."""
    listeners: tuple[Listener, ...] = Field(min_length=1)
    """The addresses that clients connect to."""
    upstreams: tuple[Upstream, ...] = Field(min_length=1)
    """The directories behind the gateway."""
    plugins: tuple[PluginTable, ...] = ()
    """What decides about requests, in this order."""
    limits: Limits = Limits()
    """How much clients may take up."""
    audit: Audit | None = None
    """The record of every operation; without this table there is none."""
    tracing: Tracing | None = None
    """Spans of a share of the operations; none without the table."""
    admin: Admin | None = None
    """Metrics, health and status, and the page that shows them; absent: nothing listens."""
    process: Process = Process()
    """How the running gateway is told to change."""

    @classmethod
    def from_toml(cls, text: str, directory: Path) -> Config:
        """The configuration that the text describes; relative paths start at `directory`.

        Raises: ConfigError, with every fault.
        """
        from ostiary.config.loading import parse

        return parse(text, directory)

    def upstream(self, name: str) -> Upstream:
        """The upstream of this name, as listeners give it. Raises: KeyError."""
        for upstream in self.upstreams:
            if upstream.name == name:
                return upstream
        raise KeyError(name)
