"""Certificates and keys from the kinds of files operators have."""

from __future__ import annotations

import dataclasses
import datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
    pkcs12,
)

from ostiary.tls import (
    IdentityError,
    Throwaway,
    ThrowawayFiles,
    load_authorities,
    load_identity,
    refuses_authorities,
    refuses_identity,
    system_authorities,
    throwaway_authority,
)

Signing = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("identity")


@pytest.fixture(scope="module")
def authority(home: Path) -> Throwaway:
    return throwaway_authority(home)


@pytest.fixture(scope="module")
def files(authority: Throwaway) -> ThrowawayFiles:
    assert authority.files is not None
    return authority.files


def parts_of(error: IdentityError) -> list[str]:
    return [part for part, _, _ in error.faults]


def test_pem_pair_is_loaded_leaf_first_whatever_the_order(
    home: Path, authority: Throwaway, files: ThrowawayFiles
) -> None:
    mixed = home / "mixed.pem"
    mixed.write_bytes(files.ca.read_bytes() + files.server_certificate.read_bytes())
    identity = load_identity(mixed, files.server_key, None)
    assert identity.chain == (authority.server.chain[0], authority.ca)
    assert identity.key == authority.server.key
    assert identity.names == ("localhost", "127.0.0.1", "::1")
    assert identity.not_valid_after == authority.server.not_valid_after


def test_key_may_stand_in_the_certificates_file(home: Path, authority: Throwaway, files: ThrowawayFiles) -> None:
    both = home / "both.pem"
    both.write_bytes(files.server_key.read_bytes() + files.server_certificate.read_bytes())
    assert load_identity(both, None, None) == authority.server
    assert load_identity(both, both, None) == authority.server


def test_der_files_are_loaded(home: Path, authority: Throwaway) -> None:
    (home / "server.der").write_bytes(authority.server.chain[0])
    (home / "key.der").write_bytes(authority.server.key)
    assert load_identity(home / "server.der", home / "key.der", None) == authority.server


def test_ec_parameters_before_a_key_do_no_harm(home: Path, authority: Throwaway, files: ThrowawayFiles) -> None:
    key = load_der_private_key(authority.server.key, None)
    old = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    parameters = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
    (home / "old.key").write_bytes(parameters + old)
    assert load_identity(files.server_certificate, home / "old.key", None) == authority.server


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
@pytest.mark.parametrize("password", ["open sesame", b"open sesame"])
def test_encrypted_keys_of_both_forms_are_loaded(
    home: Path, authority: Throwaway, files: ThrowawayFiles, form: PrivateFormat, password: str | bytes
) -> None:
    key = load_der_private_key(authority.server.key, None)
    encrypted = home / "encrypted.key"
    encrypted.write_bytes(key.private_bytes(Encoding.PEM, form, BestAvailableEncryption(b"open sesame")))
    assert load_identity(files.server_certificate, encrypted, password) == authority.server
    for wrong in (None, "hunter2"):
        with pytest.raises(IdentityError) as raised:
            load_identity(files.server_certificate, encrypted, wrong)
        assert parts_of(raised.value) == ["password"]
        assert "hunter2" not in str(raised.value)


def test_password_of_a_key_that_is_not_encrypted_does_no_harm(authority: Throwaway, files: ThrowawayFiles) -> None:
    assert load_identity(files.server_certificate, files.server_key, "unused") == authority.server


@pytest.mark.parametrize("suffix", ["p12", "bin"])
@pytest.mark.parametrize("password", [None, b"open sesame"])
def test_pkcs12_is_known_by_its_content(home: Path, authority: Throwaway, suffix: str, password: bytes | None) -> None:
    bundle = home / f"server.{suffix}"
    key = load_der_private_key(authority.server.key, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    leaf, ca = (x509.load_der_x509_certificate(one) for one in (authority.server.chain[0], authority.ca))
    encryption = NoEncryption() if password is None else BestAvailableEncryption(password)
    bundle.write_bytes(pkcs12.serialize_key_and_certificates(b"server", key, leaf, [ca], encryption))
    identity = load_identity(bundle, None, password)
    assert identity.chain == (authority.server.chain[0], authority.ca)
    assert identity.key == authority.server.key
    if password is not None:
        for wrong in (None, b"hunter2"):
            with pytest.raises(IdentityError) as raised:
                load_identity(bundle, None, wrong)
            assert parts_of(raised.value) == ["password"]


def test_every_part_that_is_wrong_is_told(home: Path) -> None:
    (home / "broken.crt").write_bytes(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    (home / "broken.key").write_bytes(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    with pytest.raises(IdentityError) as raised:
        load_identity(home / "broken.crt", home / "broken.key", None)
    assert parts_of(raised.value) == ["certificate", "key"]
    assert "holds a broken certificate" in str(raised.value)
    assert "holds a broken private key" in str(raised.value)


def test_truncated_and_empty_files_are_told(home: Path, files: ThrowawayFiles) -> None:
    for content in (b"", b"\x30", b"\x30\x82", b"\x30\x03\x02\x01\x03", b"\x30\x80\x02\x01\x03"):
        (home / "odd").write_bytes(content)
        with pytest.raises(IdentityError):
            load_identity(home / "odd", files.server_key, None)
        with pytest.raises(IdentityError):
            load_identity(files.server_certificate, home / "odd", None)


def self_signed(home: Path, key: Signing) -> Path:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "old.corp.example")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + datetime.timedelta(days=1)).sign(
        key, None if isinstance(key, ed448.Ed448PrivateKey | ed25519.Ed25519PrivateKey) else hashes.SHA256()
    )
    path = home / "own.pem"
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(certificate.public_bytes(Encoding.PEM) + pem)
    return path


def test_keys_that_rustls_cannot_use_are_refused_for_it_alone(home: Path) -> None:
    for key in (
        rsa.generate_private_key(65537, 1024),
        ec.generate_private_key(ec.SECP256K1()),
        ed448.Ed448PrivateKey.generate(),
    ):
        path = self_signed(home, key)
        with pytest.raises(IdentityError, match="a kind of key that is not supported"):
            load_identity(path, None, None)
        assert load_identity(path, None, None, engine="openssl").chain


@pytest.mark.parametrize(
    "key",
    [
        rsa.generate_private_key(65537, 2048),
        ec.generate_private_key(ec.SECP256R1()),
        ec.generate_private_key(ec.SECP384R1()),
        ec.generate_private_key(ec.SECP521R1()),
        ed25519.Ed25519PrivateKey.generate(),
    ],
    ids=lambda key: type(key).__name__,
)
def test_keys_of_every_kind_promised_are_taken_by_rustls(home: Path, key: Signing) -> None:
    assert refuses_identity(load_identity(self_signed(home, key), None, None)) is None


def test_what_rustls_cannot_use_is_told_with_its_reason(authority: Throwaway) -> None:
    assert refuses_authorities((authority.ca,)) is None
    assert refuses_authorities((b"no certificate",))
    assert refuses_identity(dataclasses.replace(authority.server, key=b"no key"))


def test_common_name_is_the_name_where_no_other_is_stated(home: Path) -> None:
    path = self_signed(home, ec.generate_private_key(ec.SECP384R1()))
    assert load_identity(path, None, None).names == ("old.corp.example",)


def test_repr_hides_the_key(authority: Throwaway) -> None:
    assert repr(authority.server.key) not in repr(authority)
    assert "key" not in repr(authority.server)


def test_private_keys_are_written_for_the_owner_alone(files: ThrowawayFiles) -> None:
    assert files.server_key.stat().st_mode & 0o777 == 0o600


def test_throwaway_authority_needs_no_directory() -> None:
    authority = throwaway_authority(names=["ldap.corp.example"])
    assert authority.files is None
    assert authority.server.names == ("ldap.corp.example",)


def test_authorities_are_loaded_from_pem_and_der(home: Path, authority: Throwaway, files: ThrowawayFiles) -> None:
    bundle = home / "bundle.pem"
    bundle.write_bytes(b"# a comment\n" + files.ca.read_bytes() * 2)
    assert load_authorities(bundle) == (authority.ca, authority.ca)
    (home / "ca.der").write_bytes(authority.ca)
    assert load_authorities(home / "ca.der") == (authority.ca,)


def test_system_authorities_follow_the_environment(
    authority: Throwaway, files: ThrowawayFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(files.ca))
    assert system_authorities() == (authority.ca,)


def test_system_without_authorities_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(home / "nowhere"))
    monkeypatch.setattr("ostiary.tls.authorities.SYSTEM_BUNDLES", ())
    with pytest.raises(IdentityError, match="install ca-certificates or set ca"):
        system_authorities()
