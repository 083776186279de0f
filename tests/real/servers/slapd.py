"""OpenLDAP's slapd, run from a temporary directory as the current user.

It knows how to fill and start one; what is in it is entries.py's.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from ..authority import Authority
from ..process import Process
from ..raw_client import Address, free_address
from . import entries
from .directory import Directory

MISSING = "slapd is absent: apt-get install slapd"
ROOT_DN = f"cn=root,{entries.SUFFIX}"

CONFIGURATION = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload syncprov
moduleload sssvlv
pidfile {home}/slapd.pid
TLSCACertificateFile {ca}
TLSCertificateFile {certificate}
TLSCertificateKeyFile {key}
TLSVerifyClient {verify}
sasl-secprops none
sasl-auxprops slapd
sasl-host localhost
authz-regexp "uid=([^,]*),(cn=[^,]*,)?cn=[^,]*,cn=auth" "uid=$1,{services}"
authz-regexp "cn=([^,]*),o=certificates" "uid=$1,{services}"
sizelimit unlimited
threads 8
sockbuf_max_incoming 16777215
sockbuf_max_incoming_auth 16777215
{extra}
database mdb
suffix "{suffix}"
rootdn "{root_dn}"
rootpw "{root_password}"
directory {home}/data
maxsize 1073741824
dbnosync
password-hash {{CLEARTEXT}}
index objectClass eq
index uid eq
index entryUUID eq
index entryCSN eq
overlay syncprov
overlay sssvlv
sssvlv-max 64
sssvlv-maxperconn 64
access to attrs=userPassword by anonymous auth by self write by dn.exact="{writer}" write by * auth
access to dn.subtree="{scratch}" by dn.exact="{writer}" write by * read
access to * by * read
"""


def is_absent() -> bool:
    return shutil.which("slapd", path="/usr/sbin:/usr/local/sbin:/usr/bin") is None


def _configuration(home: Path, authority: Authority, verify: str, extra: str) -> Path:
    server = authority.issue("slapd", "localhost", "127.0.0.1", "::1", use_rsa=True)
    path = home / "slapd.conf"
    path.write_text(
        CONFIGURATION.format(
            home=home, ca=authority.certificate, certificate=server.certificate, key=server.key,
            verify=verify, extra=extra, suffix=entries.SUFFIX, services=entries.SERVICES,
            scratch=entries.SCRATCH, writer=entries.WRITER, root_dn=ROOT_DN,
            root_password=entries.ROOT_PASSWORD,
        )
    )  # fmt: skip
    return path


def _populate(home: Path, configuration: Path, content: str) -> None:
    (home / "data").mkdir()
    ldif = home / "data.ldif"
    ldif.write_text(content)
    subprocess.run(
        ["/usr/sbin/slapadd", "-q", "-f", str(configuration), "-l", str(ldif)],
        check=True,
        capture_output=True,
        timeout=60,
    )


def start(
    home: Path,
    authority: Authority,
    *,
    content: str | None = None,
    verify: str = "try",
    extra: Sequence[str] = (),
    log_level: str = "0",
) -> Directory:
    """A filled, listening slapd: plain and ldaps on IPv4, plain on IPv6, and a unix socket."""
    home.mkdir(parents=True, exist_ok=True)
    configuration = _configuration(home, authority, verify, "\n".join(extra))
    _populate(home, configuration, entries.ldif() if content is None else content)
    plain, ldaps, ipv6 = free_address(), free_address(), free_address("::1")
    unix = Address(str(home / "ldapi"))
    urls = [plain.url(), ldaps.url("ldaps"), ipv6.url(), unix.url()]
    process = Process(
        ["/usr/sbin/slapd", "-d", log_level, "-h", " ".join(urls), "-f", str(configuration)], home / "slapd.log"
    )
    process.await_listening(plain, ldaps, ipv6, unix)
    return Directory(
        product="slapd", process=process, plain=plain, ldaps=ldaps, ca=authority.certificate,
        root_dn=ROOT_DN, plain_ipv6=ipv6, unix=unix,
    )  # fmt: skip
