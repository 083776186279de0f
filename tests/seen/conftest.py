"""One slapd, and gateways before it that are scraped, asked and recorded."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from ..audit.fixtures import collector, files, throwaway
from ..policy import content
from ..policy.fixtures import openldap
from ..real import gateway as gateways
from ..real.fixtures import authority, gateway, server_identity
from ..real.gateway import GatewayFactory, Table, Value
from ..real.raw_client import free_address
from .figures import Endpoint
from .stage import Seen, SeenFactory, tables

__all__ = ["authority", "collector", "files", "gateway", "openldap", "server_identity", "throwaway"]


@pytest.fixture
def seen(tmp_path: Path, gateway: GatewayFactory, request: pytest.FixtureRequest) -> Iterator[SeenFactory]:
    """``seen(audit=..., plugins=..., workers=...)`` runs a gateway with the admin endpoint until the test ends.

    ``audit`` has keys of the table; what it does not say goes to a file; None is no audit.
    """
    with contextlib.ExitStack() as stack:
        homes = (tmp_path / f"gateway{number}" for number in itertools.count())

        def start(
            listeners: list[Table] | None = None,
            upstreams: list[Table] | None = None,
            *,
            audit: Mapping[str, Value] | None = None,
            admin: Mapping[str, Value] | None = None,
            plugins: str = "",
            **keywords: object,
        ) -> Seen:
            home = next(homes)
            if upstreams is None:
                upstreams = [gateways.upstream(request.getfixturevalue("openldap").plain)]
            address = free_address()
            if audit is not None:
                audit = {"output": str(home / "audit.log"), **audit}
            running = gateway(
                listeners or [gateways.listener("plain")],
                upstreams,
                plugins=plugins + tables(address, audit, **(admin or {})),
                home=home,
                **{"log_level": "info", **keywords},
            )
            running.secrets += [content.ALICE_PASSWORD]
            running.process.await_listening(address)
            made = Seen(running, Endpoint(address), home)
            stack.callback(made.close)
            return made

        yield start
