"""The authorities to trust: from a file, or those of the system."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from ostiary.tls.identity import IdentityError, certificates, read

# Where distributions keep their bundle, for a Python that was built for another one.
SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Arch, Alpine
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # RHEL, Fedora
    "/etc/pki/tls/certs/ca-bundle.crt",  # older RHEL
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # Alpine without the package, BSDs
)


def load_authorities(path: Path) -> tuple[bytes, ...]:
    """The authorities in a PEM bundle or a DER file, as DER. Raises: IdentityError when there is none."""
    found = certificates("certificate", read("certificate", path), path)
    return tuple(one.public_bytes(Encoding.DER) for one in found)


def system_authorities() -> tuple[bytes, ...]:
    """The authorities that this system trusts, as DER; SSL_CERT_FILE decides if it is set.

    Raises: IdentityError when there is none.
    """
    for path in _bundles():
        try:
            # Read by OpenSSL rather than by cryptography: bundles of distributions hold certificates
            # that are broken by today's rules, and one of them must not cost all others.
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.load_verify_locations(cafile=path)
        except (OSError, ssl.SSLError):
            continue
        found = context.get_ca_certs(binary_form=True)
        if found:
            return tuple(found)
    message = "the system has no trusted authorities; install ca-certificates or set ca"
    raise IdentityError([("certificate", message, None)])


def _bundles() -> Iterator[str]:
    default = ssl.get_default_verify_paths().cafile
    if default is not None:
        yield default
    for path in SYSTEM_BUNDLES:
        if Path(path).is_file():
            yield path
