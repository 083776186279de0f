"""Cuts off an installation what running it never reads: symbols, sources and stubs of compiled modules.

    python trimmings.py FOLDER

Runs in the image, by the interpreter that the gateway has, with nothing but the standard library: slim bases have no
strip. A loader goes by the program headers of a shared object; sections are for linkers and debuggers. So what lies
behind the last octet that a program header names is dropped, and the table of sections with it. A file that is not
wholly understood stays as it is: another kind of ELF, a section that would be loaded from there, or octets at the end
that no section owns (a signature, an archive).
"""

from __future__ import annotations

import os
import shutil
import struct
import sys
from pathlib import Path

SOURCES = {".c", ".h", ".pxd", ".pxi", ".pyi", ".pyx"}
HEADER = "16s2HI3QI6H"
SEGMENT = "2I6Q"
SECTION = "2I4Q2I2Q"
# Where the header has e_shoff, and e_shnum with e_shstrndx behind it.
TABLE, COUNT = 40, 60
SHARED, WITHOUT_OCTETS, LOADED, MANY = 3, 8, 2, 0xFFFF
ORDERS = {b"\x01": "<", b"\x02": ">"}


def trimmed(file: bytes) -> bytes:
    """The shared object as far as a loader reads it; the same octets where that is all, or where it is not known."""
    try:
        end = _end(file)
    except struct.error:
        return file
    if end is None:
        return file
    head = bytearray(file[:end])
    head[TABLE : TABLE + 8] = bytes(8)
    head[COUNT : COUNT + 4] = bytes(4)
    return bytes(head)


def _end(file: bytes) -> int | None:
    """Where that which is loaded ends; None where nothing can be cut."""
    # Of 64 bits, in the order of octets that it says.
    order = ORDERS.get(file[5:6])
    if order is None or file[:5] != b"\x7fELF\x02":
        return None
    (_, kind, _, _, _, segments, sections, _, own, segment_bytes, segment_count, section_bytes, section_count, _) = (
        struct.unpack_from(order + HEADER, file)
    )
    sizes = segment_bytes, section_bytes
    if kind != SHARED or sizes != (struct.calcsize(order + SEGMENT), struct.calcsize(order + SECTION)):
        return None
    # Numbers that do not fit their fields are kept in the first section.
    if segment_count in (0, MANY) or not sections or not section_count:
        return None
    ends = [own, segments + segment_count * segment_bytes]
    for index in range(segment_count):
        (_, _, offset, _, _, octets, _, _) = struct.unpack_from(order + SEGMENT, file, segments + index * segment_bytes)
        ends.append(offset + octets)
    end = max(ends)
    owned = [sections + section_count * section_bytes]
    for index in range(section_count):
        (_, sort, flags, _, offset, octets, *_) = struct.unpack_from(
            order + SECTION, file, sections + index * section_bytes
        )
        octets = 0 if sort == WITHOUT_OCTETS else octets
        if flags & LOADED and offset + octets > end:
            return None
        owned.append(offset + octets)
    return end if end < len(file) == max(owned) else None


def trim(folder: Path) -> int:
    """Cuts below the folder; the octets that this saved."""
    saved = 0
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        if path.suffix in SOURCES:
            saved += path.stat().st_size
            path.unlink()
        elif ".so" in path.suffixes:
            whole = path.read_bytes()
            kept = trimmed(whole)
            if kept != whole:
                saved += len(whole) - len(kept)
                _replace(path, kept)
    return saved


def _replace(path: Path, octets: bytes) -> None:
    # Beside it first: whoever has the file open, or mapped, keeps the whole one.
    beside = path.with_name(f".{path.name}.trimmed")
    beside.write_bytes(octets)
    shutil.copymode(path, beside)
    os.replace(beside, path)


if __name__ == "__main__":
    print(f"{trim(Path(sys.argv[1])) / 1_000_000:.1f} MB cut off")
