"""Puts the verbs together and turns expected failures into one line and an exit status."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

import ostiary
from ostiary.cli import check, demo, explain, health, reload, run, schema, top
from ostiary.cli.output import report_error, report_faults
from ostiary.errors import ConfigError, Misuse, OstiaryError

application = typer.Typer(
    name="ostiary",
    help="A gateway for LDAP: TLS on both sides of directories and applications that cannot change.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
application.command("run")(run.run)
application.command("reload")(reload.reload)
application.command("check")(check.check)
application.command("explain")(explain.explain)
application.command("top")(top.top)
application.command("health")(health.health)
application.command("demo")(demo.demo)
application.command("schema")(schema.schema)


def _version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"ostiary {ostiary.__version__}")
        raise typer.Exit


@application.callback()
def _global(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options before the verb."""


def main() -> None:
    """Runs the command line and exits."""
    try:
        application()
    except ConfigError as error:
        report_faults(error.faults)
        sys.exit(2)
    except Misuse:
        raise  # a bug: the traceback is what its report needs
    except OstiaryError as error:
        report_error(str(error))
        sys.exit(1)
