"""Whatever a client asks by, hidden attributes and entries are cut out of what slapd answers."""

from __future__ import annotations

import pytest

from ..real import wire
from ..real.gateway import Gateway
from ..real.raw_client import RawClient
from .attempts import ID, LOGIN, NUMBER_OID, people, search, suffix
from .content import APP, SECRET
from .rules import log_in
from .spelling import SUB, paged, sort_by

CUT: dict[str, bytes] = {
    "plain": search(ask=[b"employeeNumber", b"cn"]),
    "in capitals": search(ask=[b"EMPLOYEENUMBER", b"cn"]),
    "by number": search(ask=[NUMBER_OID, b"cn"]),
    "with an option": search(ask=[b"employeeNumber;lang-en", b"cn"]),
    "everything": search(ask=[]),
    "star": search(ask=[b"*", b"+"]),
    "object class": search(ask=[b"@inetOrgPerson"]),
    "supertype": search(ask=[b"name"]),
    "supertype by number": search(ask=[b"2.5.4.41"]),
    "all that is below": search(suffix, filter=wire.present(b"objectClass"), ask=[]),
    "password by number": search(ask=[b"2.5.4.35", b"cn"]),
    "types alone": wire.search(ID, people, scope=SUB, filter=LOGIN, types_only=True),
    "types alone by number": wire.search(
        ID, people, scope=SUB, filter=LOGIN, types_only=True, attributes=[NUMBER_OID, b"2.5.4.4", b"cn"]
    ),
    "sorted": search(ask=[], with_=sort_by(b"cn", rule=b"2.5.13.3")),
    "paged": search(ask=[], with_=paged(100)),
    "dynamic copy": search(ask=[b"sn;x-hidden", b"2.5.4.4;x", b"OID.2.5.4.4", b"surname", b"cn"]),
}
HIDDEN_TYPES = {b"employeenumber", b"userpassword", b"sn", b"surname", NUMBER_OID, b"2.5.4.35", b"2.5.4.4"}


@pytest.mark.parametrize("name", CUT)
def test_hidden_attributes_and_entries_are_cut_out_however_asked_for(name: str, ruled: Gateway) -> None:
    with RawClient(ruled.addresses["redacted"]) as client:
        log_in(client, APP)
        *entries, done = client.send(CUT[name]).receive_final()
    assert done.code == wire.SUCCESS, done.text
    assert entries
    for entry in entries:
        shown = {each.split(b";")[0].lower() for each in entry.attributes}
        assert not shown & HIDDEN_TYPES
        assert SECRET.encode() not in entry.raw or entry.dn.lower().startswith(b"cn=master keys")
        assert b"ou=vault" not in entry.dn.lower()
