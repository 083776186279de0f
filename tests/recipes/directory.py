"""The directory of the recipes: OpenLDAP's slapd with a few people in it, which answers nobody outside TLS.

It knows no recipe. That an application without TLS gets answers at all shows that the gateway adds it.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ..real.authority import Authority
from ..real.process import Process
from ..real.raw_client import Address, free_address
from ..real.servers.slapd import MISSING, is_absent

__all__ = ["LDIF", "MISSING", "Behind", "is_absent", "start"]

LDIF = Path(__file__).with_name("people.ldif")
SAMBA_SCHEMA = Path("/usr/share/doc/samba/examples/LDAP/samba.schema")

CONFIGURATION = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/nis.schema
{samba_schema}
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {home}/slapd.pid
TLSCertificateFile {certificate}
TLSCertificateKeyFile {key}
security tls=1

database mdb
suffix "dc=example,dc=org"
rootdn "cn=admin,dc=example,dc=org"
rootpw admin-password
directory {home}/data
maxsize 67108864
dbnosync
index uid,cn,member,memberUid,uidNumber,gidNumber eq
access to attrs=userPassword by dn.exact="cn=samba,ou=services,dc=example,dc=org" write by anonymous auth by self write
access to * by dn.exact="cn=samba,ou=services,dc=example,dc=org" write by users read by * read
"""


@dataclass(frozen=True)
class Behind:
    """A running slapd: its plain port takes StartTLS, and nothing else before that."""

    process: Process
    plain: Address
    ldaps: Address
    ca: Path


def start(home: Path, authority: Authority, further: str = "") -> Behind:
    """A listening slapd with the people of the recipes, and further entries as LDIF."""
    server = authority.issue("dc1", "dc1.example.org", "localhost", "127.0.0.1", use_rsa=True)
    schema = f"include {SAMBA_SCHEMA}" if SAMBA_SCHEMA.exists() else ""
    configuration = home / "slapd.conf"
    configuration.write_text(
        CONFIGURATION.format(home=home, samba_schema=schema, certificate=server.certificate, key=server.key)
    )
    (home / "data").mkdir()
    content = home / "content.ldif"
    shutil.copy(LDIF, content)
    with content.open("a") as file:
        file.write(further)
    subprocess.run(
        ["/usr/sbin/slapadd", "-q", "-f", str(configuration), "-l", str(content)],
        check=True,
        capture_output=True,
        timeout=60,
    )
    plain, ldaps = free_address(), free_address()
    urls = f"{plain.url()} {ldaps.url('ldaps')}"
    process = Process(["/usr/sbin/slapd", "-d", "0", "-h", urls, "-f", str(configuration)], home / "slapd.log")
    process.await_listening(plain, ldaps)
    return Behind(process, plain, ldaps, authority.certificate)
