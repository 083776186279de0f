"""Add, modify, modify DN and delete on the demo directory, and the result codes of what cannot be done."""

from __future__ import annotations

from typing import Any

import pytest

from ostiary.demo.result import ResultCode

from .library import code, ldap3, names

BASE = "dc=example,dc=org"
PEOPLE = f"ou=people,{BASE}"
ALICE = f"uid=alice,{PEOPLE}"
PERSON = {"objectClass": ["inetOrgPerson"], "cn": "New Person", "sn": "Person"}
NEW = f"uid=new,{PEOPLE}"
FORMER = f"ou=former,{PEOPLE}"


def values(connection: Any, dn: str, attribute: str) -> list[bytes]:
    connection.search(dn, "(objectClass=*)", ldap3.BASE, attributes=[attribute])
    return list(connection.response[0]["raw_attributes"].get(attribute, []))


def test_add_completes_the_entry(administrator: Any) -> None:
    assert administrator.add("uid=New,ou=people,DC=example,dc=org", attributes=PERSON)
    assert values(administrator, NEW, "uid") == [b"New"]
    assert values(administrator, NEW, "creatorsName") == [b"cn=admin,dc=example,dc=org"]
    assert len(values(administrator, NEW, "entryUUID")) == 1


@pytest.mark.parametrize(
    ("dn", "attributes", "expected"),
    [
        (ALICE, PERSON, ResultCode.ENTRY_ALREADY_EXISTS),
        (f"uid=x,ou=nowhere,{BASE}", PERSON, ResultCode.NO_SUCH_OBJECT),
        ("dc=elsewhere", PERSON, ResultCode.NO_SUCH_OBJECT),
        ("nonsense", PERSON, ResultCode.INVALID_DN_SYNTAX),
        (NEW, {"objectClass": "person", "cn": "x"}, ResultCode.OBJECT_CLASS_VIOLATION),
        (NEW, {"objectClass": "top", "cn": "x"}, ResultCode.OBJECT_CLASS_VIOLATION),
        (NEW, {"objectClass": "unheardOf"}, ResultCode.INVALID_ATTRIBUTE_SYNTAX),
        (NEW, PERSON | {"unheardOf": "x"}, ResultCode.UNDEFINED_ATTRIBUTE_TYPE),
        (NEW, PERSON | {"manager": "x"}, ResultCode.INVALID_ATTRIBUTE_SYNTAX),
        (NEW, PERSON | {"uidNumber": ["1", "2"]}, ResultCode.CONSTRAINT_VIOLATION),
        (NEW, PERSON | {"mail": ["a@b", "A@B"]}, ResultCode.ATTRIBUTE_OR_VALUE_EXISTS),
        (NEW, PERSON | {"creatorsName": ALICE}, ResultCode.CONSTRAINT_VIOLATION),
        (f"unheardOf=x,{PEOPLE}", PERSON, ResultCode.NAMING_VIOLATION),
    ],
)
def test_add_refuses_what_does_not_fit(
    administrator: Any, dn: str, attributes: dict[str, object], expected: int
) -> None:
    administrator.add(dn, attributes=attributes)
    assert code(administrator) == expected


@pytest.mark.parametrize(
    ("attribute", "change", "result"),
    [
        ("mail", (ldap3.MODIFY_ADD, ["third@example.org"]), [b"alice", b"archer", b"third"]),
        ("mail", (ldap3.MODIFY_DELETE, ["ALICE@example.org"]), [b"archer"]),
        ("mail", (ldap3.MODIFY_DELETE, []), []),
        ("mail", (ldap3.MODIFY_REPLACE, ["only@example.org"]), [b"only"]),
        ("mail", (ldap3.MODIFY_REPLACE, []), []),
        ("initials", (ldap3.MODIFY_REPLACE, []), []),
        ("uidNumber", (ldap3.MODIFY_INCREMENT, ["-5"]), [b"9995"]),
    ],
)
def test_modify_does_what_it_says(
    administrator: Any, attribute: str, change: tuple[str, list[str]], result: list[bytes]
) -> None:
    assert administrator.modify(ALICE, {attribute: [change]})
    assert [value.partition(b"@")[0] for value in values(administrator, ALICE, attribute)] == result


@pytest.mark.parametrize(
    ("attribute", "change", "expected"),
    [
        ("mail", (ldap3.MODIFY_ADD, ["Alice@example.org"]), ResultCode.ATTRIBUTE_OR_VALUE_EXISTS),
        ("mail", (ldap3.MODIFY_ADD, []), ResultCode.PROTOCOL_ERROR),
        ("mail", (ldap3.MODIFY_DELETE, ["nobody@example.org"]), ResultCode.NO_SUCH_ATTRIBUTE),
        ("initials", (ldap3.MODIFY_DELETE, []), ResultCode.NO_SUCH_ATTRIBUTE),
        ("initials", (ldap3.MODIFY_INCREMENT, ["1"]), ResultCode.CONSTRAINT_VIOLATION),
        ("sn", (ldap3.MODIFY_DELETE, []), ResultCode.OBJECT_CLASS_VIOLATION),
        ("objectClass", (ldap3.MODIFY_DELETE, []), ResultCode.OBJECT_CLASS_VIOLATION),
        ("uid", (ldap3.MODIFY_REPLACE, ["other"]), ResultCode.NOT_ALLOWED_ON_RDN),
        ("uidNumber", (ldap3.MODIFY_REPLACE, ["many"]), ResultCode.INVALID_ATTRIBUTE_SYNTAX),
        ("uidNumber", (ldap3.MODIFY_INCREMENT, ["many"]), ResultCode.INVALID_ATTRIBUTE_SYNTAX),
        ("entryUUID", (ldap3.MODIFY_REPLACE, ["x"]), ResultCode.CONSTRAINT_VIOLATION),
    ],
)
def test_modify_refuses_what_does_not_fit_and_changes_nothing(
    administrator: Any, attribute: str, change: tuple[str, list[str]], expected: int
) -> None:
    administrator.modify(ALICE, {"title": [(ldap3.MODIFY_REPLACE, ["changed"])], attribute: [change]})
    assert code(administrator) == expected
    assert values(administrator, ALICE, "title") == [b"Systems Engineer"]


def test_rename_keeps_or_drops_the_old_name(administrator: Any) -> None:
    assert administrator.modify_dn(ALICE, "uid=Alicia", delete_old_dn=False)
    assert values(administrator, f"uid=alicia,{PEOPLE}", "uid") == [b"alice", b"Alicia"]
    assert administrator.modify_dn(f"uid=alicia,{PEOPLE}", "uid=al", delete_old_dn=True)
    assert values(administrator, f"uid=al,{PEOPLE}", "uid") == [b"alice", b"al"]


def test_move_takes_everything_below_along(administrator: Any) -> None:
    assert administrator.modify_dn(PEOPLE, "ou=staff", new_superior=f"ou=services,{BASE}")
    administrator.search(BASE, "(uid=alice)")
    assert names(administrator) == [f"uid=alice,ou=staff,ou=services,{BASE}"]
    administrator.search(f"ou=former,ou=staff,ou=services,{BASE}", "(sn=smith)", attributes=["entryDN"])
    smith = f"cn=Smith\\, John+employeeNumber=7,ou=former,ou=staff,ou=services,{BASE}"
    assert names(administrator) == [smith]
    assert administrator.delete(smith)


@pytest.mark.parametrize(
    ("dn", "rdn", "superior", "expected"),
    [
        (ALICE, "uid=bob", None, ResultCode.ENTRY_ALREADY_EXISTS),
        (ALICE, "uid=x", f"ou=nowhere,{BASE}", ResultCode.NO_SUCH_OBJECT),
        (f"uid=nobody,{PEOPLE}", "uid=x", None, ResultCode.NO_SUCH_OBJECT),
        (ALICE, "uid=x,ou=y", None, ResultCode.INVALID_DN_SYNTAX),
        (PEOPLE, "ou=people", FORMER, ResultCode.UNWILLING_TO_PERFORM),
        (BASE, "dc=other", None, ResultCode.UNWILLING_TO_PERFORM),
        (ALICE, "unheardOf=x", None, ResultCode.UNDEFINED_ATTRIBUTE_TYPE),
    ],
)
def test_modify_dn_refuses_what_does_not_fit(
    administrator: Any, dn: str, rdn: str, superior: str | None, expected: int
) -> None:
    administrator.modify_dn(dn, rdn, new_superior=superior)
    assert code(administrator) == expected


def test_delete_takes_leaves_only(administrator: Any) -> None:
    administrator.delete(PEOPLE)
    assert code(administrator) == ResultCode.NOT_ALLOWED_ON_NON_LEAF
    assert administrator.delete(ALICE)
    administrator.delete(ALICE)
    assert code(administrator) == ResultCode.NO_SUCH_OBJECT
    assert administrator.result["dn"] == PEOPLE


def test_only_administrators_write(anybody: Any) -> None:
    for user in (None, ALICE):
        if user is not None:
            assert anybody.rebind(user, "sesame", read_server_info=False)
        anybody.add(NEW, attributes=PERSON)
        assert code(anybody) == ResultCode.INSUFFICIENT_ACCESS_RIGHTS
        anybody.modify(ALICE, {"title": [(ldap3.MODIFY_REPLACE, ["x"])]})
        assert code(anybody) == ResultCode.INSUFFICIENT_ACCESS_RIGHTS
        anybody.modify_dn(ALICE, "uid=x")
        assert code(anybody) == ResultCode.INSUFFICIENT_ACCESS_RIGHTS
        anybody.delete(ALICE)
        assert code(anybody) == ResultCode.INSUFFICIENT_ACCESS_RIGHTS
