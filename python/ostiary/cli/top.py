"""`ostiary top`: what a running gateway does right now, in a terminal: the page of the admin endpoint, there.

Asks /status, and draws what it says. Ends with Ctrl-C.
"""

from __future__ import annotations

import contextlib
import json
import time
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.live import Live

from ostiary.cli.endpoint import CaOption, Endpoint, EndpointError, TokenOption, UrlOption
from ostiary.cli.frame import frame
from ostiary.cli.output import out, print_json

_GOOD, _NEEDS_TOKEN = 200, 401
_PIPE_WIDTH = 120


def top(
    url: UrlOption = "http://127.0.0.1:9389",
    token_file: TokenOption = None,
    ca: CaOption = None,
    once: Annotated[bool, typer.Option("--once", help="Show it once, and end.")] = False,
    every: Annotated[float, typer.Option("--every", metavar="SECONDS", min=0.5, help="How often it is asked.")] = 2.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the document once, for machines.")] = False,
) -> None:
    """Show live what a running gateway does."""
    endpoint = Endpoint(url, token_file, ca)
    document = _document(endpoint)
    if as_json:
        print_json(document)
    elif once:
        console = out()
        # Nobody's terminal says how wide a pipe is.
        console = console if console.is_terminal else Console(width=_PIPE_WIDTH, markup=False, highlight=False)
        console.print(frame(document))
    else:
        with contextlib.suppress(KeyboardInterrupt):
            _live(endpoint, document, every)


def _live(endpoint: Endpoint, document: dict[str, Any], every: float) -> None:
    before: dict[str, Any] | None = None
    console = Console(markup=False, highlight=False, emoji=False)
    with Live(frame(document), console=console, screen=console.is_terminal, auto_refresh=False) as live:
        while True:
            live.update(frame(document, before, console.height), refresh=True)
            time.sleep(every)
            try:
                before, document = document, _document(endpoint)
            except EndpointError as error:
                # It may be back; what was last seen stays, with why it is old.
                document = document | {"attention": [{"level": "serious", "text": str(error)}]}


def _document(endpoint: Endpoint) -> dict[str, Any]:
    """What /status says. Raises: EndpointError."""
    status, body = endpoint.read("/status")
    if status == _NEEDS_TOKEN:
        raise EndpointError("the endpoint asks for its token, or another one; give it by --token-file")
    if status != _GOOD:
        raise EndpointError(f"the endpoint answered with status {status}; is it Ostiary's? {endpoint.url}")
    try:
        document: dict[str, Any] = json.loads(body)
    except ValueError:
        raise EndpointError(f"the endpoint answered with no status document; is it Ostiary's? {endpoint.url}") from None
    return document
