"""Towards servers that rustls cannot speak to: an `ssl.SSLContext` for `engine = "openssl"`.

Loud elsewhere: who uses an old version is told by `ostiary check` and in the log. Keys reach OpenSSL
encrypted, by memory that never touches a disk.
"""

from __future__ import annotations

import secrets
import ssl
import warnings
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_der_private_key,
)

from ostiary.pem import load_identity
from ostiary.tls.authorities import load_authorities, system_authorities
from ostiary.tls.identity import Identity, identity_of

if TYPE_CHECKING:
    from ostiary.config.upstreams import UpstreamTls

_VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}
# OpenSSL 3 allows neither TLS below 1.2 nor SHA-1 signatures above security level 0.
OLD_CIPHERS = "DEFAULT:@SECLEVEL=0"
# ssl.OP_LEGACY_SERVER_CONNECT has a name from Python 3.12 on: servers from before RFC 5746.
_OP_LEGACY_SERVER_CONNECT = 0x4


def openssl_context(tls: UpstreamTls) -> ssl.SSLContext:
    """A client context that trusts, identifies itself and speaks as the table says.

    The name to verify is the caller's to give, as `server_hostname`. Raises: IdentityError.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if tls.min_version in ("1.0", "1.1"):
        context.set_ciphers(OLD_CIPHERS)
        context.options |= _OP_LEGACY_SERVER_CONNECT
    with warnings.catch_warnings():
        # Python calls the old versions deprecated; the operator has asked for them.
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = _VERSIONS[tls.min_version]
    if tls.verify:
        authorities = system_authorities() if tls.ca is None else load_authorities(tls.ca)
        context.load_verify_locations(cadata=b"".join(authorities))
        # Any certificate in `ca` is an anchor, an intermediate one too: as with rustls.
        context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    identity = identity_of(tls)
    if identity is not None:
        _use(identity, context)
    return context


def _use(identity: Identity, context: ssl.SSLContext) -> None:
    """Gives the identity to the context, its key encrypted on the way."""
    password = secrets.token_bytes(32).hex().encode()
    key = load_der_private_key(identity.key, password=None)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password))
    load_identity(context, identity.chain, pem, password)
