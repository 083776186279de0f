"""LDAP messages by hand: just enough BER to write any request and to take any answer apart.

It shares no line with the project's own crates, on purpose: a test that decoded with the code under
test would agree with its faults. It does not validate anything, so that it can also write nonsense.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

START_TLS = b"1.3.6.1.4.1.1466.20037"
NOTICE_OF_DISCONNECTION = b"1.3.6.1.4.1.1466.20036"
CANCEL = b"1.3.6.1.1.8"
WHO_AM_I = b"1.3.6.1.4.1.4203.1.11.3"
PASSWORD_MODIFY = b"1.3.6.1.4.1.4203.1.11.1"
PERSISTENT_SEARCH = b"2.16.840.1.113730.3.4.3"
SYNC_REQUEST = b"1.3.6.1.4.1.4203.1.9.1.1"
PAGED_RESULTS = b"1.2.840.113556.1.4.319"
SORT_REQUEST = b"1.2.840.113556.1.4.473"

BIND_REQUEST, BIND_RESPONSE, UNBIND_REQUEST = 0x60, 0x61, 0x42
SEARCH_REQUEST, SEARCH_ENTRY, SEARCH_DONE, SEARCH_REFERENCE = 0x63, 0x64, 0x65, 0x73
MODIFY_REQUEST, MODIFY_RESPONSE = 0x66, 0x67
ADD_REQUEST, ADD_RESPONSE, DELETE_REQUEST, DELETE_RESPONSE = 0x68, 0x69, 0x4A, 0x6B
MODIFY_DN_REQUEST, MODIFY_DN_RESPONSE = 0x6C, 0x6D
COMPARE_REQUEST, COMPARE_RESPONSE, ABANDON_REQUEST = 0x6E, 0x6F, 0x50
EXTENDED_REQUEST, EXTENDED_RESPONSE, INTERMEDIATE_RESPONSE = 0x77, 0x78, 0x79

SUCCESS, OPERATIONS_ERROR, PROTOCOL_ERROR = 0, 1, 2
AUTH_METHOD_NOT_SUPPORTED, STRONGER_AUTH_REQUIRED, ADMIN_LIMIT_EXCEEDED = 7, 8, 11
CONFIDENTIALITY_REQUIRED, SASL_BIND_IN_PROGRESS = 13, 14
NO_SUCH_OBJECT, INVALID_CREDENTIALS, UNAVAILABLE, UNWILLING_TO_PERFORM = 32, 49, 52, 53
CANCELED, TOO_LATE, CANNOT_CANCEL = 118, 120, 121

NOT_FINAL = frozenset({SEARCH_ENTRY, SEARCH_REFERENCE, INTERMEDIATE_RESPONSE})


def length(size: int) -> bytes:
    if size < 0x80:
        return bytes([size])
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(octets)]) + octets


def tlv(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return bytes([tag]) + length(len(content)) + content


def long_tlv(tag: int, *parts: bytes) -> bytes:
    """The form Active Directory writes: four length octets, however small the content (T16)."""
    content = b"".join(parts)
    return bytes([tag, 0x84]) + len(content).to_bytes(4, "big") + content


def integer(value: int, tag: int = 0x02) -> bytes:
    size = (value + (value < 0)).bit_length() // 8 + 1
    return tlv(tag, value.to_bytes(size, "big", signed=True))


def enumerated(value: int) -> bytes:
    return integer(value, 0x0A)


def octets(value: bytes, tag: int = 0x04) -> bytes:
    return tlv(tag, value)


def boolean(value: bool, tag: int = 0x01) -> bytes:
    return tlv(tag, b"\xff" if value else b"\x00")


def sequence(*parts: bytes) -> bytes:
    return tlv(0x30, *parts)


def control(oid: bytes, value: bytes | None = None, *, critical: bool = False) -> bytes:
    parts = [octets(oid)]
    if critical:
        parts.append(boolean(True))
    if value is not None:
        parts.append(octets(value))
    return sequence(*parts)


def message(message_id: int, operation: bytes, controls: Sequence[bytes] = ()) -> bytes:
    wrapped = tlv(0xA0, *controls) if controls else b""
    return sequence(integer(message_id), operation, wrapped)


def bind(message_id: int, name: bytes = b"", password: bytes = b"", *, version: int = 3) -> bytes:
    return message(message_id, tlv(BIND_REQUEST, integer(version), octets(name), octets(password, 0x80)))


def sasl_bind(message_id: int, mechanism: bytes, credentials: bytes | None = None, *, name: bytes = b"") -> bytes:
    parts = [octets(mechanism)]
    if credentials is not None:
        parts.append(octets(credentials))
    return message(message_id, tlv(BIND_REQUEST, integer(3), octets(name), tlv(0xA3, *parts)))


def unbind(message_id: int) -> bytes:
    return message(message_id, tlv(UNBIND_REQUEST))


def present(attribute: bytes) -> bytes:
    return octets(attribute, 0x87)


def equality(attribute: bytes, value: bytes) -> bytes:
    return tlv(0xA3, octets(attribute), octets(value))


def search(
    message_id: int,
    base: bytes = b"",
    *,
    scope: int = 0,
    filter: bytes | None = None,
    attributes: Iterable[bytes] = (),
    size_limit: int = 0,
    time_limit: int = 0,
    types_only: bool = False,
    controls: Sequence[bytes] = (),
) -> bytes:
    operation = tlv(
        SEARCH_REQUEST,
        octets(base),
        enumerated(scope),
        enumerated(0),
        integer(size_limit),
        integer(time_limit),
        boolean(types_only),
        present(b"objectClass") if filter is None else filter,
        sequence(*(octets(name) for name in attributes)),
    )
    return message(message_id, operation, controls)


def modify(
    message_id: int, dn: bytes, attribute: bytes, *values: bytes, change: int = 2, controls: Sequence[bytes] = ()
) -> bytes:
    """One change; 0 adds, 1 deletes, 2 replaces."""
    partial = sequence(octets(attribute), tlv(0x31, *(octets(value) for value in values)))
    changes = sequence(sequence(enumerated(change), partial))
    return message(message_id, tlv(MODIFY_REQUEST, octets(dn), changes), controls)


def add(message_id: int, dn: bytes, **attributes: bytes) -> bytes:
    listed = sequence(
        *(sequence(octets(name.encode()), tlv(0x31, octets(value))) for name, value in attributes.items())
    )
    return message(message_id, tlv(ADD_REQUEST, octets(dn), listed))


def delete(message_id: int, dn: bytes, *, controls: Sequence[bytes] = ()) -> bytes:
    return message(message_id, octets(dn, DELETE_REQUEST), controls)


def modify_dn(message_id: int, dn: bytes, new_rdn: bytes, new_superior: bytes | None = None) -> bytes:
    superior = b"" if new_superior is None else octets(new_superior, 0x80)
    return message(message_id, tlv(MODIFY_DN_REQUEST, octets(dn), octets(new_rdn), boolean(True), superior))


def compare(message_id: int, dn: bytes, attribute: bytes, value: bytes, *, controls: Sequence[bytes] = ()) -> bytes:
    assertion = sequence(octets(attribute), octets(value))
    return message(message_id, tlv(COMPARE_REQUEST, octets(dn), assertion), controls)


def abandon(message_id: int, target: int) -> bytes:
    return message(message_id, integer(target, ABANDON_REQUEST))


def extended(message_id: int, name: bytes, value: bytes | None = None) -> bytes:
    parts = [octets(name, 0x80)]
    if value is not None:
        parts.append(octets(value, 0x81))
    return message(message_id, tlv(EXTENDED_REQUEST, *parts))


def start_tls(message_id: int) -> bytes:
    return extended(message_id, START_TLS)


def cancel(message_id: int, target: int) -> bytes:
    return extended(message_id, CANCEL, sequence(integer(target)))


def result(message_id: int, tag: int, code: int = SUCCESS, text: bytes = b"", *extra: bytes) -> bytes:
    return message(message_id, tlv(tag, enumerated(code), octets(b""), octets(text), *extra))


def entry(message_id: int, dn: bytes, *attributes: tuple[bytes, bytes]) -> bytes:
    listed = sequence(*(sequence(octets(name), tlv(0x31, octets(value))) for name, value in attributes))
    return message(message_id, tlv(SEARCH_ENTRY, octets(dn), listed))


def done(message_id: int, code: int = SUCCESS, text: bytes = b"") -> bytes:
    return result(message_id, SEARCH_DONE, code, text)


def extended_response(message_id: int, code: int = SUCCESS, name: bytes | None = None, text: bytes = b"") -> bytes:
    named = (octets(name, 0x8A),) if name is not None else ()
    return result(message_id, EXTENDED_RESPONSE, code, text, *named)


def intermediate(message_id: int, name: bytes, value: bytes = b"") -> bytes:
    return message(message_id, tlv(INTERMEDIATE_RESPONSE, octets(name, 0x80), octets(value, 0x81)))


def notice(code: int, text: bytes = b"") -> bytes:
    return extended_response(0, code, NOTICE_OF_DISCONNECTION, text)


class Malformed(Exception):
    """What arrived is not an LDAP message."""


def header(data: bytes, offset: int = 0) -> tuple[int, int, int] | None:
    """Tag, header length and content length at an offset, or None while too little is there."""
    if len(data) < offset + 2:
        return None
    first = data[offset + 1]
    if first < 0x80:
        return data[offset], 2, first
    count = first & 0x7F
    if not 1 <= count <= 4:
        raise Malformed(f"length form: {first:#x}")
    if len(data) < offset + 2 + count:
        return None
    return data[offset], 2 + count, int.from_bytes(data[offset + 2 : offset + 2 + count], "big")


def children(data: bytes) -> list[tuple[int, bytes]]:
    """The (tag, content) pairs that fill these bytes."""
    found: list[tuple[int, bytes]] = []
    offset = 0
    while offset < len(data):
        head = header(data, offset)
        if head is None or offset + head[1] + head[2] > len(data):
            raise Malformed("element longer than its parent")
        tag, skip, size = head
        found.append((tag, data[offset + skip : offset + skip + size]))
        offset += skip + size
    return found


@dataclass(frozen=True)
class Message:
    """One message as it arrived, with its envelope read."""

    raw: bytes
    message_id: int
    tag: int
    content: bytes
    controls: bytes

    @property
    def parts(self) -> list[tuple[int, bytes]]:
        return children(self.content)

    @property
    def code(self) -> int:
        return int.from_bytes(self.parts[0][1], "big")

    @property
    def text(self) -> bytes:
        return self.parts[2][1]

    def part(self, tag: int) -> bytes | None:
        return next((content for found, content in self.parts if found == tag), None)

    @property
    def response_name(self) -> bytes | None:
        return self.part(0x8A)

    @property
    def response_value(self) -> bytes | None:
        return self.part(0x8B)

    @property
    def is_final(self) -> bool:
        return self.tag not in NOT_FINAL

    @property
    def is_notice(self) -> bool:
        return self.message_id == 0 and self.tag == EXTENDED_RESPONSE and self.response_name == NOTICE_OF_DISCONNECTION

    @property
    def dn(self) -> bytes:
        return self.parts[0][1]

    @property
    def attributes(self) -> dict[bytes, list[bytes]]:
        listed = children(self.parts[1][1])
        pairs = (children(content) for _, content in listed)
        return {name[1]: [value for _, value in children(values[1])] for name, values in pairs}


def decode(raw: bytes) -> Message:
    outer = children(raw)
    if len(outer) != 1 or outer[0][0] != 0x30:
        raise Malformed(f"not one LDAPMessage: {raw[:16].hex(' ')}")
    parts = children(outer[0][1])
    controls = parts[2][1] if len(parts) > 2 else b""
    return Message(raw, int.from_bytes(parts[0][1], "big", signed=True), parts[1][0], parts[1][1], controls)


def take(data: bytes | bytearray) -> tuple[Message | None, int]:
    """The first whole message and how many bytes it took; (None, 0) while it is not all there."""
    head = header(bytes(data[:6]))
    if head is None:
        return None, 0
    total = head[1] + head[2]
    if len(data) < total:
        return None, 0
    return decode(bytes(data[:total])), total


def split(data: bytes) -> list[Message]:
    """Every message of a stream that ends at a message's end."""
    found: list[Message] = []
    rest = bytearray(data)
    while rest:
        one, used = take(rest)
        if one is None:
            raise Malformed(f"cut short: {bytes(rest[:32]).hex(' ')}")
        found.append(one)
        del rest[:used]
    return found
