"""`ostiary demo`: the gateway before an embedded directory, with real traffic to watch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ostiary import log
from ostiary.cli.options import LogLevel, LogLevelOption


def demo(
    once: Annotated[bool, typer.Option("--once", help="End after the tour.")] = False,
    upstream: Annotated[
        str | None,
        typer.Option("--upstream", metavar="URL", help="A real directory instead of the embedded one."),
    ] = None,
    bind_dn: Annotated[
        str | None, typer.Option("--bind-dn", metavar="DN", help="Who binds at the real directory.")
    ] = None,
    password_file: Annotated[
        Path | None, typer.Option("--password-file", metavar="FILE", help="The file with that DN's password.")
    ] = None,
    ca: Annotated[
        Path | None, typer.Option("--ca", metavar="FILE", help="The authority of the real directory's certificate.")
    ] = None,
    log_level: LogLevelOption = LogLevel.WARNING,
) -> None:
    """Show the gateway at work on this machine, with nothing else needed."""
    if (bind_dn is None) != (password_file is None):
        raise typer.BadParameter("--bind-dn and --password-file belong together")
    if bind_dn is not None and upstream is None:
        raise typer.BadParameter("--bind-dn is for a real directory; add --upstream")
    log.configure(log_level.value)
    # Late: other verbs need none of the demo.
    from ostiary.demo.main import run_demo

    raise typer.Exit(run_demo(once=once, upstream=upstream, bind_dn=bind_dn, password_file=password_file, ca=ca))
