"""What to try next: ldapsearch lines that can be pasted, with the throwaway CA in them.

The address is 127.0.0.1, never localhost: libldap built with GnuTLS replaces that by the machine's own name.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from rich.console import Console

from ostiary.demo.behind import Behind
from ostiary.demo.stage import Account, Stage
from ostiary.demo.steps import PEOPLE, WIKI

__all__ = ["print_recipes"]


def print_recipes(console: Console, stage: Stage, ca: Path, behind: Behind, config: Path) -> None:
    """Prints the lines. They are not wrapped, so that they can be pasted."""
    account = WIKI if stage.directory is not None else None
    lines = [
        ("over LDAPS", _line(stage, "ldaps", ca, account, behind.base)),
        ("over StartTLS", _line(stage, "starttls", ca, account, behind.base)),
        ("as an application that knows no TLS", _line(stage, "plain", None, account, behind.base)),
        ("without StartTLS where TLS is required: confidentiality required (13)", _forgetful(stage)),
    ]
    if "guarded" in stage.listeners:
        allowed = _line(stage, "guarded", ca, account, PEOPLE)
        lines += [
            ("where the policy of the tour holds: by uid", allowed),
            ("and by name: insufficient access (50)", allowed.replace("uid=alice", "'cn=a*'")),
            ("and why", _explain(config)),
        ]
    console.print("\n[bold]It stays up until Ctrl-C. To paste into another terminal:[/bold]\n")
    for title, line in lines:
        console.print(f"# {title}", style="dim", markup=False, highlight=False)
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    if stage.directory is not None:
        text = "Everybody's password is sesame, the administrator's opensesame"
        console.print(f"\n{text} (cn=admin,dc=example,dc=org).", style="dim", markup=False, highlight=False)


def _line(stage: Stage, listener: str, ca: Path | None, account: Account | None, base: str) -> str:
    host, port = stage.listeners[listener]
    scheme = "ldaps" if listener in ("ldaps", "guarded") else "ldap"
    words = [] if ca is None else [f"LDAPTLS_CACERT={shlex.quote(str(ca))}"]
    words += ["ldapsearch", "-LLL", "-x", "-H", f"{scheme}://{host}:{port}"]
    words += ["-ZZ"] if listener == "starttls" else []
    if account is None:
        words += ["-s", "base", "-b", shlex.quote(base)]
    else:
        words += ["-D", account.name, "-w", account.password, "-b", base, "uid=alice", "cn", "mail"]
    return " ".join(words)


def _forgetful(stage: Stage) -> str:
    host, port = stage.listeners["starttls"]
    return f"ldapsearch -x -H ldap://{host}:{port} -s base -b ''"


def _explain(config: Path) -> str:
    command = Path(sys.executable).with_name("ostiary")
    words = [str(command)] if command.exists() else [sys.executable, "-m", "ostiary"]
    words += ["explain", "--config", str(config), "--listener", "guarded", "--from", "127.0.0.1"]
    words += ["--identity", WIKI.name, "--operation", "search", "--base", PEOPLE, "--filter", "(cn=a*)"]
    return shlex.join([*words, "--attributes", "cn,mail"])
