"""One slapd that logs every request, and gateways before it whose configuration changes."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..policy import content
from ..policy.server_log import LEVEL, ServerLog
from ..real import gateway as gateways
from ..real.authority import LOCAL_NAMES, Authority, Identity
from ..real.servers import slapd
from ..real.servers.directory import Directory
from .site import Site, SiteFactory


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("reload-authority"))


@pytest.fixture(scope="session")
def server_identity(authority: Authority) -> Identity:
    return authority.issue("gateway", *LOCAL_NAMES)


@pytest.fixture(scope="session")
def openldap(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Directory]:
    if slapd.is_absent():
        pytest.skip(slapd.MISSING)
    home = tmp_path_factory.mktemp("reload-slapd")
    directory = slapd.start(home, authority, content=content.ldif(), log_level=LEVEL)
    yield directory
    directory.process.stop()


@pytest.fixture
def server_log(openldap: Directory) -> ServerLog:
    """What slapd saw since the test began."""
    return ServerLog(openldap)


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
