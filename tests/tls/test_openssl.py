"""The OpenSSL engine, by handshakes in memory with a server of Python's own."""

from __future__ import annotations

import ssl
import warnings
from pathlib import Path

import pytest
from pydantic import SecretStr

from ostiary.config import UpstreamTls
from ostiary.tls import ThrowawayFiles, openssl_context, throwaway_authority


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> ThrowawayFiles:
    authority = throwaway_authority(tmp_path_factory.mktemp("openssl"), password=b"open sesame")
    assert authority.files is not None
    return authority.files


def server(files: ThrowawayFiles, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
    """A server that speaks this version alone."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.load_cert_chain(files.server_certificate, files.server_key, password="open sesame")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = version
    return context


def shake_hands(client: ssl.SSLContext, serving: ssl.SSLContext, name: str = "localhost") -> ssl.SSLObject:
    """The server's side of a finished handshake. Raises: ssl.SSLError of whichever side refuses."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, to_server, server_hostname=name)
    theirs = serving.wrap_bio(to_server, to_client, server_side=True)
    waiting = [ours, theirs]
    for _ in range(10):
        for side in list(waiting):
            try:
                side.do_handshake()
                waiting.remove(side)
            except ssl.SSLWantReadError:
                continue
        if not waiting:
            return theirs
    raise AssertionError("the handshake does not end")


def test_server_is_verified_by_authority_and_name(files: ThrowawayFiles) -> None:
    client = openssl_context(UpstreamTls(mode="starttls", engine="openssl", ca=files.ca))
    assert shake_hands(client, server(files)).version() == "TLSv1.3"
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        shake_hands(client, server(files), name="elsewhere")


def test_server_of_another_authority_is_refused(files: ThrowawayFiles, tmp_path: Path) -> None:
    throwaway_authority(tmp_path)
    client = openssl_context(UpstreamTls(mode="starttls", engine="openssl", ca=tmp_path / "ca.pem"))
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(client, server(files))


def test_server_is_not_verified_when_told_so(files: ThrowawayFiles) -> None:
    client = openssl_context(UpstreamTls(mode="starttls", engine="openssl", verify=False))
    assert shake_hands(client, server(files), name="elsewhere")


def test_intermediate_authority_is_an_anchor_as_with_rustls(files: ThrowawayFiles) -> None:
    # The server's own certificate as the only anchor: the strictest kind of pinning.
    client = openssl_context(UpstreamTls(mode="ldaps", engine="openssl", ca=files.server_certificate))
    assert shake_hands(client, server(files))


@pytest.mark.parametrize(("version", "spoken"), [(ssl.TLSVersion.TLSv1, "TLSv1"), (ssl.TLSVersion.TLSv1_1, "TLSv1.1")])
def test_old_versions_are_spoken_only_when_asked_for(
    files: ThrowawayFiles, version: ssl.TLSVersion, spoken: str
) -> None:
    old = UpstreamTls(mode="starttls", engine="openssl", ca=files.ca, min_version="1.0")
    assert shake_hands(openssl_context(old), server(files, version)).version() == spoken
    modern = UpstreamTls(mode="starttls", engine="openssl", ca=files.ca)
    with pytest.raises(ssl.SSLError):
        shake_hands(openssl_context(modern), server(files, version))


def test_client_certificate_with_an_encrypted_key_is_shown(files: ThrowawayFiles) -> None:
    tls = UpstreamTls(
        mode="ldaps",
        engine="openssl",
        ca=files.ca,
        certificate=files.client_certificate,
        key=files.client_key,
        password=SecretStr("open sesame"),
    )
    serving = server(files)
    serving.verify_mode = ssl.CERT_REQUIRED
    serving.load_verify_locations(files.ca)
    peer = shake_hands(openssl_context(tls), serving).getpeercert()
    assert peer is not None
    assert peer["subject"] == ((("commonName", "demo client"),),)
