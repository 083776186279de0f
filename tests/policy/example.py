"""The example configuration: as it is printed, with nothing but names of files, addresses and networks replaced."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from ostiary.config import Config

PRINTED = Path(__file__).with_name("example.toml")
MANUAL = Path(__file__).parents[2] / "docs" / "configuration.md"
SOURCES = ("the design", "the manual")


def printed(source: str) -> str:
    """The example, without the tables of parts that this version has not."""
    if source == "the manual":
        blocks = re.findall(r"^```toml\n(.*?)^```", MANUAL.read_text(), re.DOTALL | re.MULTILINE)
        return "\n".join(block for block in blocks[:2])
    tables = re.split(r"^(?=\[\w+\])", PRINTED.read_text(), flags=re.MULTILINE)
    known = [each for each in tables[1:] if each[1 : each.index("]")] in Config.model_fields]
    return "".join([tables[0], *known])


def adapted(source: str, replaced: Mapping[str, str]) -> str:
    """The example with these texts replaced, each of which must be there."""
    text = printed(source)
    for old, new in replaced.items():
        assert old in text, old
        text = text.replace(old, new)
    return text
