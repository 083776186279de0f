"""The example configuration: as it is printed, with nothing but names of files, addresses and networks replaced."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

PRINTED = Path(__file__).with_name("example.toml")
MANUAL = Path(__file__).parents[2] / "docs" / "configuration.md"
SOURCES = ("the design", "the manual")


def printed(source: str) -> str:
    """The example, whole."""
    if source == "the manual":
        blocks = re.findall(r"^```toml\n(.*?)^```", MANUAL.read_text(), re.DOTALL | re.MULTILINE)
        return "\n".join(block for block in blocks[:2])
    return PRINTED.read_text()


def adapted(source: str, replaced: Mapping[str, str]) -> str:
    """The example with these texts replaced, each of which must be there."""
    text = printed(source)
    for old, new in replaced.items():
        assert old in text, old
        text = text.replace(old, new)
    return text
