"""The value of a password modify request (RFC 3062): read, and written.

PasswdModifyRequestValue ::= SEQUENCE {
    userIdentity    [0]  OCTET STRING OPTIONAL
    oldPasswd       [1]  OCTET STRING OPTIONAL
    newPasswd       [2]  OCTET STRING OPTIONAL }
"""

from __future__ import annotations

from ostiary.plugins.client import Identity, identity_of
from ostiary.plugins.frozen import Frozen, fill

__all__ = ["PASSWORD_MODIFY_OID", "PasswordModify"]

PASSWORD_MODIFY_OID = "1.3.6.1.4.1.4203.1.11.1"
_SEQUENCE = 0x30
_FIELDS = (0x80, 0x81, 0x82)


class PasswordModify(Frozen):
    """Whose password is to be changed. Its repr shows no password."""

    __slots__ = ("new_password", "old_password", "user_identity")

    user_identity: str | None
    """As it was spelt; None: the password of the client itself. Never compare this: see `identity`."""
    old_password: bytes | None
    new_password: bytes | None
    """None: the server is to make one up."""

    def __init__(
        self, user_identity: str | None = None, old_password: bytes | None = None, new_password: bytes | None = None
    ) -> None:
        fill(self, "user_identity", user_identity)
        fill(self, "old_password", old_password)
        fill(self, "new_password", new_password)

    @property
    def identity(self) -> Identity | None:
        """Whose password it is, normalised; None: the client's own."""
        return None if self.user_identity is None else identity_of(self.user_identity)

    @classmethod
    def decode(cls, value: bytes | None) -> PasswordModify:
        """Reads a request's value. Raises: ValueError when it is malformed."""
        if value is None:
            return cls()
        tag, body, rest = _element(value)
        if tag != _SEQUENCE or rest:
            raise ValueError("passwdModifyRequestValue: expected one sequence")
        fields: dict[int, bytes] = {}
        least = _FIELDS[0]
        while body:
            tag, content, body = _element(body)
            if tag not in _FIELDS or tag < least:
                raise ValueError("passwdModifyRequestValue: unexpected element")
            fields[tag], least = content, tag + 1
        identity = fields.get(_FIELDS[0])
        return cls(None if identity is None else identity.decode(), fields.get(_FIELDS[1]), fields.get(_FIELDS[2]))

    def encode(self) -> bytes:
        """The value as BER."""
        identity = None if self.user_identity is None else self.user_identity.encode()
        fields = zip(_FIELDS, (identity, self.old_password, self.new_password), strict=True)
        return _encoded(_SEQUENCE, b"".join(_encoded(tag, field) for tag, field in fields if field is not None))

    def __repr__(self) -> str:
        return "PasswordModify(...)"


def _element(data: bytes) -> tuple[int, bytes, bytes]:
    """Tag, content and rest of what begins with an element of definite length. Raises: ValueError."""
    if len(data) < 2:
        raise ValueError("passwdModifyRequestValue: truncated")
    tag, length, start = data[0], data[1], 2
    if length >= 0x80:
        octets = length & 0x7F
        start += octets
        if not 1 <= octets <= 4 or len(data) < start:
            raise ValueError("passwdModifyRequestValue: bad length")
        length = int.from_bytes(data[2:start], "big")
    if len(data) - start < length:
        raise ValueError("passwdModifyRequestValue: truncated")
    return tag, data[start : start + length], data[start + length :]


def _encoded(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content
