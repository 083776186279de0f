"""Names and messages of the core as Python sees them."""

from __future__ import annotations

from typing import Any

import pytest

from ostiary._core import (
    PAGED_RESULTS_OID,
    START_TLS_OID,
    AbandonRequest,
    AddRequest,
    Attribute,
    AttributeDescription,
    BindRequest,
    Change,
    CompareRequest,
    Control,
    DelRequest,
    Dn,
    ExtendedRequest,
    Filter,
    Framer,
    IntermediateResponse,
    LdapResult,
    Message,
    ModifyDnRequest,
    ModifyRequest,
    PagedResults,
    SearchRequest,
    SearchResultEntry,
    SearchResultReference,
    UnbindRequest,
    decode_request,
    decode_response,
    notice_of_disconnection,
    result_code_name,
)
from ostiary.demo.result import ResultCode

VALUES = [b"", b"\x00\xff", "ä".encode()]

REQUESTS: list[Any] = [
    BindRequest(3, "cn=a", simple=b"secret"),
    BindRequest(2, "", simple=b""),
    BindRequest(3, "", mechanism="PLAIN", credentials=b"\x00a\x00b"),
    BindRequest(3, "", mechanism="EXTERNAL"),
    UnbindRequest(),
    SearchRequest("dc=x", 2, Filter("(&(cn=a*b)(!(sn:dn:2.4.6:=x)))"), ["cn", "+"], size_limit=7, types_only=True),
    SearchRequest("", 0, Filter("(objectClass=*)"), deref_aliases=3, time_limit=5),
    ModifyRequest("cn=a", [Change(kind, Attribute("cn", VALUES)) for kind in ("add", "delete", "replace")]),
    ModifyRequest("cn=a", [Change("increment", Attribute("uidNumber", [b"1"])), Change("delete", Attribute("sn"))]),
    AddRequest("cn=a", [Attribute("cn", [b"a"]), Attribute("jpegPhoto", VALUES)]),
    DelRequest("cn=ä"),
    ModifyDnRequest("cn=a", "cn=b", False),
    ModifyDnRequest("cn=a", "cn=b", True, "dc=y"),
    CompareRequest("cn=a", "userPassword", b"secret"),
    AbandonRequest(4),
    ExtendedRequest(START_TLS_OID),
    ExtendedRequest("1.2.3", b"secret"),
]

RESPONSES: list[Any] = [
    SearchResultEntry("cn=a", [Attribute("cn", VALUES), Attribute("sn")]),
    SearchResultReference(["ldap://a/dc=x", "ldap://b/dc=x"]),
    IntermediateResponse("1.2.3", b"x"),
    IntermediateResponse(),
    LdapResult("bind", 14, server_sasl_creds=b"challenge"),
    LdapResult("search", 10, "dc=x", "over there", referral=["ldap://a"]),
    LdapResult("extended", 0, response_name="1.2.3", response_value=b"x"),
    *(LdapResult(kind, 53, diagnostic_message="no") for kind in ("modify", "add", "delete", "modify_dn", "compare")),
]

CONTROLS = [Control(PAGED_RESULTS_OID, True, PagedResults(10, b"c").encode()), Control("1.2.3")]


@pytest.mark.parametrize("operation", REQUESTS, ids=lambda operation: type(operation).__name__)
def test_request_is_read_back_as_it_was_written(operation: Any) -> None:
    controls = () if isinstance(operation, (UnbindRequest, AbandonRequest)) else CONTROLS
    message = decode_request(Message(7, operation, controls).encode())
    assert (message.message_id, message.operation) == (7, operation)
    assert message.controls == tuple(controls)
    assert message.encode() == Message(7, operation, controls).encode()


@pytest.mark.parametrize("operation", RESPONSES, ids=lambda operation: type(operation).__name__)
def test_response_is_read_back_as_it_was_written(operation: Any) -> None:
    message = decode_response(Message(2_147_483_647, operation, CONTROLS).encode())
    assert (message.message_id, message.operation) == (2_147_483_647, operation)
    assert message.controls == tuple(CONTROLS)


def test_malformed_messages_are_value_errors_that_name_a_field() -> None:
    good = Message(1, SearchRequest("", 0, Filter("(cn=a)"))).encode()
    for end in range(len(good)):
        with pytest.raises(ValueError, match=r"\w"):
            decode_request(good[:end])
    with pytest.raises(ValueError, match="protocolOp"):
        decode_request(Message(1, LdapResult("search", 0)).encode())
    with pytest.raises(ValueError, match="UTF-8"):
        decode_request(Message(1, DelRequest("cn=..")).encode().replace(b"..", b"\xff\xfe"))


def test_what_a_message_cannot_carry_is_refused() -> None:
    with pytest.raises(ValueError, match="maxInt"):
        Message(2**31, UnbindRequest()).encode()
    with pytest.raises(ValueError, match="either simple or mechanism"):
        Message(1, BindRequest(3, "")).encode()
    with pytest.raises(ValueError, match="kind"):
        LdapResult("unbind", 0)
    with pytest.raises(ValueError, match="modify"):
        Change("rename", Attribute("cn"))
    with pytest.raises(TypeError):
        Message(1, "bind")  # type: ignore[arg-type]


def test_no_representation_shows_a_secret() -> None:
    for operation in REQUESTS:
        assert "secret" not in repr(operation)
        assert "secret" not in repr(Message(1, operation))


def test_names_are_equal_when_they_mean_the_same() -> None:
    assert Dn("CN=a\\2C b, 2.5.4.11=X+UID=y") == Dn("cn=A\\, B,uid=y+ou=x")
    assert hash(Dn("DC=x")) == hash(Dn("dc=X"))
    assert Dn("ou=xapps,dc=x").is_within(Dn("DC=X"))
    assert not Dn("ou=xapps,dc=x").is_within(Dn("ou=apps,dc=x"))
    assert Dn("").parent is None
    assert Dn("dc=x").parent == Dn("")
    assert Dn("cn=A+sn=B,dc=x").rdns == ((("cn", "a"), ("sn", "b")), (("dc", "x"),))
    with pytest.raises(ValueError, match="expected"):
        Dn("nonsense")
    assert AttributeDescription("2.5.4.3;LANG-de") == AttributeDescription("CN;lang-DE")
    assert AttributeDescription("cn").covers(AttributeDescription("cn;lang-de"))
    assert not AttributeDescription("cn;lang-de").covers(AttributeDescription("cn"))
    assert str(AttributeDescription("userCertificate;Binary")) == "usercertificate;binary"
    with pytest.raises(ValueError, match="attribute"):
        AttributeDescription("a b")


def test_framer_finds_messages_however_the_stream_is_split() -> None:
    messages = [Message(1, operation).encode() for operation in REQUESTS]
    stream = b"".join(messages)
    for size in (1, 2, 3, 7, 64, len(stream)):
        framer = Framer(1000)
        found = [one for at in range(0, len(stream), size) for one in framer.feed(stream[at : at + size])]
        assert found == messages
        assert (framer.buffered, framer.fault) == (0, None)


def test_framer_keeps_what_came_before_a_fault() -> None:
    good = Message(1, UnbindRequest()).encode()
    for bad, told in (
        (b"GET /", "tag"),
        (b"\x30\x84\x7f\xff\xff\xff", "exceeds"),
        (b"\x30\x80", "indefinite"),
    ):
        framer = Framer(1000)
        assert framer.feed(good + bad) == [good]
        assert framer.fault is not None
        assert told in framer.fault
        assert framer.feed(good) == []


def test_notice_of_disconnection_is_an_extended_response_with_id_zero() -> None:
    message = decode_response(notice_of_disconnection(ResultCode.PROTOCOL_ERROR, "why"))
    assert isinstance(message.operation, LdapResult)
    assert (message.message_id, message.kind) == (0, "extended")
    assert message.operation.response_name == "1.3.6.1.4.1.1466.20036"
    assert message.operation.diagnostic_message == "why"


def test_result_codes_have_the_names_of_the_core() -> None:
    for code in ResultCode:
        assert result_code_name(code).lower() == code.name.replace("_", "").lower()
    assert result_code_name(9999) == "9999"
