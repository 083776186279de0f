"""One slapd that logs every request, and gateways before it whose configuration changes."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..policy.fixtures import openldap, server_log
from ..real import gateway as gateways
from ..real.fixtures import authority
from ..real.servers.directory import Directory
from .site import Site, SiteFactory

__all__ = ["authority", "openldap", "server_log"]


@pytest.fixture
def site(tmp_path: Path, openldap: Directory) -> Iterator[SiteFactory]:
    """``site(...)`` runs a gateway until the test ends."""
    with contextlib.ExitStack() as stack:
        homes = (tmp_path / f"site{number}" for number in itertools.count())

        def start(**keywords: object) -> Site:
            keywords.setdefault("listeners", [gateways.listener("plain")])
            made = Site(next(homes), [gateways.upstream(openldap.plain)], **keywords)  # type: ignore[arg-type]
            stack.callback(made.stop)
            made.start()
            return made

        yield start
