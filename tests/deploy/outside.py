"""A directory in a container, which speaks LDAP and LDAPS on a network that others share."""

from __future__ import annotations

from pathlib import Path

from ..real.authority import Authority
from .podman import OPENLDAP, Container, Network

HOST = "directory.example.org"
ALICE, PASSWORD = "uid=alice,ou=people,dc=example,dc=org", "sesame"
TLS = """
TLSCertificateFile /tls/directory.pem
TLSCertificateKeyFile /tls/directory.key
"""


def directory(network: Network, authority: Authority, home: Path) -> Container:
    """OpenLDAP of the compose example, with a certificate of the authority for its name."""
    identity = authority.issue("directory", HOST)
    tls = home / "tls"
    tls.mkdir()
    for name, source in {"directory.pem": identity.certificate, "directory.key": identity.key}.items():
        (tls / name).write_bytes(source.read_bytes())
        (tls / name).chmod(0o644)
    (home / "slapd.sh").write_text(
        f"printf '{TLS.encode().decode()}' > /run/tls.conf\n"
        "cat /run/tls.conf /etc/ldap/slapd.conf > /run/slapd.conf\n"
        "exec slapd -d 0 -u openldap -g openldap -f /run/slapd.conf -h 'ldap:/// ldaps:///'\n"
    )
    return Container(
        OPENLDAP, "--network", f"{network.name}:alias={HOST}", "-v", f"{tls}:/tls:ro",
        "-v", f"{home / 'slapd.sh'}:/slapd.sh:ro", command=["sh", "/slapd.sh"],
    )  # fmt: skip
