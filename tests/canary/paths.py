"""Every way by which a client sends a secret, well-formed and not: each as the octets of a connection of its own.

It knows the wire, and nothing of who listens.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator

from ..policy import content
from ..real import wire
from .canaries import Canary

DESK, PASSWORD = content.DESK.encode(), content.PASSWORD.encode()
ALICE, BOB = content.ALICE.encode(), content.BOB.encode()
SUFFIX = content.SUFFIX.encode()
ASSERTION, MATCHED_VALUES, PROXIED = b"1.3.6.1.1.12", b"1.2.826.0.1.3344810.2.3", b"2.16.840.1.113730.3.4.18"

Path = Callable[[bytes], bytes]
"""The octets of a connection that carry this secret."""
PATHS: dict[str, Path] = {}


def path(make: Path) -> Path:
    PATHS[make.__name__.replace("_", " ")] = make
    return make


def sent() -> Iterator[tuple[Canary, bytes]]:
    """One canary for each path, and the octets that carry it."""
    for name, make in PATHS.items():
        canary = Canary(name)
        yield canary, make(canary.secret)


def bound(request: bytes) -> bytes:
    """A request of one who may write."""
    return wire.bind(1, DESK, PASSWORD) + request


def of_everything(attribute: bytes, value: bytes) -> bytes:
    """A filter with a value in each form that there is."""
    assertion = wire.octets(attribute), wire.octets(value)
    pieces = wire.sequence(wire.octets(value, 0x80), wire.octets(value, 0x81), wire.octets(value, 0x82))
    any_of = wire.tlv(
        0xA1,
        wire.tlv(0xA3, *assertion),
        wire.tlv(0xA5, *assertion),
        wire.tlv(0xA6, *assertion),
        wire.tlv(0xA8, *assertion),
        wire.tlv(0xA4, wire.octets(attribute), pieces),
        wire.tlv(0xA2, wire.tlv(0xA3, *assertion)),
        wire.tlv(0xA9, wire.octets(b"caseExactMatch", 0x81), wire.octets(attribute, 0x82), wire.octets(value, 0x83)),
        wire.tlv(0xA9, wire.octets(b"2.5.13.5", 0x81), wire.octets(value, 0x83), wire.boolean(True, 0x84)),
    )
    return wire.tlv(0xA0, wire.present(b"objectClass"), any_of)


def searched(filter: bytes, *controls: bytes, base: bytes = SUFFIX) -> bytes:
    return bound(wire.search(2, base, scope=2, filter=filter, attributes=[b"1.1"], controls=controls))


def unicode_password(secret: bytes) -> bytes:
    """As Active Directory wants it: in quotes, in UTF-16."""
    return f'"{secret.decode()}"'.encode("utf-16-le")


# Binds.


@path
def a_wrong_password(secret: bytes) -> bytes:
    return wire.bind(1, ALICE, secret)


@path
def a_password_without_a_name(secret: bytes) -> bytes:
    return wire.bind(1, b"", secret)


@path
def a_password_of_a_user_principal_name(secret: bytes) -> bytes:
    return wire.bind(1, b"alice@example.test", secret)


@path
def a_password_in_the_name(secret: bytes) -> bytes:
    return wire.bind(1, b"userPassword=" + secret.replace(b"\\", b"") + b"," + SUFFIX, b"x")


@path
def a_version_2_bind(secret: bytes) -> bytes:
    return wire.bind(1, ALICE, secret, version=2)


@path
def a_sasl_plain_bind(secret: bytes) -> bytes:
    return wire.sasl_bind(1, b"PLAIN", b"\0desk\0" + secret)


@path
def a_sasl_bind_by_an_unknown_mechanism(secret: bytes) -> bytes:
    return wire.sasl_bind(1, b"X-UNKNOWN", secret)


@path
def a_sasl_external_bind(secret: bytes) -> bytes:
    return wire.sasl_bind(1, b"EXTERNAL", b"dn:" + secret)


@path
def a_sasl_bind_in_stages(secret: bytes) -> bytes:
    return wire.sasl_bind(1, b"DIGEST-MD5") + wire.sasl_bind(2, b"DIGEST-MD5", b'username="desk",response=' + secret)


@path
def a_sicily_bind(secret: bytes) -> bytes:
    return wire.message(1, wire.tlv(0x60, wire.integer(3), wire.octets(b"desk"), wire.octets(secret, 0x8B)))


@path
def a_bind_by_an_unknown_choice(secret: bytes) -> bytes:
    return wire.message(1, wire.tlv(0x60, wire.integer(3), wire.octets(DESK), wire.octets(secret, 0x85)))


# Passwords that are set.


@path
def a_password_modify_of_both(secret: bytes) -> bytes:
    value = wire.sequence(wire.octets(BOB, 0x80), wire.octets(secret, 0x81), wire.octets(secret[::-1], 0x82))
    return bound(wire.extended(2, wire.PASSWORD_MODIFY, value))


@path
def a_new_password_by_password_modify(secret: bytes) -> bytes:
    value = wire.sequence(wire.octets(BOB, 0x80), wire.octets(secret, 0x82))
    return bound(wire.extended(2, wire.PASSWORD_MODIFY, value))


@path
def a_password_modify_in_disorder(secret: bytes) -> bytes:
    value = wire.sequence(wire.octets(secret, 0x82), wire.octets(secret, 0x80), wire.octets(secret, 0x81))
    return bound(wire.extended(2, wire.PASSWORD_MODIFY, value) + wire.extended(3, wire.PASSWORD_MODIFY, secret))


@path
def an_extended_operation_that_nobody_knows(secret: bytes) -> bytes:
    return bound(wire.extended(2, b"1.2.3.4.5", secret))


@path
def a_replaced_user_password(secret: bytes) -> bytes:
    return bound(wire.modify(2, BOB, b"userPassword", secret))


@path
def a_deleted_user_password(secret: bytes) -> bytes:
    return bound(
        wire.modify(2, BOB, b"USERPASSWORD;x-old", secret, change=1) + wire.modify(3, BOB, b"2.5.4.35", secret)
    )


@path
def a_changed_unicode_password(secret: bytes) -> bytes:
    value = unicode_password(secret)
    return bound(
        wire.modify(2, BOB, b"unicodePwd", value, change=1)
        + wire.modify(3, BOB, b"unicodePwd", value, change=0)
        + wire.modify(4, BOB, b"1.2.840.113556.1.4.90", value)
    )


@path
def an_added_entry(secret: bytes) -> bytes:
    dn = b"uid=fresh," + SUFFIX
    return bound(
        wire.add(2, dn, objectClass=b"account", uid=b"fresh", userPassword=secret)
        + wire.add(3, dn, objectClass=b"user", unicodePwd=unicode_password(secret))
    )


@path
def a_value_of_an_open_attribute(secret: bytes) -> bytes:
    # Values that are written are never recorded, whatever they are.
    return bound(wire.modify(2, ALICE, b"description", secret) + wire.add(3, b"cn=x," + SUFFIX, description=secret))


@path
def a_name_made_of_a_password(secret: bytes) -> bytes:
    name = b"userPassword=" + secret.replace(b"\\", b"").replace(b"+", b"") + b"," + SUFFIX
    return bound(wire.delete(2, name) + wire.modify_dn(3, BOB, name.partition(b",")[0], name) + wire.search(4, name))


# Passwords that are asked about.


@path
def a_filter(secret: bytes) -> bytes:
    return searched(of_everything(b"userPassword", secret))


@path
def a_filter_in_other_words(secret: bytes) -> bytes:
    wide = unicode_password(secret)
    return bound(
        wire.search(2, SUFFIX, filter=of_everything(b"2.5.4.35;x-a", secret))
        + wire.search(3, SUFFIX, filter=of_everything(b"UNICODEPWD", wide))
        + wire.search(4, SUFFIX, filter=of_everything(b"1.2.3.4.5.6", secret))
        + wire.search(5, SUFFIX, filter=of_everything(b"employeePin", secret))
    )


@path
def a_filter_too_deep(secret: bytes) -> bytes:
    deep = wire.equality(b"userPassword", secret)
    for _ in range(100):
        deep = wire.tlv(0xA2, deep)
    return searched(deep)


@path
def a_filter_in_a_control(secret: bytes) -> bytes:
    inner = of_everything(b"userPassword", secret)
    return searched(
        wire.present(b"objectClass"),
        wire.control(ASSERTION, inner),
        wire.control(MATCHED_VALUES, wire.sequence(wire.equality(b"userPassword", secret))),
    )


@path
def a_control_that_nobody_knows(secret: bytes) -> bytes:
    return searched(wire.present(b"cn"), wire.control(b"1.2.3.4.5", secret), wire.control(PROXIED, b"u:" + secret))


@path
def a_compare(secret: bytes) -> bytes:
    return bound(
        wire.compare(2, ALICE, b"userPassword", secret)
        + wire.compare(3, ALICE, b"userpassword;x-a", secret)
        + wire.compare(4, ALICE, b"unicodePwd", unicode_password(secret))
    )


@path
def a_search_that_is_abandoned(secret: bytes) -> bytes:
    return searched(wire.equality(b"userPassword", secret)) + wire.abandon(3, 2) + wire.cancel(4, 2)


# What breaks the protocol, with a secret in it.


@path
def a_bind_with_more_behind_it(secret: bytes) -> bytes:
    parts = wire.integer(3), wire.octets(DESK), wire.octets(secret, 0x80), wire.octets(secret)
    return wire.message(1, wire.tlv(wire.BIND_REQUEST, *parts))


@path
def a_bind_that_is_cut_short(secret: bytes) -> bytes:
    return wire.bind(1, DESK, secret)[:-3]


@path
def a_bind_with_a_wrong_length(secret: bytes) -> bytes:
    whole = bytearray(wire.bind(1, DESK, secret))
    whole[whole.index(0x80, 8) + 1] += 9
    return bytes(whole)


@path
def a_bind_with_a_version_of_octets(secret: bytes) -> bytes:
    parts = wire.octets(secret, 0x02), wire.octets(secret), wire.octets(secret, 0x80)
    return wire.message(1, wire.tlv(wire.BIND_REQUEST, *parts))


@path
def a_bind_without_a_number(secret: bytes) -> bytes:
    return wire.bind(0, DESK, secret)


@path
def a_request_of_no_kind(secret: bytes) -> bytes:
    return wire.message(1, wire.octets(secret, 0x7F)) + secret


@path
def a_response_instead_of_a_request(secret: bytes) -> bytes:
    return wire.result(1, wire.BIND_RESPONSE, 0, secret)


@path
def a_filter_of_no_kind(secret: bytes) -> bytes:
    return searched(wire.octets(secret, 0xAF))


@path
def a_name_that_is_no_text(secret: bytes) -> bytes:
    return wire.bind(1, b"\xff\xfe=x", secret) + bound(wire.delete(2, b"userPassword=\xff" + secret))


@path
def a_message_id_twice(secret: bytes) -> bytes:
    return wire.bind(7, ALICE, secret) + wire.bind(7, ALICE, secret)


@path
def a_message_that_is_too_large(secret: bytes) -> bytes:
    return b"\x30\x84\x7f\x00\x00\x00" + secret


@path
def no_ldap_at_all(secret: bytes) -> bytes:
    told = base64.b64encode(b"desk:" + secret)
    return b"GET /?password=" + secret + b" HTTP/1.1\r\nAuthorization: Basic " + told + b"\r\n\r\n"


@path
def a_password_behind_start_tls(secret: bytes) -> bytes:
    return wire.start_tls(1) + wire.bind(2, DESK, secret)


@path
def a_start_tls_with_a_value(secret: bytes) -> bytes:
    return wire.extended(1, wire.START_TLS, secret)


@path
def octets_of_no_tls(secret: bytes) -> bytes:
    return b"\x16\x03\x01\x00\x40" + secret + b"\0" * 64
