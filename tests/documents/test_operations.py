"""docs/operations.md: its commands, in its order, beside a gateway that runs with its configuration."""

from __future__ import annotations

import re
from pathlib import Path

from ..house.tree import ROOT
from ..real.authority import LOCAL_NAMES, Authority
from ..real.raw_client import free_address
from ..recipes import directory
from ..recipes.recipe import needs
from .page import Block, blocks, replaced, write_files
from .terminal import Terminal

PAGE = "docs/operations.md"


def test_commands_do_what_is_said(behind: directory.Behind, tmp_path: Path) -> None:
    needs(openssl="openssl")
    place = tmp_path / "etc"
    replacements = {
        "dc1.example.org:389": behind.plain.text,
        "127.0.0.1:1636": free_address().text,
        "127.0.0.1:9389": free_address().text,
    }
    write_files(PAGE, place, replacements)
    own = Authority(tmp_path / "own").issue("gateway", *LOCAL_NAMES)
    for name, source in (("gateway.crt", own.certificate), ("gateway.key", own.key), ("directory-ca.pem", behind.ca)):
        (place / name).write_bytes(source.read_bytes())
        (place / name).chmod(0o600)
    terminal = Terminal(place, {"PATH": f"{ROOT}/.venv/bin:/usr/bin:/bin:/usr/sbin", "LDAPTLS_REQCERT": "demand"})
    log = place / "ostiary.log"
    try:
        start = f"ostiary run --config ostiary.toml 2> {log}"
        terminal.type(Block("run in the background", "sh", start), start, log)
        told = "\n".join(
            terminal.type(block, replaced(block.text, replacements), log)
            for block in blocks(PAGE)
            if block.marker.startswith("run")
        )
        terminal.end()
    finally:
        terminal.kill()
    assert "allowed" in told
    assert "notAfter=" in told
    assert "subject=CN = gateway.example.org" in told
    assert re.search(r"ostiary\b", told)
