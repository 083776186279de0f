"""What hooks see: clients, requests and verdicts, normalised, frozen, and silent about secrets."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest

from ostiary._core import AttributeDescription, Control, Dn, Filter
from ostiary.plugins import (
    ANONYMOUS,
    PASS,
    Account,
    Client,
    PasswordModify,
    Request,
    Result,
    Unnamed,
    Unreadable,
    Upn,
    Verdict,
    close,
    identity_of,
    refuse,
    replace,
)
from ostiary.plugins.building import (
    add,
    bind,
    compare,
    delete,
    extended,
    modify,
    modify_dn,
    password_modify,
    sasl_bind,
    search,
)

ALICE = "uid=alice,ou=people,dc=example,dc=org"
SECRET = "hunter2"


@pytest.mark.parametrize(
    ("name", "identity"),
    [
        ("", ANONYMOUS),
        ("UID = Alice, OU=people,dc=Example,dc=org", Dn(ALICE)),
        ("alice@corp.example", Upn("alice", "corp.example")),
        ("Alice@CORP.example", Upn("alice", "corp.example")),
        ("a@b@corp.example", Upn("a@b", "corp.example")),
        ("CORP\\Alice", Account("corp", "alice")),
        ("alice", Unreadable()),
        ("\\alice", Unreadable()),
        ("@corp", Unreadable()),
        ("a\u200b@corp", Unreadable()),
        ("cn=a\u200b,dc=x", Unreadable()),
        ("<GUID=3f>", Unreadable()),
    ],
)
def test_names_are_identities(name: str, identity: object) -> None:
    assert identity_of(name) == identity
    assert Client(1, None, "ldapi", name=name).identity == identity


def test_names_that_only_the_server_knows_are_unnamed() -> None:
    assert Client(1, None, "ldapi", name="sasl:GSSAPI").identity == Unnamed("GSSAPI")
    assert Client(1, None, "ldapi", name="sicily").identity == Unnamed("sicily")


def test_client_has_an_address_or_none() -> None:
    assert Client(1, "::ffff:192.0.2.1", "ldaps").address == ipaddress.ip_address("192.0.2.1")
    assert Client(1, "2001:db8::1", "ldaps").address == ipaddress.ip_address("2001:db8::1")
    assert Client(1, None, "ldapi").address is None
    with pytest.raises(ValueError, match="192"):
        Client(1, "192.0.2.256", "ldaps")


def test_client_may_be_somebody_else_later() -> None:
    client = Client(7, "192.0.2.1", "starttls")
    later = client.now(name=ALICE, tls=True, certificate=b"der")
    assert (later.number, later.identity, later.tls, later.certificate) == (7, Dn(ALICE), True, b"der")
    assert (client.identity, client.tls) == (ANONYMOUS, False)


@pytest.mark.parametrize(
    ("made", "identity", "mechanism"),
    [
        (bind(ALICE.upper(), SECRET), Dn(ALICE), "simple"),
        (bind(ALICE, ""), ANONYMOUS, "simple"),
        (bind(ALICE, b"\0\0"), ANONYMOUS, "simple"),
        (bind(), ANONYMOUS, "simple"),
        (sasl_bind("GSSAPI"), Unnamed("GSSAPI"), "GSSAPI"),
        (sasl_bind("Anonymous"), ANONYMOUS, "Anonymous"),
    ],
)
def test_binds_ask_to_be_somebody(made: Request, identity: object, mechanism: str) -> None:
    assert (made.operation, made.identity, made.mechanism) == ("bind", identity, mechanism)


def test_password_is_there_and_never_shown() -> None:
    request = bind(ALICE, SECRET)
    assert request.password == SECRET.encode()
    changed = request.with_password(b"other").with_name("cn=b")
    assert (changed.password, changed.name, changed.message_id) == (b"other", "cn=b", request.message_id)
    verdict = replace(changed)
    value = password_modify(ALICE, SECRET, SECRET)
    shown = f"{request!r}{request}{verdict!r}{changed!r}{request.message!r}{value!r}{value.password_modify!r}"
    assert SECRET not in shown
    assert "other" not in shown
    modified = modify(ALICE, [("replace", "userPassword", SECRET)])
    assert SECRET not in repr(modified.changes)


@pytest.mark.parametrize("password", [b"", b"\0", b"\0\0"])
def test_password_is_not_replaced_by_none(password: bytes) -> None:
    with pytest.raises(ValueError, match="unauthenticated"):
        bind(ALICE, SECRET).with_password(password)


def test_search_is_normalised() -> None:
    made = search(
        "OU=People, dc=example,dc=org", "one", "(&(UID=a)(2.5.4.3=b*))", ["CN", "2.5.4.4;lang-DE", "*", "1.1"]
    )
    assert made.base == made.target == Dn("ou=people,dc=example,dc=org")
    assert made.base.is_within(Dn("dc=example,dc=org"))
    assert made.scope == "one"
    assert made.filter == Filter("(&(uid=a)(cn=b*))")
    assert made.selectors == ("CN", "2.5.4.4;lang-DE", "*", "1.1")
    assert made.attributes == (AttributeDescription("cn"), AttributeDescription("sn;lang-de"))


def test_filter_tells_its_attributes() -> None:
    told = search(filter="(&(|(uid=a)(cn=b*))(!(2.5.4.4>=c))(:dn:caseIgnoreMatch:=d))").filter
    assert sorted(map(str, told.attributes)) == ["cn", "sn", "uid"]


@pytest.mark.parametrize(
    ("made", "target"),
    [
        (compare(ALICE, "cn", "x"), Dn(ALICE)),
        (add(ALICE, {"cn": "x"}), Dn(ALICE)),
        (modify(ALICE, [("add", "cn", "x")]), Dn(ALICE)),
        (delete(ALICE), Dn(ALICE)),
        (modify_dn(ALICE, "uid=b"), Dn(ALICE)),
        (password_modify(ALICE), Dn(ALICE)),
        (password_modify(), None),
        (password_modify("alice@example.org"), None),
        (password_modify(f"dn:{ALICE}"), None),
        (extended("1.2.3"), None),
        (bind(ALICE, "x"), None),
    ],
)
def test_target_is_the_entry_it_is_about(made: Request, target: Dn | None) -> None:
    assert made.target == target


@pytest.mark.parametrize(
    ("made", "attributes"),
    [
        (compare(ALICE, "2.5.4.3", "x"), ["cn"]),
        (add(ALICE, {"CN": "x", "sn;lang-de": ["y", "z"]}), ["cn", "sn;lang-de"]),
        (modify(ALICE, [("add", "cn", "x"), ("delete", "SN", [])]), ["cn", "sn"]),
        (modify_dn(ALICE, "cn=a+uid=b"), ["cn", "uid"]),
    ],
)
def test_attributes_are_those_it_touches(made: Request, attributes: list[str]) -> None:
    assert sorted(map(str, made.attributes)) == attributes


def test_changes_are_told() -> None:
    change, other = modify(ALICE, [("increment", "UIDNumber", "1"), ("delete", "cn", [])]).changes
    assert (change.operation, str(change.attribute), change.values) == ("increment", "uidnumber", (b"1",))
    assert (other.operation, other.values) == ("delete", ())


@pytest.mark.parametrize(
    ("rdn", "superior", "expected"),
    [
        ("uid=b", None, "uid=b,ou=people,dc=example,dc=org"),
        ("uid=b", "ou=Else,dc=example,dc=org", "uid=b,ou=else,dc=example,dc=org"),
        ("uid=b", "", "uid=b"),
    ],
)
def test_new_dn_is_where_a_rename_leads(rdn: str, superior: str | None, expected: str) -> None:
    assert modify_dn(ALICE, rdn, superior).new_dn == Dn(expected)


def test_new_rdn_is_one_rdn() -> None:
    with pytest.raises(ValueError, match="one RDN"):
        _ = modify_dn(ALICE, "uid=b,ou=services").new_dn


@pytest.mark.parametrize("fields", [(None, None, None), (ALICE, "a", None), ("", None, "b" * 300), (None, b"", b"")])
def test_password_modify_is_read_as_it_was_written(fields: tuple[str | None, Any, Any]) -> None:
    told = password_modify(*fields).password_modify
    assert told is not None
    octets = [each.encode() if isinstance(each, str) else each for each in fields[1:]]
    assert [told.user_identity, told.new_password, told.old_password] == [fields[0], *octets]


@pytest.mark.parametrize(
    "value",
    ["", "30", "3080", "30800000", "3105", "300380016100", "30048101618001", "3006800161800162", "3003830161",
     "300380026100", "30058485000000", "300380016161"],
)  # fmt: skip
def test_malformed_password_modify_is_an_error(value: str) -> None:
    with pytest.raises(ValueError, match="passwdModifyRequestValue"):
        PasswordModify.decode(bytes.fromhex(value))


@pytest.mark.parametrize(
    ("made", "name"),
    [(search(), "password"), (search(), "changes"), (bind(), "base"), (bind(), "filter"), (delete(ALICE), "attributes"),
     (sasl_bind("PLAIN"), "password"), (delete(ALICE), "oid"), (search(), "new_dn"), (search(), "value"),
     (search(), "identity")],
)  # fmt: skip
def test_what_is_not_there_raises(made: Request, name: str) -> None:
    with pytest.raises(AttributeError, match=f"has none: {name}"):
        getattr(made, name)


def test_what_cannot_be_normalised_raises() -> None:
    made = search(base="cn=a\u200b,dc=x")
    for name in ("base", "target"):
        with pytest.raises(ValueError, match="ignored in comparisons"):
            getattr(made, name)


def test_search_is_exchanged_in_parts() -> None:
    control = Control("1.2.3", True, b"x")
    made = search("dc=a", "sub", "(uid=a)", ["cn"], size_limit=9, message_id=5, controls=[control])
    changed = made.with_search(base=Dn("dc=b"), filter="(cn=c)", selectors=["sn"], size_limit=3)
    assert (changed.base, changed.scope, str(changed.filter), changed.selectors) == (
        Dn("dc=b"),
        "sub",
        "(cn=c)",
        ("sn",),
    )
    operation: Any = changed.message.operation
    assert (operation.size_limit, changed.message_id) == (3, 5)
    assert [each.control_type for each in changed.controls] == ["1.2.3"]
    assert changed.with_controls([]).controls == ()


@pytest.mark.parametrize(
    "view",
    [
        Client(1, None, "ldapi"),
        search(),
        PASS,
        Result(0),
        PasswordModify(),
        *modify(ALICE, [("add", "cn", "x")]).changes,
    ],
)
def test_views_cannot_be_changed(view: Any) -> None:
    slots = type(view).__slots__
    for name in (*slots, "something"):
        with pytest.raises(AttributeError, match="cannot be changed"):
            setattr(view, name, 1)
        with pytest.raises(AttributeError, match="cannot be changed"):
            delattr(view, name)
    assert not hasattr(view, "__dict__")


@pytest.mark.parametrize(
    ("code", "number"), [(50, 50), ("insufficientAccessRights", 50), ("insufficient_access_rights", 50), ("busy", 51)]
)
def test_codes_are_numbers_or_names(code: int | str, number: int) -> None:
    assert refuse(code).code == number


@pytest.mark.parametrize("code", [0, "success", 5, 6, 10, 14, -1, 10**9, True, "nothing", None])
def test_codes_that_refuse_nothing_are_errors(code: Any) -> None:
    with pytest.raises(ValueError, match=r"result code|refuses nothing"):
        refuse(code)


@pytest.mark.parametrize("text", [None, 5, b"x", "x" * 1_001])
def test_texts_are_short_strings(text: Any) -> None:
    with pytest.raises(ValueError, match="text"):
        refuse(50, text)
    with pytest.raises(ValueError, match="text"):
        close(text)


def test_verdicts_are_equal_by_what_they_say() -> None:
    assert refuse(50, "a") == refuse(50, "a") != refuse(50, "b")
    assert len({PASS, Verdict("pass"), close("a"), close("a")}) == 2
    assert [repr(each) for each in (PASS, refuse(), close("x"))] == [
        "PASS",
        "refuse(50, 'not allowed here')",
        "close('x')",
    ]
    assert refuse() != "refuse"
