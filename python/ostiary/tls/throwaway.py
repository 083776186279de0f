"""A certificate authority for one afternoon: for the demo and for tests, never for real clients.

Everything is made anew each time and is valid for a month.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ostiary.tls.identity import Identity

# GnuTLS builds of libldap replace "localhost" by the machine's own name when they check a certificate,
# so that the addresses must stand in it too.
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
_DAYS = 30


@dataclass(frozen=True)
class ThrowawayFiles:
    """Where an authority was written."""

    ca: Path
    server_certificate: Path
    server_key: Path
    client_certificate: Path
    client_key: Path


@dataclass(frozen=True)
class Throwaway:
    """An authority with a server's and a client's certificate."""

    ca: bytes = field(repr=False)
    """DER of the authority's certificate, to be trusted by peers."""
    server: Identity
    client: Identity
    files: ThrowawayFiles | None = None
    """Where it was written, if it was."""


def throwaway_authority(
    directory: Path | None = None,
    names: Sequence[str] = LOCAL_NAMES,
    *,
    client_name: str = "demo client",
    valid_days: int = _DAYS,
    password: bytes | None = None,
) -> Throwaway:
    """A new authority with certificates for these names; written to the directory if one is given.

    The password encrypts the private keys in files.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("Ostiary throwaway authority")
    usage = x509.KeyUsage(
        digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False,
        key_encipherment=False, data_encipherment=False, key_agreement=False,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip
    authority = (
        _builder(name, name, key.public_key(), key.public_key(), valid_days)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )
    issued = []
    for subject, purpose, stated in (
        (names[0], ExtendedKeyUsageOID.SERVER_AUTH, names),
        (client_name, ExtendedKeyUsageOID.CLIENT_AUTH, ()),
    ):
        own_key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_name(subject), name, own_key.public_key(), key.public_key(), valid_days)
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        if stated:
            alternatives = x509.SubjectAlternativeName([_general_name(one) for one in stated])
            builder = builder.add_extension(alternatives, critical=False)
        issued.append((own_key, builder.sign(key, hashes.SHA256())))
    files = None if directory is None else _written(directory, authority, issued, password)
    server, client = (
        Identity(
            chain=(certificate.public_bytes(Encoding.DER),),
            key=own_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
            names=tuple(stated),
            not_valid_before=certificate.not_valid_before_utc,
            not_valid_after=certificate.not_valid_after_utc,
        )
        for (own_key, certificate), stated in zip(issued, (names, (client_name,)), strict=True)
    )
    return Throwaway(ca=authority.public_bytes(Encoding.DER), server=server, client=client, files=files)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    issuer_key: ec.EllipticCurvePublicKey,
    valid_days: int,
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    # A negative validity makes an expired certificate, for tests of what is said about one.
    start = now - datetime.timedelta(hours=1) if valid_days > 0 else now + datetime.timedelta(days=2 * valid_days)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(now + datetime.timedelta(days=valid_days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _general_name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _written(
    directory: Path,
    authority: x509.Certificate,
    issued: Sequence[tuple[ec.EllipticCurvePrivateKey, x509.Certificate]],
    password: bytes | None,
) -> ThrowawayFiles:
    directory.mkdir(parents=True, exist_ok=True)
    files = ThrowawayFiles(
        ca=directory / "ca.pem",
        server_certificate=directory / "server.crt",
        server_key=directory / "server.key",
        client_certificate=directory / "client.crt",
        client_key=directory / "client.key",
    )
    files.ca.write_bytes(authority.public_bytes(Encoding.PEM))
    encryption: KeySerializationEncryption = NoEncryption()
    if password is not None:
        encryption = BestAvailableEncryption(password)
    targets = (
        (files.server_certificate, files.server_key),
        (files.client_certificate, files.client_key),
    )
    for (key, certificate), (certificate_file, key_file) in zip(issued, targets, strict=True):
        certificate_file.write_bytes(certificate.public_bytes(Encoding.PEM))
        _write_private(key_file, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    return files


def _write_private(path: Path, content: bytes) -> None:
    """Writes a file that nobody else can read, at no moment."""
    path.unlink(missing_ok=True)
    with open(path, "wb", opener=lambda name, flags: os.open(name, flags | os.O_EXCL, 0o600)) as file:
        file.write(content)
