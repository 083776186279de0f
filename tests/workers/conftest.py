"""One slapd that logs every request, and gateways of several workers before it."""

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
from .crew import Crew, CrewFactory


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("workers-authority"))


@pytest.fixture(scope="session")
def server_identity(authority: Authority) -> Identity:
    return authority.issue("gateway", *LOCAL_NAMES)


@pytest.fixture(scope="session")
def openldap(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Directory]:
    if slapd.is_absent():
        pytest.skip(slapd.MISSING)
    home = tmp_path_factory.mktemp("workers-slapd")
    directory = slapd.start(home, authority, content=content.ldif(), log_level=LEVEL)
    yield directory
    directory.process.stop()


@pytest.fixture
def server_log(openldap: Directory) -> ServerLog:
    """What slapd saw since the test began."""
    return ServerLog(openldap)


@pytest.fixture
def crew(tmp_path: Path, openldap: Directory) -> Iterator[CrewFactory]:
    """``crew(plugins=..., limits=...)`` runs a gateway of two workers until the test ends."""
    with contextlib.ExitStack() as stack:
        homes = (tmp_path / f"gateway{number}" for number in itertools.count())

        def start(listeners: object = None, **keywords: object) -> Crew:
            upstreams = [gateways.upstream(openldap.plain)]
            asked = listeners or [gateways.listener("plain")]
            running = gateways.run(next(homes), asked, upstreams, **{"workers": 2, **keywords})  # type: ignore[arg-type]
            running.secrets += [content.ALICE_PASSWORD]
            stack.callback(running.stop)
            made = Crew(running)
            stack.callback(made.close)
            return made

        yield start
