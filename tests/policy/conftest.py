"""One slapd that logs every request, and gateways with rules before it."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ..real import gateway as gateways
from ..real.authority import LOCAL_NAMES, Authority, Identity
from ..real.gateway import Gateway
from ..real.servers import directory389, slapd
from ..real.servers.directory import Directory
from . import content, rules
from .server_log import LEVEL, ServerLog

GatewayFactory = Callable[..., Gateway]

# 389-ds has its access rules in the entries.
ACCESS_389 = (
    f'aci: (target = "ldap:///{content.PEOPLE}")(targetattr = "userPassword")(version 3.0; acl "desk";'
    f' allow (write) userdn = "ldap:///{content.DESK}";)\n'
)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("policy-authority"))


@pytest.fixture(scope="session")
def server_identity(authority: Authority) -> Identity:
    return authority.issue("gateway", *LOCAL_NAMES)


@pytest.fixture(scope="session")
def openldap(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Directory]:
    if slapd.is_absent():
        pytest.skip(slapd.MISSING)
    home = tmp_path_factory.mktemp("policy-slapd")
    directory = slapd.start(home, authority, content=content.ldif(), log_level=LEVEL)
    yield directory
    directory.process.stop()


@pytest.fixture(scope="session")
def ds389(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Directory]:
    reason = directory389.missing()
    if reason is not None:
        pytest.skip(reason)
    home = tmp_path_factory.mktemp("policy-ds389")
    directory = directory389.start(home, authority, content=content.ldif(ACCESS_389))
    yield directory
    directory.process.stop()


@pytest.fixture
def server_log(openldap: Directory) -> ServerLog:
    """What slapd saw since the test began."""
    return ServerLog(openldap)


def _factory(home: Path) -> Iterator[GatewayFactory]:
    # A stack, so that one gateway that ends badly does not leave the others running.
    with contextlib.ExitStack() as stack:
        homes = (home / f"gateway{number}" for number in itertools.count())

        def start(*arguments: object, **keywords: object) -> Gateway:
            running = gateways.run(next(homes), *arguments, **keywords)  # type: ignore[arg-type]
            stack.callback(running.stop)
            return running

        yield start


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[GatewayFactory]:
    """``gateway(listeners, upstreams, plugins=...)`` runs one until the test ends."""
    yield from _factory(tmp_path)


@pytest.fixture(scope="module")
def module_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayFactory]:
    """The same, until the module ends."""
    yield from _factory(tmp_path_factory.mktemp("gateways"))


@pytest.fixture(scope="session")
def ruled(tmp_path_factory: pytest.TempPathFactory, openldap: Directory) -> Iterator[Gateway]:
    """A gateway with a listener for each set of rules."""
    listeners = [gateways.listener(name) for name in rules.LISTENERS]
    running = gateways.run(
        tmp_path_factory.mktemp("ruled"), listeners, [gateways.upstream(openldap.plain)], plugins=rules.RULES
    )
    running.secrets += [content.ALICE_PASSWORD, content.SECRET]
    yield running
    running.stop()
