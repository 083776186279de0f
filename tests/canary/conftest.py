"""The directories behind the canary's gateways: a real one, and one that tells secrets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ..audit.fixtures import collector, files, throwaway
from ..policy import content
from ..real import wire
from ..real.authority import LOCAL_NAMES, Authority
from ..real.fake_directory import FakeDirectory, UpstreamConnection, answering
from ..real.servers import slapd
from .canaries import Canary
from .stage import Ground

__all__ = ["collector", "files", "throwaway"]

RIGHT = Canary("the right password")
"""What the account below is bound with."""
ACCOUNT = f"uid=canary,{content.SERVICES}"
ENTRY = f"""
dn: {ACCOUNT}
objectClass: inetOrgPerson
uid: canary
cn: canary
sn: canary
userPassword:: {{}}
"""
TOLD = {name: Canary(f"what a server tells: {name}") for name in (
    "diagnostic message", "matched DN", "value", "generated password", "credentials of a bind", "malformed response",
    "no LDAP", "answer to nobody", "notification", "referral", "intermediate response",
)}  # fmt: skip


def tell(connection: UpstreamConnection, request: wire.Message) -> None:
    """Answers with the secret that the request's name asks for."""
    if request.tag == wire.BIND_REQUEST:
        secret = TOLD["credentials of a bind"].secret
        connection.send(wire.result(request.message_id, wire.BIND_RESPONSE, 49, secret, wire.octets(secret, 0x87)))
        return
    if request.tag == wire.EXTENDED_REQUEST:
        secret = wire.sequence(wire.octets(TOLD["generated password"].secret, 0x80))
        connection.send(wire.result(request.message_id, wire.EXTENDED_RESPONSE, 0, b"", wire.octets(secret, 0x8B)))
        return
    number = request.message_id
    if request.tag in (wire.UNBIND_REQUEST, wire.ABANDON_REQUEST):
        return
    if request.tag != wire.SEARCH_REQUEST:
        answer = wire.DELETE_RESPONSE if request.tag == wire.DELETE_REQUEST else request.tag + 1
        connection.send(wire.result(number, answer, 80, TOLD["diagnostic message"].secret))
        return
    name = request.parts[0][1].decode(errors="replace").removeprefix("cn=")
    name = name if name in TOLD and name not in ("generated password", "credentials of a bind") else "value"
    secret = TOLD[name].secret
    done = wire.done(number)
    connection.send({
        "diagnostic message": wire.done(number, 80, secret),
        "matched DN": wire.message(number, wire.tlv(wire.SEARCH_DONE, wire.enumerated(32),
                                                    wire.octets(b"userPassword=" + secret), wire.octets(b""))),
        "value": wire.entry(number, b"cn=x", (b"userPassword", secret), (b"employeeNumber", secret)) + done,
        "malformed response": wire.message(number, wire.tlv(wire.SEARCH_DONE, wire.octets(secret), secret)),
        "no LDAP": secret,
        "answer to nobody": wire.done(4711, 0, secret),
        "notification": wire.notice(52, secret),
        "referral": wire.result(number, wire.SEARCH_DONE, 10, secret, wire.tlv(0xA3, wire.octets(b"ldap://" + secret))),
        "intermediate response": wire.intermediate(number, b"1.2.3", secret) + done,
    }[name])  # fmt: skip


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    if slapd.is_absent():
        pytest.skip(slapd.MISSING)
    home = tmp_path_factory.mktemp("canary-ground")
    authority = Authority(home)
    from base64 import b64encode

    entries = content.ldif() + ENTRY.format(b64encode(RIGHT.secret).decode())
    directory = slapd.start(home / "slapd", authority, content=entries)
    with FakeDirectory(answering(tell)) as fake:
        yield Ground(directory, fake, authority, authority.issue("gateway", *LOCAL_NAMES))
    directory.process.stop()
