"""`ostiary check`: every fault of a file, or its meaning in words."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from ostiary.cli.options import OptionalConfigOption
from ostiary.cli.output import out, print_json, report_faults
from ostiary.config import Config, load
from ostiary.config.meaning import meaning
from ostiary.config.notices import notices
from ostiary.errors import ConfigError
from ostiary.log import plain


def check(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="The configuration, a TOML file.")] = None,
    config: OptionalConfigOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print for machines.")] = False,
) -> None:
    """Tell every fault of a configuration, or what it means."""
    is_named_twice = file is not None and _is_on_command_line(context, "config")
    if is_named_twice or (file is None and config is None):
        raise typer.BadParameter("name one file, as FILE or by --config FILE", param_hint="FILE")
    path = file or config
    assert path is not None
    try:
        settings = load(path)
    except ConfigError as error:
        if as_json:
            faults = [{"path": fault.path, "message": fault.message} for fault in error.faults]
            print_json({"valid": False, "faults": faults})
        else:
            report_faults(error.faults)
        raise typer.Exit(2) from None
    if as_json:
        print_json(
            {
                "valid": True,
                "notices": [{"path": notice.path, "message": notice.message} for notice in notices(settings)],
                "config": settings.model_dump(mode="json"),
            }
        )
    else:
        _in_words(settings)


def _is_on_command_line(context: typer.Context, parameter: str) -> bool:
    """Whether an option was given there, not by its environment variable."""
    source = context.get_parameter_source(parameter)
    return source is not None and source.name == "COMMANDLINE"


def _in_words(settings: Config) -> None:
    console = out()
    for title, sentences in meaning(settings):
        console.print(Text(title, "bold"))
        for sentence in sentences:
            console.print(Text(f"  {plain(sentence)}"))
    for notice in notices(settings):
        console.print(Text.assemble(("notice: ", "yellow"), (f"{notice.path}: ", "bold"), plain(notice.message)))
    console.print(Text("no faults", "green"))
