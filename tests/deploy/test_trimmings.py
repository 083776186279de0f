"""What is cut off an image's compiled modules: they still load and work; whatever is not understood stays as it is."""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from deploy.trimmings import trim, trimmed

SOURCE = """
static int calls;
static const char words[] = "still here";
const char *told(void) { return words; }
int answer(int question) { return ++calls * question; }
"""
ASK = """
import ctypes, sys
library = ctypes.CDLL(sys.argv[1])
library.told.restype = ctypes.c_char_p
library.answer(1)
print(library.told().decode(), library.answer(21))
"""


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A shared object with everything that a compiler leaves in one."""
    if shutil.which("cc") is None:
        pytest.skip("cc is absent: apt-get install gcc libc6-dev")
    home = tmp_path_factory.mktemp("compiled")
    (home / "answer.c").write_text(SOURCE)
    subprocess.run(["cc", "-shared", "-fPIC", "-g3", "-o", "answer.so", "answer.c"], cwd=home, check=True, timeout=50)
    return (home / "answer.so").read_bytes()


def ask(path: Path) -> str:
    done = subprocess.run([sys.executable, "-c", ASK, str(path)], capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_library_works_without_what_is_cut_off(compiled: bytes, tmp_path: Path) -> None:
    path = tmp_path / "folder/answer.so"
    path.parent.mkdir()
    path.write_bytes(compiled)
    path.chmod(0o755)
    assert b".debug_info" in compiled
    saved = trim(tmp_path)
    kept = path.read_bytes()
    assert saved == len(compiled) - len(kept) > 0
    assert b".debug_info" not in kept
    assert path.stat().st_mode & 0o777 == 0o755
    assert [each.name for each in path.parent.iterdir()] == ["answer.so"]
    assert ask(path) == "still here 42"


def test_cutting_twice_is_cutting_once(compiled: bytes) -> None:
    once = trimmed(compiled)
    assert trimmed(once) == once != compiled


def test_links_and_other_files_stay(compiled: bytes, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "outside.so").write_bytes(compiled)
    (folder / "link.so").symlink_to(tmp_path / "outside.so")
    (folder / "script.so").write_text("INPUT(libanswer.so)")
    (folder / "module.py").write_text("pass")
    (folder / "answer").write_bytes(compiled)
    (folder / "answer.so.1").write_bytes(compiled)
    for each in ("loop.pyx", "loop.pxd", "loop.pyi", "loop.c", "loop.h"):
        (folder / each).write_text("what it was made of")
    trim(folder)
    assert (tmp_path / "outside.so").read_bytes() == compiled
    assert {each.name: each.stat().st_size for each in folder.iterdir() if not each.is_symlink()} == {
        "script.so": len("INPUT(libanswer.so)"), "module.py": len("pass"), "answer": len(compiled),
        "answer.so.1": len(trimmed(compiled)),
    }  # fmt: skip


def test_what_is_not_understood_stays(compiled: bytes) -> None:
    (table,) = struct.unpack_from("<Q", compiled, 40)

    def changed(place: int, octets: bytes) -> bytes:
        return compiled[:place] + octets + compiled[place + len(octets) :]

    loaded = struct.pack("<IIQQQQ", 1, 1, 2, 0, len(compiled) - 8, 8)
    strange = {
        "empty": b"",
        "no ELF": b"#!/bin/sh\n" + compiled,
        "its first words alone": compiled[:5],
        "its head alone": compiled[:60],
        "cut short": compiled[:-1],
        "of 32 bits": changed(4, b"\x01"),
        "in no order of octets": changed(5, b"\x03"),
        "no shared object": changed(16, b"\x01\x00"),
        "segments of another size": changed(54, b"\x20\x00"),
        "sections of another size": changed(58, b"\x28\x00"),
        "more segments than fit": changed(56, b"\xff\xff"),
        "no sections": changed(40, bytes(8)),
        "more sections than fit": changed(60, bytes(2)),
        "segments beyond its end": changed(32, (1 << 40).to_bytes(8, "little")),
        "something behind it": compiled + b"a signature",
        "a section that is loaded": changed(table, loaded),
    }
    assert [name for name, each in strange.items() if trimmed(each) != each] == []
