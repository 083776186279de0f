"""A week as the audit saw it, for the queries of docs/audit.md: made by hand, as the core would have written it.

The same things happen in the real run, where they can.
"""

from __future__ import annotations

import json

from .records import record

GROUP = "cn=payroll,ou=groups,dc=example,dc=org"
PEOPLE = "ou=people,dc=example,dc=org"
DESK = f"ou=helpdesk,{PEOPLE}"
HAL = f"uid=hal,{DESK}"
ALICE = f"uid=alice,{PEOPLE}"
WIKI = "cn=wiki,ou=services,dc=example,dc=org"


def write(operation: str, identity: str | None, **fields: object) -> str:
    """A record that is no search's."""
    made = json.loads(record(1)) | {"operation": operation, "identity": identity} | fields
    for key in ("scope", "filter", "attributes", "entries"):
        if key not in fields:
            del made[key]
    return json.dumps({key: value for key, value in made.items() if value is not None})


def bind(client: str | None, name: str, result: str, **fields: object) -> str:
    """A simple bind."""
    told = {"mechanism": "simple", "base": None, "tls_version": "1.3"} | fields
    return write(
        "bind", name if result == "success" else None, identity_asked=name, client=client, result=result, **told
    )


WEEK = [
    '{"time":"2026-03-02T08:00:00.000Z","event":"connection_opened","connection":1,"client":"10.20.3.4","port":1}',
    # Who read the payroll group: by its name, however it is spelt,
    record(1, base=GROUP, scope="base", identity=HAL, filter="(objectClass=*)"),
    record(2, base="CN=Payroll, OU=groups , DC=example,DC = org", scope="sub", identity=HAL, filter="(objectClass=*)"),
    # by a search from above, perhaps,
    record(3, base="ou=groups,dc=example,dc=org", scope="one", filter="(member=?)"),
    record(4, base="dc=example,dc=org", scope="sub", filter="(cn=?)", client=None),
    record(5, base="", scope="sub", identity=None, filter="(objectClass=*)"),
    write("compare", ALICE, base=GROUP, filter="(member=?)", attributes=["member"], result="compareFalse"),
    # and not: nothing found, beside it, below it, out of reach, refused, before and after that week.
    record(6, base=GROUP, scope="base", entries=0, result="insufficientAccessRights", plugin="allow_list",
           rule="default", verdict="refused", mode="enforce"),
    record(7, base=f"cn=x,{GROUP}", scope="base"),
    record(8, base=GROUP, scope="one"),
    record(9, base="dc=example,dc=org", scope="one"),
    record(10, base="ou=groups,dc=example,dc=org", scope="base"),
    record(11, base="s,dc=example,dc=org", scope="sub"),
    record(12, base=GROUP, scope="base", time="2026-03-01T23:59:59.999Z"),
    record(13, base=GROUP, scope="base", time="2026-03-09T00:00:00.000Z"),
    record(14, attributes=["cn", "memberOf"], entries=2),
    record(15, filter="(memberOf=?)", attributes=[], entries=1, identity=None),
    # Logins.
    bind("192.0.2.7", ALICE, "invalidCredentials", time="2026-03-03T10:00:00.000Z"),
    bind("192.0.2.7", HAL, "invalidCredentials", time="2026-03-03T10:00:01.000Z"),
    bind("192.0.2.7", ALICE.upper(), "invalidCredentials", time="2026-03-03T10:00:02.000Z"),
    bind("192.0.2.8", ALICE, "invalidCredentials", time="2026-03-03T10:00:03.000Z"),
    bind(None, ALICE, "invalidCredentials", time="2026-03-03T10:00:04.000Z"),
    bind("192.0.2.9", ALICE, "success", tls_version=None),
    bind("192.0.2.9", ALICE, "success", tls_version=None),
    bind("192.0.2.9", ALICE, "success"),
    # What the help desk did, and others.
    write("modify", HAL, base=ALICE, attributes=["mail"], changes=["replace:mail"]),
    write("modify", f"UID=Hal, {DESK.upper()}", base=ALICE, attributes=["userPassword"],
          changes=["replace:userPassword"]),
    write("add", HAL, base=f"uid=new,{PEOPLE}", attributes=["objectClass", "uid"]),
    write("delete", HAL, base=f"uid=old,{PEOPLE}", result="insufficientAccessRights", plugin="allow_list",
          rule="desk", verdict="refused", mode="enforce"),
    # What the gateway let pass and the server refused, what it closed for, and what a rule on trial would have refused.
    write("modify_dn", HAL, base=ALICE, new_dn="uid=al", plugin="allow_list", rule="desk-writes", verdict="allowed",
          mode="enforce"),
    write("delete", HAL, base="uid=gone", result="noSuchObject", plugin="allow_list", rule="desk-writes",
          verdict="allowed", mode="enforce"),
    write("compare", WIKI, base="uid=gone", attributes=["sn"], result=None, plugin="rate_limit", rule="flood",
          verdict="closed", mode="enforce"),
    write("compare", WIKI, base="uid=gone", attributes=["sn"], plugin="trial", rule="default", verdict="refused",
          mode="monitor"),
    write("extended", HAL, base=ALICE, extended="1.3.6.1.4.1.4203.1.11.1 password_modify"),
    write("extended", HAL, base=None, extended="1.3.6.1.4.1.4203.1.11.3 who_am_i"),
    write("modify", ALICE, base=ALICE, attributes=["mail"], changes=["replace:mail"]),
    write("unbind", HAL, base=None, result=None),
]  # fmt: skip
"""What happened, in no order that matters."""
