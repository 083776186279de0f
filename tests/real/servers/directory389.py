"""389 Directory Server, run from a temporary directory without dscreate and without systemd.

dscreate writes below /etc and /var and wants a running init; an instance is only a directory with a
dse.ldif, so one is written from the package's own template. What is in it is entries.py's.
"""

from __future__ import annotations

import base64
import getpass
import hashlib
import re
import shutil
import subprocess
from pathlib import Path

from ..authority import Authority
from ..process import Process
from ..raw_client import Address, free_address
from . import entries
from .directory import Directory

MISSING = "ns-slapd is absent: apt-get install 389-ds-base"
MISSING_NSS = "certutil or pk12util is absent: apt-get install libnss3-tools"
ROOT_DN = "cn=Directory Manager"
TEMPLATE = Path("/usr/share/dirsrv/data/template-dse.ldif")
SCHEMA = Path("/usr/share/dirsrv/schema")
SITE = Path("/etc/dirsrv")
BUNDLE_PASSWORD = "throwaway"

SERVER_KEYS = """\
nsslapd-security: on
nsslapd-securePort: {port}
nsslapd-listenhost: 127.0.0.1
nsslapd-securelistenhost: 127.0.0.1
nsslapd-sizelimit: -1
nsslapd-timelimit: -1
nsslapd-maxbersize: 16777216
nsslapd-allow-anonymous-access: on
nsslapd-accesslog-logging-enabled: off
nsslapd-enable-upgrade-hash: off
passwordStorageScheme: CLEAR
"""

UNLIMITED = "nsslapd-lookthroughlimit: -1\nnsslapd-idlistscanlimit: 100000\n"

BACKEND = """\

dn: cn=userRoot,cn=ldbm database,cn=plugins,cn=config
objectClass: top
objectClass: extensibleObject
objectClass: nsBackendInstance
cn: userRoot
nsslapd-suffix: {suffix}
nsslapd-directory: {database}
nsslapd-cachememsize: 134217728

dn: cn={suffix_escaped},cn=mapping tree,cn=config
objectClass: top
objectClass: extensibleObject
objectClass: nsMappingTree
cn: {suffix}
nsslapd-state: backend
nsslapd-backend: userRoot

dn: cn=sasl,cn=config
objectClass: top
objectClass: nsContainer
cn: sasl

dn: cn=mapping,cn=sasl,cn=config
objectClass: top
objectClass: nsContainer
cn: mapping

dn: cn=uid mapping,cn=mapping,cn=sasl,cn=config
objectClass: top
objectClass: nsSaslMapping
cn: uid mapping
nsSaslMapRegexString: ^[^:@]+$
nsSaslMapBaseDNTemplate: {services}
nsSaslMapFilterTemplate: (uid=&)
nsSaslMapPriority: 10
"""

ACCESS = (
    'aci: (targetattr != "userPassword")(version 3.0; acl "read"; allow (read, search, compare)'
    ' userdn = "ldap:///anyone";)\n'
    'aci: (targetattr = "*")(version 3.0; acl "self"; allow (write) userdn = "ldap:///self";)\n'
    f'aci: (target = "ldap:///{entries.SCRATCH}")(targetattr = "*")(version 3.0; acl "scratch";'
    f' allow (all) userdn = "ldap:///{entries.WRITER}";)\n'
)


def missing() -> str | None:
    if shutil.which("ns-slapd", path="/usr/sbin:/usr/bin") is None or not TEMPLATE.exists():
        return MISSING
    return None if shutil.which("certutil") and shutil.which("pk12util") else MISSING_NSS


def _salted(password: str) -> str:
    """The form dse.ldif wants: it refuses clear text for the root entry, whatever scheme is set."""
    salt = b"throwaway"
    digest = hashlib.sha1(password.encode() + salt, usedforsecurity=False).digest()
    return "{SSHA}" + base64.b64encode(digest + salt).decode()


def _certificates(home: Path, authority: Authority) -> None:
    authority.issue("Server-Cert", "localhost", "127.0.0.1", "::1", use_rsa=True, password=BUNDLE_PASSWORD.encode())
    bundle = authority.directory / "Server-Cert.p12"
    store = f"sql:{home}"
    commands = [
        ["certutil", "-N", "-d", store, "--empty-password"],
        ["certutil", "-A", "-d", store, "-n", "CA", "-t", "CT,,", "-a", "-i", str(authority.certificate)],
        ["pk12util", "-d", store, "-i", str(bundle), "-W", BUNDLE_PASSWORD, "-K", ""],
    ]
    for command in commands:
        subprocess.run(command, check=True, capture_output=True, timeout=30)


def _server_entry(home: Path, plain: Address, ldaps: Address) -> str:
    values = {name: str(home / name.removesuffix("_dir")) for name in (
        "lock_dir", "tmp_dir", "ldif_dir", "bak_dir", "run_dir", "inst_dir", "log_dir", "db_dir",
        "db_home_dir",
    )}  # fmt: skip
    for directory in values.values():
        Path(directory).mkdir()
    values |= {
        "schema_dir": str(home / "schema"), "config_dir": str(home), "cert_dir": str(home),
        "fqdn": "localhost", "ds_port": str(plain.port), "ds_user": getpass.getuser(),
        "rootdn": ROOT_DN, "ds_passwd": _salted(entries.ROOT_PASSWORD), "ds_suffix": entries.SUFFIX,
        "ldapi_enabled": "off", "ldapi": str(home / "ldapi"), "ldapi_autobind": "off", "db_lib": "bdb",
    }  # fmt: skip
    text = re.sub(r"%([a-z_]+)%", lambda found: values[found[1]], TEMPLATE.read_text())
    text = text.replace("nsslapd-mode: 600\n", "nsslapd-mode: 600\n" + UNLIMITED, 1)
    return text.replace("\n\n", "\n" + SERVER_KEYS.format(port=ldaps.port) + "\n", 1)


def _instance(home: Path, authority: Authority, plain: Address, ldaps: Address) -> None:
    server_entry = _server_entry(home, plain, ldaps)
    shutil.copytree(SITE / "schema", home / "schema")
    for name in ("certmap.conf", "slapd-collations.conf"):
        shutil.copy(SITE / "config" / name, home / name)
    _certificates(home, authority)
    database = home / "db" / "userRoot"
    backend = BACKEND.format(
        database=database,
        suffix=entries.SUFFIX, services=entries.SERVICES,
        suffix_escaped=entries.SUFFIX.replace("=", "\\3D").replace(",", "\\2C"),
    )  # fmt: skip
    database.mkdir()
    (home / "dse.ldif").write_text(server_entry.rstrip("\n") + "\n" + backend)


def _populate(home: Path, content: str) -> None:
    ldif = home / "data.ldif"
    # The access rules belong to the suffix entry, which is the first one.
    ldif.write_text(content.replace("\n\n", "\n" + ACCESS + "\n", 1))
    subprocess.run(
        ["/usr/sbin/ns-slapd", "ldif2db", "-D", str(home), "-n", "userRoot", "-i", str(ldif)],
        check=True,
        capture_output=True,
        timeout=60,
    )


def start(home: Path, authority: Authority, *, content: str | None = None) -> Directory:
    """A filled, listening instance: plain and ldaps on IPv4."""
    home.mkdir(parents=True, exist_ok=True)
    plain, ldaps = free_address(), free_address()
    _instance(home, authority, plain, ldaps)
    _populate(home, entries.ldif() if content is None else content)
    process = Process(
        ["/usr/sbin/ns-slapd", "-D", str(home), "-i", str(home / "run" / "pid"), "-d", "0"],
        home / "ns-slapd.log",
    )
    process.await_listening(plain, ldaps)
    return Directory(
        product="389-ds", process=process, plain=plain, ldaps=ldaps, ca=authority.certificate,
        root_dn=ROOT_DN,
    )  # fmt: skip
