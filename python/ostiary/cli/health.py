"""`ostiary health`: whether a running gateway lives, or is ready, as an exit status for containers and scripts."""

from __future__ import annotations

from typing import Annotated

import typer

from ostiary.cli.endpoint import CaOption, Endpoint, EndpointError, UrlOption

_GOOD = 200


def health(
    url: UrlOption = "http://127.0.0.1:9389",
    ready: Annotated[
        bool, typer.Option("--ready", help="Ask whether clients can be served: it is not stopping, a server is there.")
    ] = False,
    ca: CaOption = None,
) -> None:
    """Tell whether a running gateway is well: exit status 0, or 1."""
    status, body = Endpoint(url, ca=ca).read("/readyz" if ready else "/healthz")
    told = body.decode("utf-8", "replace").strip()
    if status != _GOOD:
        raise EndpointError(told or f"the endpoint answered with status {status}")
    typer.echo(told)
