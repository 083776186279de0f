"""The files that a configuration names, and whose content it takes in. Opens none of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel

if TYPE_CHECKING:
    from ostiary.config.model import Config

__all__ = ["files_of"]


def files_of(config: Config) -> list[Path]:
    """Certificates, keys, secrets, and whatever files plugins have in their options; each once."""
    # Where the audit goes, and where the gateway takes orders, is written and not read.
    audit = None if config.audit is None else config.audit.tls
    options = [each.options for each in config.plugins]
    tables = [*config.listeners, *config.upstreams, *config.plugins, *options, config.admin, audit]
    return list(dict.fromkeys(path for table in tables for path in _paths(table)))


def _paths(value: object) -> Iterator[Path]:
    if isinstance(value, Path):
        yield value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _paths(getattr(value, name))
    elif isinstance(value, list | tuple | set | frozenset):
        for each in value:
            yield from _paths(each)
    elif isinstance(value, dict):
        for each in value.values():
            yield from _paths(each)
