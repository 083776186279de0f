"""docs/start.md, from its first command to its last, before a directory that answers nobody outside TLS."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from ..house.tree import ROOT
from ..real.process import pause
from ..real.raw_client import free_address
from ..recipes import directory
from ..recipes.recipe import needs
from .page import blocks, replaced, write_files
from .terminal import Terminal

PAGE = "docs/start.md"


def test_its_verb_is_one_of_make() -> None:
    verbs = [each.text.strip() for each in blocks(PAGE) if each.marker == "verb"]
    assert verbs == ["make demo DEMO_ARGS=--once"]
    # What it builds is there already: CI has built it, and calls this verb of make by another name.
    subprocess.run([*verbs[0].split(), "--dry-run"], cwd=ROOT, capture_output=True, check=True, timeout=30)


def test_from_nothing_to_an_application_behind_it(behind: directory.Behind, tmp_path: Path) -> None:
    needs(openssl="openssl", ldapwhoami="ldap-utils")
    replacements = {
        "dc1.example.org:389": behind.plain.text, "1636": str(free_address().port), "1389": str(free_address().port)
    }  # fmt: skip
    write_files(PAGE, tmp_path, replacements)
    log = tmp_path / "ostiary-try/ostiary.log"
    terminal = Terminal(tmp_path, {"HOME": str(tmp_path), "LDAPTLS_REQCERT": "demand"})
    told = []
    try:
        for block in blocks(PAGE):
            if not block.marker.startswith("run"):
                continue
            text = replaced(block.text, replacements).replace("$PWD/.venv", f"{ROOT}/.venv")
            if ".log" in text:
                # Records and lines are written a tenth of a second late; nobody types as fast as this test.
                pause(0.5)
            told.append(terminal.type(block, text, log))
        terminal.end()
    finally:
        terminal.kill()
    whole = "\n".join(told)
    assert "ostiary 0." in whole
    assert len(re.findall(r"(?i)sha256 fingerprint=", whole)) == 1
    assert whole.count("mail: alice@example.org") == 2
    assert whole.count("dn:uid=alice,ou=people,dc=example,dc=org") == 2
    assert '"would_decide"' in whole
    assert "(uid=?)" in whole
    assert re.search(r"app-looks-up\s+failed \(monitor\)\s+filter", whole), whole
    assert "Insufficient access (50)" in whole
