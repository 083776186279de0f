"""OpenLDAP's own gateways: slapd with back-ldap, slapd with back-meta, and lloadd.

It does not know cases or numbers. slapd reads each message and writes it anew, so it needs the schema of what passes.
Unless a timeout is set it waits a tenth of a second for the answer to StartTLS, which a busy machine may exceed. lloadd
sends all clients' requests over a pool of connections: of those for binds each carries one at a time, and 64
are as many as the load ever has under way; of the others one is passed over while a thread writes to it, and when all
are, the client is told that the server is busy. Four threads are where all three are cheapest on one core.
"""

from __future__ import annotations

import re
from pathlib import Path

from benches.wiring import Programs, Wiring, first_line, in_path

SUFFIX = "dc=bench,dc=example"
MODULES = ("/usr/lib/ldap", "/usr/lib64/openldap", "/usr/lib/openldap", "/usr/local/libexec/openldap")
SCHEMAS = ("/etc/ldap/schema", "/etc/openldap/schema", "/usr/local/etc/openldap/schema")

# `entries` is how the load says how many entries it wants; a filter with an attribute that slapd does not know is
# never sent on.
SLAPD = """\
include {schema}/core.schema
include {schema}/cosine.schema
include {schema}/inetorgperson.schema
attributetype ( 2.25.305401 NAME 'entries' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
modulepath {modules}
{moduleloads}
pidfile {folder}/slapd.pid
TLSCertificateFile {certificate}
TLSCertificateKeyFile {key}
threads 4
sizelimit unlimited
timelimit unlimited
database {backend}
suffix "{suffix}"
uri "ldap://127.0.0.1:{upstream_port}/{base}"
chase-referrals no
timeout bind=30
{tls}
"""

LLOADD = """\
TLSCertificateFile {certificate}
TLSCertificateKeyFile {key}
sockbuf_max_incoming_client 4194303
sockbuf_max_incoming_upstream 4194303
threads 4
io-threads 1
bindconf bindmethod=none
tier roundrobin
backend-server uri=ldap://127.0.0.1:{upstream_port} numconns=32 bindconns=64 retry=1000
"""


def slapd_command(wiring: Wiring, backend: str) -> list[str]:
    """`backend` is "ldap" or "meta", which is made of the first and loads only behind it."""
    loaded = ["back_ldap"] if backend == "ldap" else ["back_ldap", "back_meta"]
    modules, schema = folder_of(MODULES), folder_of(SCHEMAS)
    tls = ""
    if wiring.upstream == "starttls":
        tls = f"tls start tls_cacert={wiring.identity.ca} tls_reqcert=demand"
    file = wiring.folder / f"slapd-{backend}.conf"
    file.write_text(
        SLAPD.format(
            schema=schema, modules=modules, moduleloads="\n".join(f"moduleload {each}" for each in loaded),
            folder=wiring.folder, certificate=wiring.identity.certificate, key=wiring.identity.key, backend=backend,
            suffix=SUFFIX, upstream_port=wiring.upstream_port, base=SUFFIX if backend == "meta" else "", tls=tls,
        )
    )  # fmt: skip
    # -d 0: in the foreground, no logging.
    return [in_path("slapd") or "slapd", "-d", "0", "-h", f"ldaps://127.0.0.1:{wiring.port}", "-f", str(file)]


def slapd_version(_programs: Programs, backend: str) -> str | None:
    """None also where slapd was built or packaged without this backend."""
    binary, modules, schema = in_path("slapd"), folder_of(MODULES), folder_of(SCHEMAS)
    if not binary or not modules or not schema or not list(modules.glob(f"back_{backend}.*")):
        return None
    return openldap_version(binary)


def lloadd_command(wiring: Wiring) -> list[str]:
    if wiring.upstream != "plain":
        raise ValueError("lloadd takes a StartTLS response that says its name (RFC 4511 4.14.2) for a violation")
    file = wiring.folder / "lloadd.conf"
    file.write_text(
        LLOADD.format(
            certificate=wiring.identity.certificate, key=wiring.identity.key, upstream_port=wiring.upstream_port
        )
    )  # fmt: skip
    binary = wiring.programs.lloadd or "lloadd"
    return [binary, "-d", "0", "-h", f"ldaps://127.0.0.1:{wiring.port}", "-f", str(file)]


def lloadd_version(programs: Programs) -> str | None:
    return openldap_version(programs.lloadd) if programs.lloadd else None


def openldap_version(binary: str) -> str | None:
    """`slapd 2.5.13+dfsg-5`, of `@(#) $OpenLDAP: slapd 2.5.13+dfsg-5 (when it was built) $`."""
    line = first_line([binary, "-VV"])
    found = re.search(r"\$OpenLDAP: (\S+ \S+)", line or "")
    return f"OpenLDAP {found[1]}" if found else None


def folder_of(places: tuple[str, ...]) -> Path | None:
    return next((Path(place) for place in places if Path(place).is_dir()), None)
