"""Commands of docs/deployment.md as they stand there, for the tests that run them."""

from __future__ import annotations

import re

from ..house.tree import ROOT

DOCUMENT = (ROOT / "docs/deployment.md").read_text()


def shell(title: str) -> list[str]:
    """The blocks of shell of a section that are tested, in their order."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", DOCUMENT, re.DOTALL | re.MULTILINE)
    assert found is not None, title
    return re.findall(r"^<!-- tested by: .+? -->\n```sh\n(.*?)^```", found[1], re.DOTALL | re.MULTILINE)
