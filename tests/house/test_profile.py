"""What the optimizer is told of how the core runs: used by the compiler that it was recorded with, and about functions
that there still are.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from .tree import ROOT

PROFILE = ROOT / "rust" / "profile"
CRATES = ("session", "policy", "ldap", "ledger")
"""Those whose functions are compiled with them; most of the driver's are, with its owner, in the bindings."""
USED = "-Cprofile-use="


def build(compiler: Path) -> str:
    """What make would do to build the core, where this is the first compiler to be found."""
    environment = {**os.environ, "PATH": f"{compiler}{os.pathsep}{os.environ['PATH']}"}
    command = ["make", "--dry-run", "--always-make", ".venv/.built"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout


def compiler(folder: Path, version: str) -> Path:
    """A folder with a compiler that says it is that version."""
    folder.mkdir()
    stand_in = folder / "rustc"
    stand_in.write_text(f"#!/bin/sh\necho '{version}'\n")
    stand_in.chmod(0o755)
    return folder


def test_the_compiler_that_it_was_recorded_with_has_it(tmp_path: Path) -> None:
    version = (PROFILE / "rustc").read_text().strip()
    assert f"{USED}{PROFILE / 'core.profdata'}" in build(compiler(tmp_path / "same", version))


def test_another_compiler_builds_without_it(tmp_path: Path) -> None:
    told = build(compiler(tmp_path / "other", "rustc 1.0.0 (0123456789 2015-05-15)"))
    assert "maturin develop" in told
    assert USED not in told


@pytest.mark.parametrize("crate", CRATES)
def test_it_is_about_functions_that_there_are(crate: str) -> None:
    if shutil.which("rustc") is None:
        pytest.skip("rustc is absent: see rust-lang.org")
    installed = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True, timeout=50).stdout
    if installed != (PROFILE / "rustc").read_text():
        pytest.skip("another compiler than the one it was recorded with: names differ (make profile)")
    libraries = sorted((ROOT / "target/release/deps").glob(f"libostiary_{crate}-*.rlib"), key=os.path.getmtime)
    if not libraries:
        pytest.skip("the core was built elsewhere")
    function = re.compile(rb"_ZN\d+ostiary_%b[0-9a-zA-Z_$.]+?17h[0-9a-f]{16}E" % crate.encode())
    recorded = set(function.findall((PROFILE / "core.profdata").read_bytes()))
    found = set(function.findall(libraries[-1].read_bytes()))
    assert len(recorded & found) > len(recorded) / 2, f"{len(recorded)} are recorded, {len(recorded & found)} are there"
