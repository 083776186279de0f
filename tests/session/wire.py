"""LDAP messages by hand, for scripts: written apart from the core, so that both cannot be wrong alike."""

from __future__ import annotations

START_TLS = b"1.3.6.1.4.1.1466.20037"
NOTICE = b"1.3.6.1.4.1.1466.20036"


def tlv(tag: int, *content: bytes) -> bytes:
    """One element with a definite, minimal length."""
    body = b"".join(content)
    if len(body) < 0x80:
        return bytes([tag, len(body)]) + body
    length = len(body).to_bytes(4, "big").lstrip(b"\0")
    return bytes([tag, 0x80 | len(length)]) + length + body


def integer(value: int, tag: int = 0x02) -> bytes:
    return tlv(tag, value.to_bytes(max(1, value.bit_length() // 8 + 1), "big", signed=True))


def octets(value: bytes, tag: int = 0x04) -> bytes:
    return tlv(tag, value)


def message(message_id: int, operation: bytes, controls: bytes = b"") -> bytes:
    return tlv(0x30, integer(message_id), operation, controls)


def bind(message_id: int, name: bytes = b"cn=a", password: bytes = b"secret", version: int = 3) -> bytes:
    return message(message_id, tlv(0x60, integer(version), octets(name), octets(password, 0x80)))


def sasl_bind(message_id: int, mechanism: bytes, credentials: bytes = b"x") -> bytes:
    sasl = tlv(0xA3, octets(mechanism), octets(credentials))
    return message(message_id, tlv(0x60, integer(3), octets(b""), sasl))


def sicily_bind(message_id: int) -> bytes:
    return message(message_id, tlv(0x60, integer(3), octets(b""), octets(b"", 0x89)))


def search(
    message_id: int,
    base: bytes = b"dc=x",
    controls: bytes = b"",
    filter: bytes | None = None,
    *,
    scope: int = 2,
    deref: int = 0,
    size: int = 0,
    time: int = 0,
    attributes: tuple[bytes, ...] = (),
) -> bytes:
    body = tlv(
        0x63, octets(base), integer(scope, 0x0A), integer(deref, 0x0A), integer(size), integer(time), tlv(0x01, b"\0"),
        filter if filter is not None else octets(b"objectClass", 0x87), tlv(0x30, *map(octets, attributes)),
    )  # fmt: skip
    return message(message_id, body, controls)


def equality(attribute: bytes, value: bytes) -> bytes:
    return tlv(0xA3, octets(attribute), octets(value))


def paged(size: int, cookie: bytes = b"") -> bytes:
    """The controls of a request or a response with paged results (RFC 2696) alone."""
    return controls(control(b"1.2.840.113556.1.4.319", value=tlv(0x30, integer(size), octets(cookie))))


def control(oid: bytes, critical: bool = False, value: bytes | None = None) -> bytes:
    parts = [octets(oid)]
    if critical:
        parts.append(tlv(0x01, b"\xff"))
    if value is not None:
        parts.append(octets(value))
    return tlv(0x30, *parts)


def controls(*each: bytes) -> bytes:
    return tlv(0xA0, *each)


def extended(message_id: int, name: bytes, value: bytes | None = None) -> bytes:
    return message(message_id, tlv(0x77, octets(name, 0x80), *([] if value is None else [octets(value, 0x81)])))


def start_tls(message_id: int) -> bytes:
    return extended(message_id, START_TLS)


def abandon(message_id: int, abandoned: int) -> bytes:
    return message(message_id, integer(abandoned, 0x50))


def unbind(message_id: int) -> bytes:
    return message(message_id, tlv(0x42))


def delete(message_id: int, name: bytes = b"cn=x") -> bytes:
    return message(message_id, octets(name, 0x4A))


def compare(message_id: int) -> bytes:
    return message(message_id, tlv(0x6E, octets(b"cn=x"), tlv(0x30, octets(b"cn"), octets(b"x"))))


def result(message_id: int, tag: int, code: int = 0, text: bytes = b"", extra: bytes = b"") -> bytes:
    return message(message_id, tlv(tag, integer(code, 0x0A), octets(b""), octets(text), extra))


def bind_response(message_id: int, code: int = 0) -> bytes:
    return result(message_id, 0x61, code)


def done(message_id: int, code: int = 0, controls: bytes = b"") -> bytes:
    return message(message_id, tlv(0x65, integer(code, 0x0A), octets(b""), octets(b"")), controls)


def entry(message_id: int, name: bytes = b"cn=a", value: bytes = b"v", **more: bytes) -> bytes:
    values = {b"cn": value} | {each.encode(): more[each] for each in more}
    attributes = [tlv(0x30, octets(each), tlv(0x31, octets(values[each]))) for each in values]
    return message(message_id, tlv(0x64, octets(name), tlv(0x30, *attributes)))


def reference(message_id: int) -> bytes:
    return message(message_id, tlv(0x73, octets(b"ldap://other/")))


def intermediate(message_id: int) -> bytes:
    return message(message_id, tlv(0x79, octets(b"1.2.3", 0x80)))


def extended_response(message_id: int, code: int = 0, name: bytes | None = None) -> bytes:
    return result(message_id, 0x78, code, extra=b"" if name is None else octets(name, 0x8A))


def notice(code: int = 52) -> bytes:
    return extended_response(0, code, NOTICE)


def split(stream: bytes) -> list[bytes]:
    """The messages of a stream; what is left over comes last."""
    found = []
    while len(stream) >= 2:
        length, header = stream[1], 2
        if length & 0x80:
            header += length & 0x7F
            length = int.from_bytes(stream[2:header], "big")
        found.append(stream[: header + length])
        stream = stream[header + length :]
    return found + ([stream] if stream else [])


def summary(stream: bytes) -> list[tuple[int, int, int | None]]:
    """Each message as (id, operation tag, result code where there is one)."""
    found = []
    for each in split(stream):
        position = 2 + (each[1] & 0x7F if each[1] & 0x80 else 0)
        id_end = position + 2 + each[position + 1]
        message_id = int.from_bytes(each[position + 2 : id_end], "big", signed=True)
        tag = each[id_end]
        code = None
        if tag in (0x61, 0x65, 0x67, 0x69, 0x6B, 0x6D, 0x6F, 0x78):
            body = id_end + 2 + (each[id_end + 1] & 0x7F if each[id_end + 1] & 0x80 else 0)
            code = each[body + 2]
        found.append((message_id, tag, code))
    return found
