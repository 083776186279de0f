"""The gateways under test: how each is configured, started and named, all for the same work.

It does not know cases or numbers. Each listens with TLS on a loopback port with the same certificate and
passes to the canned server. The peers are set up as somebody who knows them well would for this work: as many
threads as are cheapest on one core, no logging, no limits in the way; their TLS defaults (tickets, session cache)
stay, as in production. OpenLDAP's are in openldap.py, ldaptor's is a program: ldaptor_proxy.py.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from functools import partial
from pathlib import Path

from benches import openldap, policed
from benches.wiring import Gateway, Programs, Wiring, first_line, in_path


def ostiary_command(wiring: Wiring, plugins: str = "") -> list[str]:
    tls = "{ mode = 'none' }"
    if wiring.upstream == "starttls":
        tls = f"{{ mode = 'starttls', ca = '{wiring.identity.ca}' }}"
    file = wiring.folder / "ostiary.toml"
    file.write_text(
        f"""workers = 1

[[listeners]]
name = "ldaps"
address = "127.0.0.1:{wiring.port}"
tls = {{ mode = "ldaps", certificate = '{wiring.identity.certificate}', key = '{wiring.identity.key}' }}
upstream = "directory"

[[upstreams]]
name = "directory"
servers = ["ldap://127.0.0.1:{wiring.upstream_port}"]
tls = {tls}
{plugins}"""
    )
    # For the plugin that lies here; env becomes the gateway itself.
    here = ["env", f"PYTHONPATH={Path(__file__).resolve().parent.parent}"]
    return [*here, sys.executable, "-m", "ostiary", "run", "--config", str(file), "--log-level", "warning"]


def seen(wiring: Wiring) -> str:
    """Metrics, and an audit of everything to a file."""
    return f"""
[admin]
address = "127.0.0.1:0"

[audit]
output = '{wiring.records}'
"""


def haproxy_command(wiring: Wiring) -> list[str]:
    if wiring.upstream != "plain":
        raise ValueError("haproxy knows no StartTLS")
    file = wiring.folder / "haproxy.cfg"
    file.write_text(
        f"""global
    nbthread 1
    maxconn 8000
    ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
    mode tcp
    timeout connect 5s
    timeout client 1h
    timeout server 1h
frontend ldaps
    bind 127.0.0.1:{wiring.port} ssl crt {wiring.identity.combined}
    default_backend directory
backend directory
    server canned 127.0.0.1:{wiring.upstream_port}
"""
    )
    # -db: in the foreground, one process.
    return [in_path("haproxy") or "haproxy", "-db", "-q", "-f", str(file)]


def stunnel_command(wiring: Wiring) -> list[str]:
    chained = wiring.upstream == "starttls"
    behind = wiring.middle_port if chained else wiring.upstream_port
    sections = f"""foreground = quiet
syslog = no
debug = emerg
pid =
socket = l:TCP_NODELAY=1
socket = r:TCP_NODELAY=1
TIMEOUTidle = 3600
TIMEOUTclose = 0

[front]
accept = 127.0.0.1:{wiring.port}
connect = 127.0.0.1:{behind}
cert = {wiring.identity.certificate}
key = {wiring.identity.key}
sslVersionMin = TLSv1.2
"""
    if chained:
        # One process for both halves: the cheapest way to run the chain.
        sections += f"""
[back]
client = yes
protocol = ldap
accept = 127.0.0.1:{wiring.middle_port}
connect = 127.0.0.1:{wiring.upstream_port}
verifyChain = yes
checkHost = localhost
CAfile = {wiring.identity.ca}
sslVersionMin = TLSv1.2
"""
    file = wiring.folder / "stunnel.conf"
    file.write_text(sections)
    return [in_path("stunnel4", "stunnel") or "stunnel", str(file)]


def ldaptor_command(wiring: Wiring) -> list[str]:
    if wiring.upstream != "plain":
        raise ValueError("ldaptor checks no certificate of a server")
    program = str(Path(__file__).with_name("ldaptor_proxy.py"))
    files = (str(wiring.identity.certificate), str(wiring.identity.key))
    return [wiring.programs.ldaptor_python, program, str(wiring.port), str(wiring.upstream_port), *files]


def ostiary_version(_programs: Programs) -> str | None:
    command = [sys.executable, "-m", "ostiary", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def ostiary_is_optimised() -> bool:
    """Whether the Rust module was built for release: others carry the checks of std's unsafe functions."""
    spec = importlib.util.find_spec("ostiary._core")
    if spec is None or spec.origin is None:
        return False
    return b"unsafe precondition(s) violated" not in Path(spec.origin).read_bytes()


def haproxy_version(_programs: Programs) -> str | None:
    binary = in_path("haproxy")
    return first_line([binary, "-v"]) if binary else None


def stunnel_version(_programs: Programs) -> str | None:
    """stunnel's own line; the one before it only speaks of inetd mode."""
    binary = in_path("stunnel4", "stunnel")
    return first_line([binary, "-version"]) if binary else None


def ldaptor_version(programs: Programs) -> str | None:
    """ldaptor's, and that of the Twisted below it, which does the TLS."""
    told = "from importlib.metadata import version as v; print('ldaptor', v('ldaptor') + ', Twisted', v('Twisted'))"
    done = subprocess.run(
        [programs.ldaptor_python, "-c", told], capture_output=True, text=True, timeout=30, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else None


GATEWAYS = (
    Gateway("ostiary", ostiary_command, ostiary_version),
    Gateway("ostiary+policy", lambda wiring: ostiary_command(wiring, policed.policy()), ostiary_version),
    Gateway(
        "ostiary+policy+hook",
        lambda wiring: ostiary_command(wiring, policed.policy() + policed.hook()),
        ostiary_version,
    ),
    Gateway("ostiary+seen", lambda wiring: ostiary_command(wiring, seen(wiring)), ostiary_version),
    Gateway(
        "ostiary+policy+seen", lambda wiring: ostiary_command(wiring, policed.policy() + seen(wiring)), ostiary_version
    ),
    Gateway("haproxy", haproxy_command, haproxy_version),
    Gateway("stunnel", stunnel_command, stunnel_version),
    *(
        Gateway(
            f"slapd-{backend}",
            partial(openldap.slapd_command, backend=backend),
            partial(openldap.slapd_version, backend=backend),
        )
        for backend in ("ldap", "meta")
    ),
    Gateway("lloadd", openldap.lloadd_command, openldap.lloadd_version),
    Gateway("ldaptor", ldaptor_command, ldaptor_version),
)
