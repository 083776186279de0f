"""The blocks of docs/audit.md, and its queries asked of records."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

DOCUMENT = (Path(__file__).parents[2] / "docs/audit.md").read_text()


def blocks(language: str) -> list[str]:
    """The fenced blocks of this language."""
    return re.findall(rf"^```{language}\n(.*?)^```", DOCUMENT, re.DOTALL | re.MULTILINE)


def answers(
    heading: str, which: int, records: list[str], home: Path, days: dict[str, str] | None = None
) -> list[list[str]]:
    """What a query below a heading gives, by columns; its days may be others."""
    if shutil.which("jq") is None:
        pytest.skip("jq is absent: apt-get install jq")
    (home / "audit.log").write_text("".join(f"{each}\n" for each in records))
    section = DOCUMENT.partition(f"### {heading}\n")[2].partition("\n### ")[0]
    query = re.findall(r"^```sh\n(.*?)^```", section, re.DOTALL | re.MULTILINE)[which]
    for told, other in (days or {}).items():
        query = query.replace(told, other)
    command = ["bash", "-eu", "-o", "pipefail", "-c", query]
    done = subprocess.run(command, cwd=home, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return [re.sub(r"^ *(\d+) ", "\\1\t", line).split("\t") for line in done.stdout.splitlines()]
