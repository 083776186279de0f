"""`ostiary run`: the gateway, until it is told to stop."""

from __future__ import annotations

import logging

from ostiary import log
from ostiary.cli.options import ConfigOption, LogLevel, LogLevelOption
from ostiary.config import load
from ostiary.config.notices import notices


def run(
    config: ConfigOption,
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
