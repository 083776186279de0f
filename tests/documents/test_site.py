"""The site: built strictly, of pages that all can be found, and of nothing that a browser would fetch elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ..house.tree import ROOT
from .page import pages


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(target)],
        cwd=ROOT, capture_output=True, text=True, timeout=55, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return target


def test_every_page_is_there(site: Path) -> None:
    wanted = {page.removeprefix("docs/").removesuffix(".md") for page in pages() if page.startswith("docs/")}
    assert sorted(page for page in wanted if not (site / f"{page}.html").exists()) == []


def test_nothing_comes_from_elsewhere(site: Path) -> None:
    fetched = re.compile(
        r'<(?:script|img|iframe|source)\b[^>]*\bsrc="?(https?:)?//|<link\b[^>]*\brel="?(?:stylesheet|preload)[^>]*//',
        re.I,
    )
    found = [page for page in site.rglob("*.html") if fetched.search(page.read_text())]
    found += [sheet for sheet in site.rglob("*.css") if re.search(r"url\([\"']?https?:|@import", sheet.read_text())]
    assert found == []


def test_links_to_the_repository_lead_to_what_was_brought_along(site: Path) -> None:
    text = (site / "plugins.html").read_text()
    assert "project/examples/help_desk.py" in text
    assert (site / "project/examples/help_desk.py").exists()
    assert "SECURITY.html" in (site / "security.html").read_text()
    assert (site / "project/SECURITY.html").exists()


def test_markers_of_tests_are_not_shown(site: Path) -> None:
    text = re.sub(r"<[^>]*>", "", re.sub(r"<!--.*?-->", "", (site / "start.html").read_text(), flags=re.DOTALL))
    assert "run in the background" not in text
    assert "ostiary run --config" in text


def test_start_and_first_page_lead_everywhere() -> None:
    first = (ROOT / "docs/index.md").read_text()
    linked = set(re.findall(r"\]\(([\w./-]+\.md)", first))
    alone = {page.removeprefix("docs/") for page in pages() if page.count("/") == 1} - {"index.md"}
    assert sorted(alone - linked) == []
