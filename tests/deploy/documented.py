"""Commands of docs/deployment.md, and of other pages, as they stand there, for the tests that run them."""

from __future__ import annotations

import re
from pathlib import Path

from ..house.tree import ROOT

DEPLOYMENT = ROOT / "docs/deployment.md"


def shell(title: str, page: Path = DEPLOYMENT) -> list[str]:
    """The blocks of shell of a section that are tested, in their order."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", page.read_text(), re.DOTALL | re.MULTILINE)
    assert found is not None, title
    return re.findall(r"^<!-- tested by: .+? -->\n```sh\n(.*?)^```", found[1], re.DOTALL | re.MULTILINE)
