"""`ostiary reload`: has the running gateway read its configuration again, and tells what came of it."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Annotated

import typer

from ostiary.cli.options import OptionalConfigOption
from ostiary.cli.output import report_faults
from ostiary.commanding import CommandError, asked
from ostiary.config import load
from ostiary.errors import Fault, OstiaryError

SECONDS = 120.0
"""Longer than a check may take, and than all workers may take to put a plan in force."""


class ReloadError(OstiaryError):
    """The gateway could not be told; says why."""


def reload(
    config: OptionalConfigOption = None,
    control: Annotated[
        Path | None, typer.Option("--control", metavar="PATH", help="The socket that process.control names.")
    ] = None,
    pid: Annotated[
        int | None,
        typer.Option("--pid", metavar="PID", help="Signal this process instead; what comes of it is in its log."),
    ] = None,
) -> None:
    """Have the running gateway read its configuration again: exit status 0, or 2 with every fault."""
    # The file may come from the environment; who says more means that.
    if (control is not None and pid is not None) or all(each is None for each in (config, control, pid)):
        raise typer.BadParameter("say which gateway: --config FILE, --control PATH or --pid PID", param_hint="--config")
    if pid is not None:
        _signal(pid)
        return
    try:
        answer = asked(str(control or _control(config)), "reload", SECONDS)
    except CommandError as error:
        raise ReloadError(str(error)) from None
    faults = [Fault(each["path"], each["message"]) for each in answer.get("faults", ())]
    if faults:
        report_faults(faults)
        raise typer.Exit(2)
    if answer.get("result") != "success":
        raise ReloadError(str(answer.get("error", "not the answer of a gateway")))
    typer.echo("reloaded")


def _control(config: Path | None) -> Path:
    """The socket that a configuration names. Raises: ConfigError, with what the gateway would say."""
    assert config is not None
    control = load(config).process.control
    if control is None:
        raise ReloadError("process.control is not set: write it, or give --pid")
    return control


def _signal(pid: int) -> None:
    try:
        # The name of the program cannot be known for sure; whose process it is, the kernel looks at.
        os.kill(pid, signal.SIGHUP)
    except (OSError, OverflowError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or "no such process"
        raise ReloadError(f"cannot be signalled: {reason.lower()}: {pid}") from None
    typer.echo("asked")
