"""Requests in every spelling: filters, controls and password modify values that `wire` has no words for.

It knows RFC 4511 and the RFCs of the controls, no rule and no directory.
"""

from __future__ import annotations

from ..real import wire

PRE_READ = b"1.3.6.1.1.13.1"
POST_READ = b"1.3.6.1.1.13.2"
ASSERTION = b"1.3.6.1.1.12"
MATCHED_VALUES = b"1.2.826.0.1.3344810.2.3"
VIRTUAL_LIST_VIEW = b"2.16.840.1.113730.3.4.9"
PROXIED_AUTHORIZATION = b"2.16.840.1.113730.3.4.18"
SUBTREE_DELETE = b"1.2.840.113556.1.4.805"
DEREFERENCE = b"1.3.6.1.4.1.4203.666.5.16"
SUBENTRIES = b"1.3.6.1.4.1.4203.1.10.1"
NO_OPERATION = b"1.3.6.1.4.1.4203.1.10.2"
RELAX = b"1.3.6.1.4.1.4203.666.5.12"
SEARCH_OPTIONS = b"1.2.840.113556.1.4.1340"
TRANSACTION_START = b"1.3.6.1.1.21.1"

BASE, ONE, SUB, CHILDREN = range(4)


def all_of(*filters: bytes) -> bytes:
    return wire.tlv(0xA0, *filters)


def any_of(*filters: bytes) -> bytes:
    return wire.tlv(0xA1, *filters)


def none_of(one: bytes) -> bytes:
    return wire.tlv(0xA2, one)


def initial(attribute: bytes, value: bytes) -> bytes:
    return wire.tlv(0xA4, wire.octets(attribute), wire.sequence(wire.octets(value, 0x80)))


def contains(attribute: bytes, value: bytes) -> bytes:
    return wire.tlv(0xA4, wire.octets(attribute), wire.sequence(wire.octets(value, 0x81)))


def at_least(attribute: bytes, value: bytes) -> bytes:
    return wire.tlv(0xA5, wire.octets(attribute), wire.octets(value))


def at_most(attribute: bytes, value: bytes) -> bytes:
    return wire.tlv(0xA6, wire.octets(attribute), wire.octets(value))


def approximately(attribute: bytes, value: bytes) -> bytes:
    return wire.tlv(0xA8, wire.octets(attribute), wire.octets(value))


def extensible(value: bytes, *, attribute: bytes = b"", rule: bytes = b"", in_dn: bool = False) -> bytes:
    return wire.tlv(
        0xA9,
        wire.octets(rule, 0x81) if rule else b"",
        wire.octets(attribute, 0x82) if attribute else b"",
        wire.octets(value, 0x83),
        wire.boolean(True, 0x84) if in_dn else b"",
    )


def listed(*names: bytes) -> bytes:
    return wire.sequence(*map(wire.octets, names))


def sort_by(*attributes: bytes, rule: bytes | None = None) -> bytes:
    ordering = b"" if rule is None else wire.octets(rule, 0x80)
    keys = wire.sequence(*(wire.sequence(wire.octets(attribute), ordering) for attribute in attributes))
    return wire.control(wire.SORT_REQUEST, keys, critical=True)


def view_of_list() -> bytes:
    by_offset = wire.tlv(0xA0, wire.integer(1), wire.integer(0))
    value = wire.sequence(wire.integer(0), wire.integer(9), by_offset)
    return wire.control(VIRTUAL_LIST_VIEW, value, critical=True)


def asserting(filter: bytes) -> bytes:
    return wire.control(ASSERTION, filter, critical=True)


def reading(oid: bytes, *attributes: bytes) -> bytes:
    return wire.control(oid, listed(*attributes), critical=True)


def matching_values(*filters: bytes) -> bytes:
    return wire.control(MATCHED_VALUES, wire.sequence(*filters))


def proxied(dn: bytes) -> bytes:
    return wire.control(PROXIED_AUTHORIZATION, b"dn:" + dn, critical=True)


def synchronising() -> bytes:
    return wire.control(wire.SYNC_REQUEST, wire.sequence(wire.enumerated(1)), critical=True)


def dereferencing(attribute: bytes, *shown: bytes) -> bytes:
    value = wire.sequence(wire.sequence(wire.octets(attribute), listed(*shown)))
    return wire.control(DEREFERENCE, value, critical=True)


def persistent() -> bytes:
    value = wire.sequence(wire.integer(15), wire.boolean(False), wire.boolean(True))
    return wire.control(wire.PERSISTENT_SEARCH, value, critical=True)


def paged(size: int, cookie: bytes = b"") -> bytes:
    return wire.control(wire.PAGED_RESULTS, wire.sequence(wire.integer(size), wire.octets(cookie)), critical=True)


def cookie_of(done: wire.Message) -> bytes:
    """The cookie that a page ended with."""
    for _, content in wire.children(done.controls):
        parts = [part for _, part in wire.children(content)]
        if parts[0] == wire.PAGED_RESULTS:
            ((_, value),) = wire.children(parts[-1])
            return wire.children(value)[1][1]
    return b""


def password_modify(message_id: int, user: bytes | None, new: bytes, old: bytes | None = None) -> bytes:
    value = wire.sequence(
        b"" if user is None else wire.octets(user, 0x80),
        b"" if old is None else wire.octets(old, 0x81),
        wire.octets(new, 0x82),
    )
    return wire.extended(message_id, wire.PASSWORD_MODIFY, value)
