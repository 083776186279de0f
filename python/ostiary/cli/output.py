"""How verbs speak: results on stdout, faults on stderr, no traceback for what can be expected."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import typer
from rich.console import Console
from rich.text import Text

from ostiary.errors import Fault
from ostiary.log import plain


def out() -> Console:
    """The console for results; markup is off, as values come from files."""
    return Console(markup=False, highlight=False, emoji=False, soft_wrap=True)


def report_faults(faults: Iterable[Fault], source: str = "config") -> None:
    """Prints each fault on a line of its own, with its key path."""
    console = _err()
    listed = list(faults)
    for fault in listed:
        line = Text.assemble((f"{source}: ", "bold red"))
        if fault.path:
            line.append(f"{plain(fault.path)}: ", "bold")
        line.append(plain(fault.message))
        console.print(line)
    count = "1 fault" if len(listed) == 1 else f"{len(listed)} faults"
    console.print(Text(count, "red"))


def report_error(message: str) -> None:
    """Prints what ended the command."""
    _err().print(Text.assemble(("ostiary: ", "bold red"), plain(message)))


def print_json(value: Any) -> None:
    """Prints the value for machines."""
    typer.echo(json.dumps(value, indent=2))


def _err() -> Console:
    return Console(stderr=True, markup=False, highlight=False, emoji=False, soft_wrap=True)
