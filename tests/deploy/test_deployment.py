"""docs/deployment.md, and what is written in deploy/: every command says who tests it, and what is named exists."""

from __future__ import annotations

import re

from ostiary.cli import options
from ostiary.cli.endpoint import CaOption, TokenOption, UrlOption

from ..house.tree import ROOT, below
from .documented import DEPLOYMENT

DOCUMENT = DEPLOYMENT.read_text()


def test_every_command_says_how_it_is_tested() -> None:
    blocks = re.findall(r"(?:^<!-- (.+?) -->\n)?^```sh\n", DOCUMENT, re.MULTILINE)
    assert len(blocks) >= 10
    assert [each for each in blocks if not re.match(r"(tested by|not run): ", each)] == []
    named = re.findall(r"tests/[\w/]+\.\w+", DOCUMENT)
    assert [each for each in named if not (ROOT / each).exists()] == []


def test_files_that_are_named_exist() -> None:
    named = re.findall(r"`(deploy/[\w./]+)`", DOCUMENT)
    assert len(named) > 5
    assert [each for each in named if not (ROOT / each).exists()] == []


def test_verbs_that_comments_name_exist() -> None:
    verbs = set(re.findall(r"^(\w+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = [
        verb for each in below("deploy") for verb in re.findall(r"^#\s+make (\w+)", each.read_text(), re.MULTILINE)
    ]
    assert len(named) >= 2
    assert [each for each in named if each not in verbs] == []


def test_every_variable_is_explained_and_no_other() -> None:
    kinds = [options.ConfigOption, options.LogLevelOption, UrlOption, CaOption, TokenOption]
    known = {metadata.envvar for each in kinds for metadata in each.__metadata__}  # type: ignore[attr-defined]
    assert set(re.findall(r"^\| `(OSTIARY_\w+)`", DOCUMENT, re.MULTILINE)) == known
