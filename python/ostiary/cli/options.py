"""Options that several verbs share, and the environment variables that say the same where a place differs.

An option on the command line counts more than its variable.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class LogLevel(StrEnum):
    """How much is logged."""

    TRACE = "trace"
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


CONFIG = typer.Option("--config", "-c", metavar="FILE", envvar="OSTIARY_CONFIG", help="The configuration, a TOML file.")
ConfigOption = Annotated[Path, CONFIG]
OptionalConfigOption = Annotated[Path | None, CONFIG]
LogLevelOption = Annotated[
    LogLevel,
    typer.Option(
        "--log-level", envvar="OSTIARY_LOG_LEVEL", case_sensitive=False, help="How much is logged, on stderr."
    ),
]
