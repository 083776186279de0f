"""`ostiary run`: the gateway, until it is told to stop."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer

from ostiary import log
from ostiary.cli.options import LogLevel, LogLevelOption
from ostiary.cli.output import report_error
from ostiary.config import load
from ostiary.config.notices import notices


def run(
    config: Annotated[
        Path, typer.Option("--config", "-c", metavar="FILE", help="The configuration, a TOML file.")
    ],
    log_level: LogLevelOption = LogLevel.INFO,
) -> None:
    """Run the gateway."""
    settings = load(config)
    log.configure(log_level.value)
    logger = logging.getLogger("ostiary")
    for notice in notices(settings):
        log.event(logger, logging.WARNING, "config_notice", key=notice.path, text=notice.message)
    # Late: `check` and `schema` must work where the event loop cannot.
    from ostiary.gateway import serve

    try:
        status = serve(settings)
    except OSError as error:
        # An address in use, a socket that may not be made: the system's refusals, not bugs.
        what = (error.strerror or str(error)).lower()
        report_error(f"{what}: {error.filename}" if error.filename else what)
        status = 1
    raise typer.Exit(status)
