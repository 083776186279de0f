"""Says whether a password fits a stored userPassword value: plain, {SSHA} or {SHA} (RFC 2307).

For the demo's made-up people only: SHA-1 is what old directories hold, not what a new one should store.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os

__all__ = ["hash_password", "password_matches"]

_DIGEST_BYTES = hashlib.sha1(usedforsecurity=False).digest_size


def password_matches(stored: bytes, password: bytes) -> bool:
    """True if the password is the one stored; an unknown or broken scheme fits no password."""
    scheme, brace, rest = stored.partition(b"}")
    if not (brace and scheme.startswith(b"{")):
        return hmac.compare_digest(stored, password)
    if scheme.upper() not in (b"{SSHA", b"{SHA"):
        return False
    try:
        decoded = base64.b64decode(rest, validate=True)
    except binascii.Error:
        return False
    digest, salt = decoded[:_DIGEST_BYTES], decoded[_DIGEST_BYTES:]
    return hmac.compare_digest(digest, hashlib.sha1(password + salt, usedforsecurity=False).digest())


def hash_password(password: bytes, salt: bytes | None = None) -> bytes:
    """The {SSHA} form of a password, with eight random octets of salt unless told otherwise."""
    salt = os.urandom(8) if salt is None else salt
    digest = hashlib.sha1(password + salt, usedforsecurity=False).digest()
    return b"{SSHA}" + base64.b64encode(digest + salt)
