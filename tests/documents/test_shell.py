"""Every block of shell in the documents says how it is tested, or why it is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..house.tree import ROOT
from .page import MARKER, blocks, pages

# Pages of which a test runs every block that is marked so; each has a test that fails if one does not work.
RUN = {
    "README.md": "tests/house/test_readme.py",
    "docs/start.md": "tests/documents/test_start.py",
    "docs/operations.md": "tests/documents/test_operations.py",
    "docs/recipes/apache.md": "tests/recipes/test_apache.py",
    "docs/recipes/postgresql.md": "tests/recipes/test_postgresql.py",
    "docs/recipes/freeradius.md": "tests/recipes/test_freeradius.py",
    "docs/recipes/sssd.md": "tests/recipes/test_sssd.py",
    "docs/recipes/samba.md": "tests/recipes/test_samba.py",
    "docs/recipes/openldap.md": "tests/recipes/test_servers.py",
    "docs/recipes/389-ds.md": "tests/recipes/test_servers.py",
    "docs/recipes/active-directory.md": "tests/recipes/test_active_directory.py",
}


@pytest.mark.parametrize("page", pages())
def test_every_shell_block_says_how_it_is_tested(page: str) -> None:
    shell = [each for each in blocks(page) if each.language in ("sh", "shell", "bash", "console")]
    assert [each for each in shell if not MARKER.fullmatch(each.marker)] == []
    for each in shell:
        if each.marker.startswith("run") or each.marker == "verb":
            assert page in RUN, f"{page}: nothing runs this:\n{each.text}"
        if each.marker.startswith("tested by: "):
            assert (ROOT / each.marker.removeprefix("tested by: ")).exists(), each.marker


def test_pages_that_are_run_have_their_tests() -> None:
    for page, test in RUN.items():
        assert (ROOT / test).exists()
        assert Path(page).stem in (ROOT / test).read_text() or page == "README.md", test


def test_every_recipe_is_run() -> None:
    assert {page for page in pages() if page.startswith("docs/recipes/")} - {"docs/recipes/index.md"} == {
        page for page in RUN if page.startswith("docs/recipes/")
    }


@pytest.mark.parametrize("page", sorted(page for page in RUN if page.startswith("docs/recipes/")))
def test_every_recipe_has_the_same_parts(page: str) -> None:
    text = (ROOT / page).read_text()
    files = [each.file for each in blocks(page) if each.file is not None]
    assert "/etc/ostiary/ostiary.toml" in files
    for part in (
        "## Ostiary\n",
        "## Test it\n",
        "## What the rules allow, and why\n",
        "## From monitor to enforce\n",
        "## What goes wrong\n",
    ):
        assert part in text, part
    assert [each for each in blocks(page) if each.marker.startswith("run when enforced: exits 50")]
