"""The directory of the policy's tests, for whoever needs one with people in it; imported by conftests, as theirs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ..real.authority import Authority
from ..real.servers import slapd
from ..real.servers.directory import Directory
from . import content
from .server_log import LEVEL, ServerLog


@pytest.fixture(scope="session")
def openldap(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Directory]:
    """A slapd that logs every request."""
    if slapd.is_absent():
        pytest.skip(slapd.MISSING)
    directory = slapd.start(tmp_path_factory.mktemp("slapd"), authority, content=content.ldif(), log_level=LEVEL)
    yield directory
    directory.process.stop()


@pytest.fixture
def server_log(openldap: Directory) -> ServerLog:
    """What slapd saw since the test began."""
    return ServerLog(openldap)
