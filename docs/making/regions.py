"""Regions of a page that are made, in the middle of what is written by hand: `<!-- made: MAKER WORDS -->` begins one,
`<!-- made -->` ends it. It does not know what makers make; the words are theirs, such as what a table is to hold.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

REGION = re.compile(r"(?P<head><!-- made: (?P<maker>\w+)(?P<words>[^>]*?) -->\n).*?(?P<end><!-- made -->)", re.DOTALL)
Maker = Callable[[Sequence[str]], str]


def filled(text: str, makers: Mapping[str, Maker]) -> str:
    """The page with what its regions have to hold now."""

    def made(region: re.Match[str]) -> str:
        table = makers[region["maker"]](region["words"].split())
        return f"{region['head']}\n{table}\n{region['end']}"

    return REGION.sub(made, text)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table, one line a row; what is in a cell is escaped."""
    lines = [heads, ["---"] * len(heads), *([cell(each) for each in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def cell(text: str) -> str:
    """A text as it may stand in a row."""
    return " ".join(text.split()).replace("|", "\\|")


def code(text: str) -> str:
    """A name; nothing where there is none."""
    return f"`{text}`" if text else ""
