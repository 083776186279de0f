"""What is not an LDAPMessage is told so once, and nothing of it reaches the server (T15 to T18)."""

from __future__ import annotations

import pytest

from ..real import wire
from ..real.fake_directory import UpstreamConnection, answer_plainly
from .stage import Case, Refusal, Stage, notice, passed, refused

RAW = bytes.fromhex
SEARCH = wire.search(1)[2:]  # without the outer tag and length
DONE = wire.entry(1, b"", (b"cn", b"found")), wire.done(1)


def operation(tag: int, *parts: bytes) -> bytes:
    return wire.message(1, wire.tlv(tag, *parts))


FRAMING = [
    refused("indefinite outer length", RAW("30 80 02 01 01 42 00 00 00")),
    refused("five length octets", RAW("30 85 00 00 00 00 05 02 01 01 42 00")),
    refused("eight length octets", RAW("30 88 00 00 00 00 00 00 00 05 02 01 01 42 00")),
    refused("reserved length octet", RAW("30 ff 02 01 01 42 00")),
    refused("outer tag is SET", RAW("31 05 02 01 01 42 00")),
    refused("outer tag is primitive SEQUENCE", RAW("10 05 02 01 01 42 00")),
    refused("outer tag is OCTET STRING", RAW("04 05 02 01 01 42 00")),
    refused("outer tag is application", RAW("60 05 02 01 01 42 00")),
    refused("zeros", bytes(64)),
    refused("ones", b"\xff" * 64),
    refused("HTTP", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    refused("SSH", b"SSH-2.0-OpenSSH_9.2p1\r\n"),
    refused("PROXY protocol version 1", b"PROXY TCP4 192.0.2.1 192.0.2.2 56324 389\r\n"),
    refused("PROXY protocol version 2", RAW("0d 0a 0d 0a 00 0d 0a 51 55 49 54 0a 21 11 00 0c")),
    refused("wrapped SASL token without a bind", RAW("00 00 00 10") + bytes(16)),
    refused("empty message", RAW("30 00")),
    refused("message id alone", RAW("30 03 02 01 01")),
    refused("operation longer than the message", RAW("30 05 02 01 01 42 01")),
    refused("operation with indefinite length", RAW("30 09 02 01 01 63 80 00 00 00 00")),
    refused("operation with five length octets", RAW("30 0a 02 01 01 42 85 00 00 00 00 00")),
    refused("message id longer than the message", RAW("30 05 02 7f 01 42 00")),
    refused("message id with indefinite length", RAW("30 05 02 80 01 42 00")),
    refused("high tag number", RAW("30 07 02 01 01 7f 24 01 00")),
    refused("high tag number outside", RAW("3f 30 05 02 01 01 42 00")),
]

MESSAGE_IDS = [
    refused("id 0", wire.search(0)),
    refused("id -1", wire.search(-1)),
    refused("id -2147483648", wire.search(-(2**31))),
    refused("id 2147483648", wire.search(2**31)),
    refused("id of nine octets", wire.tlv(0x30, RAW("02 09 00 00 00 00 00 00 00 00 01"), wire.tlv(0x42))),
    refused("id without octets", RAW("30 04 02 00 42 00")),
    refused("id is ENUMERATED", RAW("30 05 0a 01 01 42 00")),
    refused("id is OCTET STRING", RAW("30 05 04 01 01 42 00")),
    refused("bind with id 0", wire.bind(0)),
    refused("extended with id 0", wire.extended(0, wire.WHO_AM_I)),
]

# S3: Samba's process aborts on these, before any authentication.
RESPONSE_TAGS = (0x61, 0x64, 0x65, 0x67, 0x69, 0x6B, 0x6D, 0x6F, 0x73, 0x78, 0x79)
UNKNOWN_TAGS = (
    0x30,
    0x40,
    0x41,
    0x43,
    0x44,
    0x4B,
    0x5E,
    0x62,
    0x6A,
    0x70,
    0x72,
    0x7A,
    0x7E,
    0x80,
    0xA0,
    0xE3,
)

TAGS = [
    *(
        refused(f"response tag {tag:#x}", operation(tag, wire.enumerated(0), wire.octets(b""), wire.octets(b"")))
        for tag in RESPONSE_TAGS
    ),
    *(refused(f"unknown tag {tag:#x}", operation(tag)) for tag in UNKNOWN_TAGS),
]

TRAILING = [
    refused("element behind the controls", wire.sequence(
        wire.integer(1), wire.tlv(0x42), wire.tlv(0xA0, wire.control(b"1.2.3")), wire.octets(b"more"))),
    refused("unknown element behind the operation", wire.sequence(
        wire.integer(1), wire.tlv(0x42), wire.tlv(0xA1))),
    refused("two operations", wire.sequence(wire.integer(1), wire.tlv(0x42), wire.tlv(0x42))),
    refused("half an element behind the operation", wire.sequence(wire.integer(1), wire.tlv(0x42), b"\x04")),
]  # fmt: skip

# Accepted, and forwarded as it came (T16): Active Directory's clients and servers write these.
ACCEPTED = [
    passed("outer length in four octets", wire.long_tlv(0x30, SEARCH), *DONE),
    passed("outer length in one more octet", RAW("30 81") + bytes([len(SEARCH)]) + SEARCH, *DONE),
    passed("outer length in three octets", RAW("30 83 00 00") + bytes([len(SEARCH)]) + SEARCH, *DONE),
    passed(
        "every length in four octets",
        wire.long_tlv(
            0x30,
            wire.long_tlv(0x02, b"\x01"),
            wire.long_tlv(
                wire.SEARCH_REQUEST, wire.long_tlv(0x04), wire.long_tlv(0x0A, b"\0"), wire.long_tlv(0x0A, b"\0"),
                wire.long_tlv(0x02, b"\0"), wire.long_tlv(0x02, b"\0"), wire.long_tlv(0x01, b"\0"),
                wire.long_tlv(0x87, b"objectClass"), wire.long_tlv(0x30),
            ),
        ),
        *DONE,
    ),
    passed("largest message id", wire.delete(2**31 - 1, b"cn=x"), wire.result(2**31 - 1, wire.DELETE_RESPONSE)),
    passed("unknown control, not critical", wire.search(1, controls=[wire.control(b"1.2.3.4", b"\xff\x00")]), *DONE),
    passed("unknown control, critical", wire.search(1, controls=[wire.control(b"1.2.3.4", critical=True)]), *DONE),
]  # fmt: skip


@pytest.mark.parametrize("case", [*FRAMING, *MESSAGE_IDS, *TAGS, *TRAILING, *ACCEPTED], ids=lambda case: case.name)
def test_framing(case: Case, stage: Stage) -> None:
    stage.play(case)


@pytest.mark.parametrize("listener", ["open", "all", "ldaps"])
@pytest.mark.parametrize("number", [0, 6, 24, 30, 40])
def test_framing_is_judged_alike_on_every_listener(number: int, listener: str, stage: Stage) -> None:
    case = [*FRAMING, *MESSAGE_IDS, *TAGS][number]
    stage.play(Case(case.name, case.flights, listener=listener))


def test_tls_where_plain_is_spoken_is_closed_without_a_word(stage: Stage) -> None:
    hello = RAW("16 03 01 00 40 01 00 00 3c 03 03") + bytes(58)
    stage.play(Case("hello", [(hello, [])]))


def test_good_requests_before_a_bad_one_are_answered_or_cut_but_nothing_else_happens(stage: Stage) -> None:
    with stage.connect() as client:
        client.send(wire.search(1, b"cn=good"), wire.search(-5))
        found = client.receive_to_end()
    assert notice().matches(found[-1])
    assert {message.message_id for message in found[:-1]} <= {1}
    for connection in stage.connections:
        seen = [message.raw for message in connection.await_closed() if message.tag != wire.UNBIND_REQUEST]
        assert seen in ([], [wire.search(1, b"cn=good")])


@pytest.mark.parametrize("sent", [b"", b"\x30", b"\x30\x84", wire.search(1)[:-1]])
def test_half_close_in_the_middle_of_a_message_ends_quietly(sent: bytes, stage: Stage) -> None:
    with stage.connect() as client:
        client.send(sent)
        client.half_close()
        assert client.receive_to_end() == []
    assert stage.connections == []


# 0x00fffc and the five octets of the header are 65,537 in all: one above the limit.
HEADERS = ["30 83 00 ff fc", "30 84 7f ff ff ff", "30 84 ff ff ff ff", "30 84 01 00 00 00", "30 83 ff ff ff"]


@pytest.mark.parametrize("header", HEADERS)
def test_too_large_is_told_as_soon_as_the_header_is_read(header: str, stage: Stage) -> None:
    stage.play(refused(header, RAW(header)))


def sized(message_id: int, total: int) -> bytes:
    """A compare request of exactly so many octets."""
    candidates = (wire.compare(message_id, b"cn=x", b"cn", bytes(size)) for size in range(total - 60, total))
    return next(message for message in candidates if len(message) == total)


COMPARED = wire.result(2, wire.COMPARE_RESPONSE)
BOUND = wire.result(1, wire.BIND_RESPONSE)
LOGIN = wire.bind(1, b"cn=x", b"password")


def invalid_second(connection: UpstreamConnection, request: wire.Message) -> None:
    if request.tag == wire.BIND_REQUEST and request.part(0x80) == b"wrong":
        connection.send(wire.result(request.message_id, wire.BIND_RESPONSE, wire.INVALID_CREDENTIALS))
    else:
        answer_plainly(connection, request)


WRONG = wire.bind(3, b"cn=x", b"wrong")
INVALID = wire.result(3, wire.BIND_RESPONSE, wire.INVALID_CREDENTIALS)
ANONYMOUS = wire.bind(3)
LARGE = [
    passed("64 KiB before a bind", sized(2, 65_536), COMPARED),
    refused("64 KiB and one before a bind", sized(2, 65_537)[:64]),
    Case("256 KiB after a bind", [(LOGIN, [BOUND]), (sized(2, 262_144), [COMPARED])],
         [LOGIN, sized(2, 262_144)], closes=False),
    Case("256 KiB and one after a bind", [(LOGIN, [BOUND]), (sized(2, 262_145)[:64], [notice()])], [LOGIN]),
    Case("64 KiB and one after an anonymous bind",
         [(wire.bind(1), [BOUND]), (sized(2, 65_537)[:64], [notice()])], [wire.bind(1)]),
    Case("64 KiB and one after a failed bind took the first back",
         [(LOGIN, [BOUND]), (WRONG, [INVALID]), (sized(2, 65_537)[:64], [notice()])], [LOGIN, WRONG],
         answer=invalid_second),
    Case("64 KiB and one after an anonymous bind took the first back",
         [(LOGIN, [BOUND]), (ANONYMOUS, [wire.result(3, wire.BIND_RESPONSE)]),
          (sized(2, 65_537)[:64], [notice()])], [LOGIN, ANONYMOUS]),
]  # fmt: skip


@pytest.mark.parametrize("case", LARGE, ids=lambda case: case.name)
def test_size(case: Case, stage: Stage) -> None:
    stage.play(case)


def test_large_message_byte_by_byte_is_linear(stage: Stage) -> None:
    request = sized(2, 65_536)
    with stage.connect() as client:
        for octet in request:
            client.send(bytes([octet]))
        assert client.receive().raw == COMPARED


def nested(depth: int, leaf: bytes = wire.present(b"cn")) -> bytes:
    for _ in range(depth):
        leaf = wire.tlv(0xA2, leaf)
    return leaf


def wide(count: int) -> bytes:
    return wire.tlv(0xA1, *(wire.present(b"a") for _ in range(count)))


TOO_MUCH = Refusal(1, wire.SEARCH_DONE, wire.ADMIN_LIMIT_EXCEEDED)
FILTERS = [
    *(passed(name, wire.search(1, filter=filter_), *DONE) for name, filter_ in (
        ("60 levels", nested(60)),
        ("4000 branches", wide(4000)),
        ("empty and", wire.tlv(0xA0)),
        ("empty or", wire.tlv(0xA1)),
        ("extensible", wire.tlv(0xA9, wire.octets(b"2.5.13.2", 0x81), wire.octets(b"cn", 0x82),
                                wire.octets(b"x", 0x83), wire.boolean(True, 0x84))),
        ("extensible with the value alone", wire.tlv(0xA9, wire.octets(b"cn", 0x82), wire.octets(b"x", 0x83))),
        ("approximately", wire.tlv(0xA8, wire.octets(b"cn"), wire.octets(b"x"))),
        ("substrings", wire.tlv(0xA4, wire.octets(b"cn"), wire.sequence(
            wire.octets(b"a", 0x80), wire.octets(b"b", 0x81), wire.octets(b"c", 0x81), wire.octets(b"d", 0x82)))),
    )),
    *(Case(name, [(wire.search(1, filter=filter_), [TOO_MUCH])], closes=False) for name, filter_ in (
        ("66 levels", nested(66)),
        ("5000 levels", nested(5000)),
        ("66 levels of and", nested(66).replace(b"\xa2", b"\xa0")),
        ("4100 branches", wide(4100)),
        ("10000 branches", wide(10_000)),
    )),
]  # fmt: skip


@pytest.mark.parametrize("case", FILTERS, ids=lambda case: case.name)
def test_filter(case: Case, stage: Stage) -> None:
    stage.play(case)
