"""`ostiary run`: the gateway, until it is told to stop."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer

from ostiary import log
from ostiary.cli.options import LogLevel, LogLevelOption
from ostiary.config import load
from ostiary.config.notices import notices


def run(
    config: Annotated[Path, typer.Option("--config", "-c", metavar="FILE", help="The configuration, a TOML file.")],
    log_level: LogLevelOption = LogLevel.INFO,
) -> None:
    """Run the gateway."""
    settings = load(config)
    log.configure(log_level.value)
    logger = logging.getLogger("ostiary")
    for notice in notices(settings):
        log.event(logger, logging.WARNING, "config_notice", key=notice.path, text=notice.message)
    # Late: `check` and `schema` must work where the event loop cannot.
    from ostiary.plan import plan
    from ostiary.worker import become

    become(plan(settings), log_level.value)
