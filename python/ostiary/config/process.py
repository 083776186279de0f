"""The table `[process]`: how the running gateway is told to change. Knows no signal and opens nothing."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from ostiary.config.table import Table
from ostiary.config.values import Bool, FilePath

# What sockaddr_un holds, less the end of the text, and less what a new socket is called until it takes the name.
_PATH_MOST = 100


def _socket(value: FilePath) -> FilePath:
    if len(str(value).encode()) > _PATH_MOST:
        raise ValueError(f"the path of a unix socket has at most {_PATH_MOST} octets")
    return value


class Process(Table):
    """How the running gateway is told to change."""

    watch: Bool = True
    """Reload when the configuration, or a file that it names, changes."""
    control: Annotated[FilePath, AfterValidator(_socket)] | None = None
    """Unix socket by which `ostiary reload` and `ostiary run --takeover` reach it; for its own user alone."""
