"""Requests are checked whole: what RFC 4511's grammar does not know is refused before it is forwarded.

A reader that skips such elements and one that does not would disagree about what was asked (T15, T17).
"""

from __future__ import annotations

import pytest

from ..real import wire
from .stage import Case, Stage, passed, refused

OCTETS, SEQUENCE = wire.octets, wire.sequence
PRESENT = wire.present(b"cn")
RAW = bytes.fromhex


def message(tag: int, *parts: bytes) -> bytes:
    return wire.message(1, wire.tlv(tag, *parts))


def search(
    *,
    base: bytes = OCTETS(b"dc=x"),
    scope: bytes = wire.enumerated(0),
    aliases: bytes = wire.enumerated(0),
    size: bytes = wire.integer(0),
    time: bytes = wire.integer(0),
    types: bytes = wire.boolean(False),
    filter: bytes = PRESENT,
    attributes: bytes = SEQUENCE(),
    more: bytes = b"",
) -> bytes:
    return message(wire.SEARCH_REQUEST, base, scope, aliases, size, time, types, filter, attributes, more)


SEARCHES = {
    "base is constructed": search(base=wire.tlv(0x24, OCTETS(b"dc=x"))),
    "base is a number": search(base=wire.integer(1)),
    "scope is INTEGER": search(scope=wire.integer(0)),
    "scope is negative": search(scope=wire.enumerated(-1)),
    "derefAliases is 4": search(aliases=wire.enumerated(4)),
    "size limit is negative": search(size=wire.integer(-1)),
    "size limit above maxInt": search(size=wire.integer(2**31)),
    "size limit of nine octets": search(size=RAW("02 09 00 00 00 00 00 00 00 00 01")),
    "time limit is negative": search(time=wire.integer(-1)),
    "typesOnly is two octets": search(types=RAW("01 02 00 00")),
    "typesOnly is empty": search(types=RAW("01 00")),
    "typesOnly is INTEGER": search(types=wire.integer(0)),
    "no filter": search(filter=b""),
    "no attributes": search(attributes=b""),
    "attributes is SET": search(attributes=wire.tlv(0x31)),
    "attribute is a number": search(attributes=SEQUENCE(wire.integer(1))),
    "element behind the attributes": search(more=OCTETS(b"x")),
    "nothing at all": message(wire.SEARCH_REQUEST),
    "filter of an unknown tag": search(filter=wire.tlv(0xAA, OCTETS(b"x"))),
    "filter is universal": search(filter=OCTETS(b"cn")),
    "and is primitive": search(filter=wire.tlv(0x80)),
    "and holds a string": search(filter=wire.tlv(0xA0, OCTETS(b"x"))),
    "not without a filter": search(filter=wire.tlv(0xA2)),
    "not with two filters": search(filter=wire.tlv(0xA2, PRESENT, PRESENT)),
    "present is constructed": search(filter=wire.tlv(0xA7, OCTETS(b"cn"))),
    "equality without a value": search(filter=wire.tlv(0xA3, OCTETS(b"cn"))),
    "equality with two values": search(filter=wire.tlv(0xA3, OCTETS(b"cn"), OCTETS(b"a"), OCTETS(b"b"))),
    "equality is primitive": search(filter=wire.tlv(0x83, OCTETS(b"cn"), OCTETS(b"a"))),
    "substrings without a part": search(filter=wire.tlv(0xA4, OCTETS(b"cn"), SEQUENCE())),
    "substrings with two beginnings": search(
        filter=wire.tlv(0xA4, OCTETS(b"cn"), SEQUENCE(OCTETS(b"a", 0x80), OCTETS(b"b", 0x80)))
    ),
    "substrings with something behind the end": search(
        filter=wire.tlv(0xA4, OCTETS(b"cn"), SEQUENCE(OCTETS(b"a", 0x82), OCTETS(b"b", 0x81)))
    ),
    "substrings with an unknown part": search(filter=wire.tlv(0xA4, OCTETS(b"cn"), SEQUENCE(OCTETS(b"a", 0x83)))),
    "extensible without a value": search(filter=wire.tlv(0xA9, OCTETS(b"cn", 0x82))),
    "extensible with an unknown element": search(
        filter=wire.tlv(0xA9, OCTETS(b"cn", 0x82), OCTETS(b"x", 0x83), OCTETS(b"y", 0x85))
    ),
    "extensible in the wrong order": search(filter=wire.tlv(0xA9, OCTETS(b"x", 0x83), OCTETS(b"cn", 0x82))),
    "filter longer than its parent": search(filter=RAW("a0 7f 87 02 63 6e")),
}

CHANGE = SEQUENCE(wire.enumerated(2), SEQUENCE(OCTETS(b"sn"), wire.tlv(0x31, OCTETS(b"x"))))
ATTRIBUTE = SEQUENCE(OCTETS(b"sn"), wire.tlv(0x31, OCTETS(b"x")))
PAIR = SEQUENCE(OCTETS(b"cn"), OCTETS(b"x"))
DN = OCTETS(b"cn=x")

OTHERS = {
    "bind without authentication": message(wire.BIND_REQUEST, wire.integer(3), DN),
    "bind with an element behind": message(
        wire.BIND_REQUEST, wire.integer(3), DN, OCTETS(b"x", 0x80), OCTETS(b"y")
    ),
    "bind with a name that is a number": message(
        wire.BIND_REQUEST, wire.integer(3), wire.integer(1), OCTETS(b"x", 0x80)
    ),
    "bind with version 0": wire.bind(1, b"cn=x", b"x", version=0),
    "bind with version 128": wire.bind(1, b"cn=x", b"x", version=128),
    "SASL bind without a mechanism": message(wire.BIND_REQUEST, wire.integer(3), DN, wire.tlv(0xA3)),
    "SASL bind with an element behind": message(
        wire.BIND_REQUEST, wire.integer(3), DN, wire.tlv(0xA3, OCTETS(b"PLAIN"), OCTETS(b""), OCTETS(b""))
    ),
    "unbind with content": message(wire.UNBIND_REQUEST, b"\x00"),
    "modify without changes": message(wire.MODIFY_REQUEST, DN),
    "modify with a change that is empty": message(wire.MODIFY_REQUEST, DN, SEQUENCE(SEQUENCE())),
    "modify with values in a SEQUENCE": message(
        wire.MODIFY_REQUEST, DN,
        SEQUENCE(SEQUENCE(wire.enumerated(2), SEQUENCE(OCTETS(b"sn"), SEQUENCE(OCTETS(b"x"))))),
    ),
    "modify with an element behind": message(wire.MODIFY_REQUEST, DN, SEQUENCE(CHANGE), OCTETS(b"x")),
    "modify with an element behind a change": message(
        wire.MODIFY_REQUEST, DN, SEQUENCE(SEQUENCE(wire.enumerated(2), ATTRIBUTE, OCTETS(b"x")))
    ),
    "add without attributes": message(wire.ADD_REQUEST, DN),
    "add with an attribute without values": message(wire.ADD_REQUEST, DN, SEQUENCE(SEQUENCE(OCTETS(b"sn")))),
    "add with an element behind": message(wire.ADD_REQUEST, DN, SEQUENCE(ATTRIBUTE), OCTETS(b"x")),
    "modify DN without a new RDN": message(wire.MODIFY_DN_REQUEST, DN),
    "modify DN without deleteoldrdn": message(wire.MODIFY_DN_REQUEST, DN, OCTETS(b"cn=y")),
    "modify DN with a universal superior": message(
        wire.MODIFY_DN_REQUEST, DN, OCTETS(b"cn=y"), wire.boolean(True), OCTETS(b"dc=x")
    ),
    "modify DN with an element behind": message(
        wire.MODIFY_DN_REQUEST, DN, OCTETS(b"cn=y"), wire.boolean(True), OCTETS(b"dc=x", 0x80), OCTETS(b"z")
    ),
    "compare without an assertion": message(wire.COMPARE_REQUEST, DN),
    "compare with an element behind": message(wire.COMPARE_REQUEST, DN, PAIR, OCTETS(b"x")),
    "abandon without an id": message(wire.ABANDON_REQUEST),
    "abandon of an id above maxInt": wire.abandon(1, 2**31),
    "abandon of nine octets": message(wire.ABANDON_REQUEST, bytes(8) + b"\x01"),
    "extended without a name": message(wire.EXTENDED_REQUEST),
    "extended with a name that is no OID": wire.extended(1, b"whoami"),
    "extended with an empty name": wire.extended(1, b""),
    "extended with an unknown element": message(
        wire.EXTENDED_REQUEST, OCTETS(wire.WHO_AM_I, 0x80), OCTETS(b"x", 0x82)
    ),
    "extended with its elements exchanged": message(
        wire.EXTENDED_REQUEST, OCTETS(b"x", 0x81), OCTETS(wire.WHO_AM_I, 0x80)
    ),
    "control that is empty": wire.search(1, controls=[SEQUENCE()]),
    "control with a type that is no OID": wire.search(1, controls=[wire.control(b"paged")]),
    "control with an element behind": wire.search(
        1, controls=[SEQUENCE(OCTETS(b"1.2.3"), wire.boolean(True), OCTETS(b""), OCTETS(b""))]
    ),
    "control with a criticality of two octets": wire.search(
        1, controls=[SEQUENCE(OCTETS(b"1.2.3"), RAW("01 02 ff ff"))]
    ),
    "control with a value that is a number": wire.search(
        1, controls=[SEQUENCE(OCTETS(b"1.2.3"), wire.integer(1))]
    ),
    "control that is no SEQUENCE": wire.search(1, controls=[OCTETS(b"1.2.3")]),
}  # fmt: skip

ROWS = [refused(name, sent) for name, sent in {**SEARCHES, **OTHERS}.items()]


@pytest.mark.parametrize("case", ROWS, ids=lambda case: case.name)
def test_outside_the_grammar_is_refused(case: Case, stage: Stage) -> None:
    stage.play(case)


DONE = wire.entry(1, b"dc=x", (b"cn", b"found")), wire.done(1)

# What the grammar allows, however odd, is the server's to judge.
ODD = [
    passed("typesOnly is 1, not 255", search(types=RAW("01 01 01")), *DONE),
    passed("scope subordinateSubtree", search(scope=wire.enumerated(3)), *DONE),
    passed("attributes no schema knows", search(attributes=SEQUENCE(OCTETS(b"1.1"), OCTETS(b"*"))), *DONE),
    passed("limits at their largest", search(size=wire.integer(2**31 - 1), time=wire.integer(2**31 - 1)), *DONE),
    passed("increment", message(wire.MODIFY_REQUEST, DN, SEQUENCE(SEQUENCE(wire.enumerated(3), ATTRIBUTE))),
           wire.result(1, wire.MODIFY_RESPONSE)),
    passed("delete of a whole attribute",
           message(wire.MODIFY_REQUEST, DN, SEQUENCE(SEQUENCE(wire.enumerated(1), SEQUENCE(
               OCTETS(b"sn"), wire.tlv(0x31))))), wire.result(1, wire.MODIFY_RESPONSE)),
    passed("modify DN with a superior",
           message(wire.MODIFY_DN_REQUEST, DN, OCTETS(b"cn=y"), wire.boolean(False), OCTETS(b"dc=x", 0x80)),
           wire.result(1, wire.MODIFY_DN_RESPONSE)),
    passed("delete of a DN that is none", wire.delete(1, b"\xff\x00,,="), wire.result(1, wire.DELETE_RESPONSE)),
    passed("extended that nobody knows", wire.extended(1, b"1.2.3.4.5", bytes(9)), wire.extended_response(1)),
    passed("cancel", wire.cancel(1, 5), wire.extended_response(1)),
]  # fmt: skip


@pytest.mark.parametrize("case", ODD, ids=lambda case: case.name)
def test_inside_the_grammar_passes_untouched(case: Case, stage: Stage) -> None:
    stage.play(case)
