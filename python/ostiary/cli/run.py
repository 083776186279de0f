"""`ostiary run`: the gateway, until it is told to stop."""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from ostiary import log
from ostiary.cli.options import ConfigOption, LogLevel, LogLevelOption
from ostiary.config import load
from ostiary.config.notices import notices

if TYPE_CHECKING:
    from ostiary.plan import Plan

logger = logging.getLogger("ostiary")


def run(
    config: ConfigOption,
    log_level: LogLevelOption = LogLevel.INFO,
    takeover: Annotated[
        bool,
        typer.Option("--takeover", help="Take the sockets of the gateway that runs by this configuration, which ends."),
    ] = False,
) -> None:
    """Run the gateway."""
    settings = load(config)
    log.configure(log_level.value)
    told = tuple((notice.path, notice.message) for notice in notices(settings))
    for path, message in told:
        log.event(logger, logging.WARNING, "config_notice", key=path, text=message)
    # Late: `check` and `schema` must work where the event loop cannot.
    from ostiary.plan import plan
    from ostiary.worker import become

    become(_inheriting(replace(plan(settings, config), notices=told), takeover=takeover), log_level.value)


def _inheriting(plan: Plan, *, takeover: bool) -> Plan:
    """The plan with the sockets that others have opened."""
    from ostiary.inheriting import activated, taken_over

    inherited, unused = taken_over(plan) if takeover else activated(plan, os.environ)
    for name in unused:
        log.event(logger, logging.WARNING, "socket_unused", name=name)
    return plan if inherited is None else replace(plan, inherited=inherited)
