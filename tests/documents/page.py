"""A page of the documentation as its tests see it: fenced blocks, and what is said of each in the comment before it.

A comment `<!-- file: NAME -->` before a block writes it; `verb` is one of make's, which CI runs; `run`, `run: exits N`
and `run in the background` are commands; `run when enforced: exits N` is one that only the rules refuse; `not run:
REASON` says why nobody tries it. It does not know where a page is tried, nor what is in place of its addresses.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from ..house.tree import ROOT, files, name

MARKER = re.compile(
    r"file: [\w./-]+|verb|run(: exits \d+| in the background| when enforced: exits \d+)?|(not run|tested by): .+"
)
FENCE = re.compile(r"(?:^<!-- ([^\n]+?) -->\n+)?^```(\w*)[^\n]*\n(.*?)^```$", re.DOTALL | re.MULTILINE)


class Block(NamedTuple):
    """One fenced block and the marker before it; an empty marker if there is none."""

    marker: str
    language: str
    text: str

    @property
    def file(self) -> str | None:
        """The name of the file that the block is, if it is one."""
        return self.marker.removeprefix("file: ") if self.marker.startswith("file: ") else None

    @property
    def status(self) -> int:
        """The exit status that a command must have."""
        found = re.search(r"exits (\d+)$", self.marker)
        return int(found[1]) if found else 0


def blocks(path: str) -> list[Block]:
    """Every fenced block of a page, in its order."""
    return [Block(*each) for each in FENCE.findall((ROOT / path).read_text())]


def pages() -> list[str]:
    """Every page that readers are meant to follow."""
    return [name(each) for each in files(".md") if name(each).startswith("docs/")] + ["README.md"]


def replaced(text: str, replacements: Mapping[str, str]) -> str:
    """The text with each of these in place of what the page says, longest first: names of hosts, ports, directories."""
    if not replacements:
        return text
    longest_first = sorted(replacements, key=len, reverse=True)
    pattern = re.compile("|".join(re.escape(each) for each in longest_first))
    return pattern.sub(lambda found: replacements[found[0]], text)


def write_files(path: str, place: Path, replacements: Mapping[str, str]) -> None:
    """Writes each file of a page below a directory."""
    for block in blocks(path):
        if block.file is not None:
            target = place / block.file.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(replaced(block.text, replacements))
