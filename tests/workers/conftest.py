"""One slapd that logs every request, and gateways of several workers before it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from ..policy import content
from ..policy.fixtures import openldap, server_log
from ..real import gateway as gateways
from ..real.fixtures import authority, gateway, server_identity
from ..real.gateway import GatewayFactory
from ..real.servers.directory import Directory
from .crew import Crew, CrewFactory

__all__ = ["authority", "gateway", "openldap", "server_identity", "server_log"]


@pytest.fixture
def crew(gateway: GatewayFactory, openldap: Directory) -> Iterator[CrewFactory]:
    """``crew(plugins=..., limits=...)`` runs a gateway of two workers until the test ends."""
    with contextlib.ExitStack() as stack:

        def start(listeners: object = None, **keywords: object) -> Crew:
            upstreams = [gateways.upstream(openldap.plain)]
            asked = listeners or [gateways.listener("plain")]
            running = gateway(asked, upstreams, **{"workers": 2, **keywords})
            running.secrets += [content.ALICE_PASSWORD]
            made = Crew(running)
            stack.callback(made.close)
            return made

        yield start
