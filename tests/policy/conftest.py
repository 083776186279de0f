"""One slapd that logs every request, and gateways with rules before it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ..real import gateway as gateways
from ..real.authority import Authority
from ..real.fixtures import authority, gateway, server_identity
from ..real.gateway import Gateway, GatewayFactory
from ..real.servers import directory389
from ..real.servers.directory import Directory
from . import content, rules
from .fixtures import openldap, server_log

__all__ = ["authority", "gateway", "openldap", "server_identity", "server_log"]

# 389-ds has its access rules in the entries.
ACCESS_389 = (
    f'aci: (target = "ldap:///{content.PEOPLE}")(targetattr = "userPassword")(version 3.0; acl "desk";'
    f' allow (write) userdn = "ldap:///{content.DESK}";)\n'
)


@pytest.fixture(scope="session")
def ds389(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Directory]:
    reason = directory389.missing()
    if reason is not None:
        pytest.skip(reason)
    home = tmp_path_factory.mktemp("policy-ds389")
    directory = directory389.start(home, authority, content=content.ldif(ACCESS_389))
    yield directory
    directory.process.stop()


@pytest.fixture(scope="module")
def module_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayFactory]:
    """The same as ``gateway``, until the module ends."""
    with gateways.below(tmp_path_factory.mktemp("gateways")) as start:
        yield start


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
