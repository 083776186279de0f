"""One throwaway authority for all configuration tests."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from ostiary.tls import throwaway_authority


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with ca.pem, server.* and client.*, an encrypted pair, an expired one, and broken files."""
    directory = tmp_path_factory.mktemp("certificates")
    throwaway_authority(directory)
    throwaway_authority(directory / "encrypted", password=b"open sesame")
    throwaway_authority(directory / "expired", valid_days=-3)
    (directory / "password").write_text("open sesame\n")
    (directory / "empty").write_text("\n")
    (directory / "prose").write_text("no certificate here\n")
    (directory / "critical.pem").write_bytes(_with_unknown_critical_extension())
    return directory


def _with_unknown_critical_extension() -> bytes:
    """A certificate and its key that old directories live with and rustls does not."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "old")])
    now = datetime.datetime.now(datetime.UTC)
    extension = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00")
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + datetime.timedelta(days=1))
    certificate = builder.add_extension(extension, critical=True).sign(key, hashes.SHA256())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return certificate.public_bytes(Encoding.PEM) + pem
