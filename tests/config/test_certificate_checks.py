"""Faults of the files that a configuration names."""

from __future__ import annotations

from pathlib import Path

import pytest

from ostiary.config import Config

from .files import faults, listener, upstream

PLACE = "listeners[0].tls"


def told(directory: Path, keys: str) -> dict[str, str]:
    """Faults of a listener's certificate, by key."""
    found = faults(listener(tls=f'{{ mode = "ldaps", {keys} }}'), directory)
    return {path.removeprefix(f"{PLACE}."): message for path, message in found.items()}


def test_certificate_and_key_that_cannot_be_read_are_both_told(certificates: Path) -> None:
    found = told(certificates, 'certificate = "a.crt", key = "."')
    assert found == {
        "certificate": f"not readable: no such file or directory: {certificates}/a.crt",
        "key": f"not readable: is a directory: {certificates}",
    }


def test_key_without_permission_is_told(certificates: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.read_bytes

    def refuse(path: Path) -> bytes:
        # Root may read every file, so the system's refusal is played.
        if path.name == "server.key":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    found = told(certificates, 'certificate = "server.crt", key = "server.key"')
    assert found == {"key": f"not readable: permission denied: {certificates}/server.key"}


def test_certificate_that_rustls_does_not_take_is_told(certificates: Path) -> None:
    pair = 'certificate = "critical.pem"'
    found = told(certificates, pair)
    assert list(found) == ["certificate"]
    assert found["certificate"].startswith("rustls cannot use it (")
    tls = f'{{ mode = "starttls", {pair}, engine = "openssl" }}'
    assert faults(upstream(tls=tls), certificates) == {}


def test_files_of_other_content_are_told(certificates: Path) -> None:
    found = told(certificates, 'certificate = "prose", key = "prose"')
    assert found["certificate"].startswith("holds no certificate")
    assert found["key"].startswith("holds no private key")
    found = told(certificates, 'certificate = "server.key", key = "server.crt"')
    assert sorted(found) == ["certificate", "key"]


def test_missing_key_is_told(certificates: Path) -> None:
    found = told(certificates, 'certificate = "server.crt"')
    assert found == {"key": "missing; the certificate's file holds no private key"}


def test_key_of_another_certificate_is_told(certificates: Path) -> None:
    found = told(certificates, 'certificate = "server.crt", key = "client.key"')
    assert found == {"key": f"does not belong to the certificate in server.crt: {certificates}/client.key"}


def test_expired_certificate_is_told_even_when_its_key_is_wrong(certificates: Path) -> None:
    found = told(certificates, 'certificate = "expired/server.crt", key = "expired/server.key"')
    assert list(found) == ["certificate"]
    assert found["certificate"].startswith("expired on ")
    found = told(certificates, 'certificate = "expired/server.crt", key = "client.key"')
    assert sorted(found) == ["certificate", "key"]


def test_encrypted_key_needs_its_password(certificates: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = 'certificate = "encrypted/server.crt", key = "encrypted/server.key"'
    monkeypatch.setenv("KEY_PASSWORD", "open sesame")
    assert told(certificates, pair) == {"password_file": "missing; the private key is encrypted, add password_file"}
    assert told(certificates, f'{pair}, password_file = "password"') == {}
    assert told(certificates, f'{pair}, password = "${{env:KEY_PASSWORD}}"') == {}
    wrong = told(certificates, f'{pair}, password = "hunter2"')
    assert list(wrong) == ["password"]
    assert wrong["password"].startswith("does not decrypt the private key")
    assert "hunter2" not in str(wrong)
    wrong = told(certificates, f'{pair}, password_file = "prose"')
    assert list(wrong) == ["password_file"]
    assert list(told(certificates, f'{pair}, password_file = "empty"')) == ["password_file"]
    assert list(told(certificates, f'{pair}, password_file = "nowhere"')) == ["password_file"]
    both = told(certificates, f'{pair}, password_file = "password", password = "x"')
    assert both == {"password": "password_file is given too; keep one of both"}


def test_faulty_password_does_not_hide_an_unreadable_certificate(certificates: Path) -> None:
    found = told(certificates, 'certificate = "a.crt", key = "b.key", password = 7')
    assert sorted(found) == ["certificate", "key", "password"]


def test_key_without_certificate_is_told(certificates: Path) -> None:
    found = faults(upstream(tls='{ mode = "starttls", key = "client.key" }'), certificates)
    assert found == {"upstreams[0].tls.key": "no effect without certificate; remove it or add certificate"}


def test_further_certificates_are_checked(certificates: Path) -> None:
    good = '{ certificate = "client.crt", key = "client.key" }'
    bad = '{ certificate = "client.crt", key = "server.key" }'
    pair = 'certificate = "server.crt", key = "server.key"'
    assert told(certificates, f"{pair}, certificates = [{good}]") == {}
    assert list(told(certificates, f"{pair}, certificates = [{good}, {bad}]")) == ["certificates[1].key"]
    assert told(certificates, f'{pair}, certificates = [{{ key = "client.key" }}]') == {
        "certificates[0].certificate": "missing"
    }


def test_authorities_without_a_certificate_are_told(certificates: Path) -> None:
    pair = 'certificate = "server.crt", key = "server.key", client_auth = "required"'
    assert told(certificates, f'{pair}, client_ca = "ca.pem"') == {}
    assert told(certificates, f'{pair}, client_ca = "prose"')["client_ca"].startswith("holds no certificate")
    found = faults(upstream(tls='{ mode = "starttls", ca = "nowhere" }'), certificates)
    assert found["upstreams[0].tls.ca"].startswith("not readable: no such file")


def test_upstream_certificate_is_checked_beside_other_faults(certificates: Path) -> None:
    pair = 'certificate = "client.crt", key = "server.key"'
    tls = f'{{ mode = "starttls", {pair}, engine = "gnutls", verified = true }}'
    found = faults(upstream(tls=tls), certificates)
    assert sorted(found) == ["upstreams[0].tls.engine", "upstreams[0].tls.key", "upstreams[0].tls.verified"]


def test_files_of_an_unknown_mode_are_checked_all_the_same(certificates: Path) -> None:
    found = faults(listener(tls='{ mode = "tls", certificate = "a.crt", key = "server.key" }'), certificates)
    assert sorted(found) == [f"{PLACE}.certificate", f"{PLACE}.mode"]


def test_client_certificate_towards_a_server_is_accepted(certificates: Path) -> None:
    tls = '{ mode = "ldaps", certificate = "client.crt", key = "client.key", verify_name = "ldap.example" }'
    config = Config.from_toml(upstream(servers='["ldaps://192.0.2.1"]', tls=tls), certificates)
    assert config.upstreams[0].tls.verify_name == "ldap.example"
