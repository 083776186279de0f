"""Puts the verbs together and turns expected failures into one line and an exit status."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Annotated

import typer

import ostiary
from ostiary.cli.output import report_error, report_faults
from ostiary.errors import ConfigError, Misuse, OstiaryError

VERBS = ("run", "reload", "check", "explain", "top", "health", "demo", "schema")


def application(words: list[str]) -> typer.Typer:
    """The command line that these words are for. Only the verb that they ask for is loaded, if they begin with one:
    containers ask `health` all the time, and it is to cost them next to nothing.
    """
    app = typer.Typer(
        name="ostiary",
        help="A gateway for LDAP: TLS on both sides of directories and applications that cannot change.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_global)
    for verb in [verb for verb in VERBS if [verb] == words[:1]] or VERBS:
        app.command(verb)(getattr(import_module(f"ostiary.cli.{verb}"), verb))
    return app


def _version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"ostiary {ostiary.__version__}")
        raise typer.Exit


def _global(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options before the verb."""


def main() -> None:
    """Runs the command line and exits."""
    try:
        application(sys.argv[1:])()
    except ConfigError as error:
        report_faults(error.faults)
        sys.exit(2)
    except Misuse:
        raise  # a bug: the traceback is what its report needs
    except OstiaryError as error:
        report_error(str(error))
        sys.exit(1)
