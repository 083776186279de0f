"""A certificate with its chain and private key, from the files operators have.

PEM with the key beside it or in the same file, encrypted or not, DER, and PKCS #12 by content. Knows
no configuration key and no TLS engine but for the kinds of keys that one cannot use. Neither key nor
password ever enters a message or a repr.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import pkcs12
from pydantic import SecretStr

from ostiary.errors import OstiaryError

if TYPE_CHECKING:
    from ostiary.config.listeners import IdentityFiles

IdentityPart = Literal["certificate", "key", "password"]

_PEM_CERTIFICATE = re.compile(rb"-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----")
# OpenSSL writes EC PARAMETERS before some keys, and certificates may stand in the same file.
_PEM_KEY = re.compile(rb"-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----.*?-----END \1-----", re.DOTALL)
# aws-lc-rs, the provider rustls uses here, signs with no shorter and no longer RSA keys.
_RSA_BITS = range(2_048, 8_193)


class IdentityError(OstiaryError):
    """Certificate, key, password or authorities cannot be used."""

    def __init__(self, faults: Sequence[tuple[IdentityPart, str, Path | None]]) -> None:
        self.faults = tuple(faults)
        """For each fault: the part, what is wrong with it and the remedy, and the file if one is meant."""
        super().__init__("; ".join(f"{message}: {path}" if path else message for _, message, path in faults))


@dataclass(frozen=True)
class Identity:
    """A certificate chain and its private key."""

    chain: tuple[bytes, ...] = field(repr=False)
    """DER, the certificate itself first."""
    key: bytes = field(repr=False)
    """PKCS #8, DER, not encrypted."""
    names: tuple[str, ...]
    """DNS names and IP addresses that the certificate is for; its common name when it has neither."""
    not_valid_before: datetime.datetime
    not_valid_after: datetime.datetime


def identity_of(files: IdentityFiles) -> Identity | None:
    """The identity that a configuration table names, if it does. Raises: IdentityError."""
    if files.certificate is None:
        return None
    password = read_password(files.password_file, files.password)
    # A table without an engine is a listener's.
    engine: Literal["rustls", "openssl"] = "openssl" if getattr(files, "engine", "") == "openssl" else "rustls"
    return load_identity(files.certificate, files.key, password, engine=engine)


def read_password(password_file: Path | None, password: SecretStr | None) -> bytes | None:
    """The password that the file holds or that is given; None without either. Raises: IdentityError."""
    if password_file is None:
        return None if password is None else password.get_secret_value().encode()
    secret = read("password", password_file).rstrip(b"\r\n")
    if not secret:
        raise IdentityError([("password", "the file holds no password", password_file)])
    return secret


def load_identity(
    certificate: Path,
    key: Path | None,
    password: str | bytes | None,
    *,
    engine: Literal["rustls", "openssl"] = "rustls",
) -> Identity:
    """The identity in the files, checked to belong together and to be usable by the engine.

    The key may stand in the certificate's file. Raises: IdentityError, with every fault.
    """
    secret = password.encode() if isinstance(password, str) else password
    faults: list[tuple[IdentityPart, str, Path | None]] = []
    chain: list[x509.Certificate] = []
    private: PrivateKeyTypes | None = None
    content = b""
    try:
        content = read("certificate", certificate)
        private, chain = _chain(content, certificate, secret)
    except IdentityError as error:
        faults += error.faults
    try:
        if key is not None:
            private = _key(read("key", key), key, secret)
        elif private is None and _PEM_KEY.search(content):
            private = _key(content, certificate, secret)
        elif private is None and chain:
            faults.append(("key", "missing; the certificate's file holds no private key", None))
    except IdentityError as error:
        faults += error.faults
    if faults or private is None:
        raise IdentityError(faults)
    return _identity(chain, private, certificate, key or certificate, engine)


def load_chain(certificate: Path, password: bytes | None) -> tuple[x509.Certificate, ...]:
    """The certificates in the file, whatever the key is. Raises: IdentityError."""
    return tuple(_chain(read("certificate", certificate), certificate, password)[1])


def read(part: IdentityPart, path: Path) -> bytes:
    """The content of the file. Raises: IdentityError."""
    try:
        return path.read_bytes()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise IdentityError([(part, f"not readable: {reason}", path)]) from None


def certificates(part: IdentityPart, content: bytes, path: Path) -> list[x509.Certificate]:
    """The certificates in PEM or DER, in their order. Raises: IdentityError when there is none."""
    try:
        if _PEM_CERTIFICATE.search(content):
            return x509.load_pem_x509_certificates(content)
        if content[:1] == b"\x30":
            return [x509.load_der_x509_certificate(content)]
    except (ValueError, UnsupportedAlgorithm):
        raise IdentityError([(part, "holds a broken certificate", path)]) from None
    raise IdentityError([(part, "holds no certificate; a PEM file has BEGIN CERTIFICATE", path)])


def _chain(content: bytes, path: Path, secret: bytes | None) -> tuple[PrivateKeyTypes | None, list[x509.Certificate]]:
    if _is_pkcs12(content):
        return _pkcs12("certificate", content, path, secret)
    return None, certificates("certificate", content, path)


def _is_pkcs12(content: bytes) -> bool:
    """Whether this is a PFX (RFC 7292, section 4): a SEQUENCE that begins with the version, INTEGER 3.

    A DER certificate begins with another SEQUENCE.
    """
    if content[:1] != b"\x30":
        return False
    # The outer length: one octet, or as many as the low bits of the first say; 0x80 is indefinite.
    first = content[1:2]
    header = 2 + (first[0] & 0x7F if first and first[0] & 0x80 else 0)
    return content[header : header + 3] == b"\x02\x01\x03"


def _pkcs12(
    part: IdentityPart, content: bytes, path: Path, secret: bytes | None
) -> tuple[PrivateKeyTypes, list[x509.Certificate]]:
    try:
        private, leaf, others = pkcs12.load_key_and_certificates(content, secret)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        message = "does not open the PKCS #12 file" if secret else "missing; the PKCS #12 file is encrypted"
        raise IdentityError([("password", message, path)]) from None
    if private is None or leaf is None:
        raise IdentityError([(part, "holds no certificate with its private key", path)])
    return private, [leaf, *_linked(leaf, others)]


def _linked(leaf: x509.Certificate, others: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    """The issuers in their order: PKCS #12 keeps certificates in none, and TLS wants them one by one."""
    chain, left = [leaf], list(others)
    while issuer := next((other for other in left if other.subject == chain[-1].issuer), None):
        left.remove(issuer)
        chain.append(issuer)
    return chain[1:]


def _key(content: bytes, path: Path, secret: bytes | None) -> PrivateKeyTypes:
    if _is_pkcs12(content):
        return _pkcs12("key", content, path, secret)[0]
    match = _PEM_KEY.search(content)
    if match is None and content[:1] != b"\x30":
        raise IdentityError([("key", "holds no private key; a PEM file has BEGIN PRIVATE KEY", path)])
    try:
        return _decoded(content if match is None else match[0], match is not None, secret)
    except TypeError:
        # cryptography's way to say that the key is encrypted and no password came.
        message = "missing; the private key is encrypted, add password_file"
        raise IdentityError([("password", message, None)]) from None
    except (ValueError, UnsupportedAlgorithm):
        if secret and _is_encrypted(content):
            raise IdentityError([("password", "does not decrypt the private key", path)]) from None
        raise IdentityError([("key", "holds a broken private key", path)]) from None


def _is_encrypted(content: bytes) -> bool:
    return b"BEGIN ENCRYPTED PRIVATE KEY" in content or b"4,ENCRYPTED" in content or content[:1] == b"\x30"


def _decoded(content: bytes, is_pem: bool, secret: bytes | None) -> PrivateKeyTypes:
    decode = serialization.load_pem_private_key if is_pem else serialization.load_der_private_key
    try:
        return decode(content, password=secret)
    except TypeError:
        # A password for a key that is not encrypted does no harm: deployments set it for every file.
        if secret is None:
            raise
        return decode(content, password=None)


def _identity(
    chain: list[x509.Certificate], private: PrivateKeyTypes, certificate: Path, key: Path, engine: str
) -> Identity:
    public = _public_bytes(private.public_key())
    leaf = next((one for one in chain if _public_bytes(one.public_key()) == public), None)
    if leaf is None:
        raise IdentityError([("key", f"does not belong to the certificate in {certificate.name}", key)])
    if engine == "rustls":
        _check_for_rustls(leaf, private, certificate, key)
    others = [one for one in chain if one is not leaf]
    return Identity(
        chain=tuple(one.public_bytes(serialization.Encoding.DER) for one in (leaf, *others)),
        key=private.private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
        names=_names(leaf),
        not_valid_before=leaf.not_valid_before_utc,
        not_valid_after=leaf.not_valid_after_utc,
    )


def _public_bytes(key: object) -> bytes:
    encoded: bytes = key.public_bytes(  # type: ignore[attr-defined]  # every public key has it
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return encoded


def _check_for_rustls(leaf: x509.Certificate, private: PrivateKeyTypes, certificate: Path, key: Path) -> None:
    if leaf.version is not x509.Version.v3:
        raise IdentityError([("certificate", "an X.509 version 1 certificate; issue version 3", certificate)])
    usable = isinstance(private, ed25519.Ed25519PrivateKey)
    if isinstance(private, rsa.RSAPrivateKey):
        usable = private.key_size in _RSA_BITS
    elif isinstance(private, ec.EllipticCurvePrivateKey):
        usable = isinstance(private.curve, ec.SECP256R1 | ec.SECP384R1 | ec.SECP521R1)
    if not usable:
        kinds = "RSA from 2048 bits on, ECDSA on P-256, P-384 or P-521, or Ed25519"
        message = f"a kind of key that is not supported; use {kinds}"
        raise IdentityError([("key", message, key)])


def _names(leaf: x509.Certificate) -> tuple[str, ...]:
    try:
        stated = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        dns = stated.get_values_for_type(x509.DNSName)
        addresses = [str(address) for address in stated.get_values_for_type(x509.IPAddress)]
    except (x509.ExtensionNotFound, ValueError, x509.DuplicateExtension):
        dns, addresses = [], []
    if dns or addresses:
        return (*dns, *addresses)
    common = leaf.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return tuple(str(attribute.value) for attribute in common)
