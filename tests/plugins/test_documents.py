"""docs/plugins.md: its plugins are loaded, its configuration read, its tests run, and its tables complete."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from ostiary import plugins, testing
from ostiary.config import Config
from ostiary.plugins import Client, Plugin, Request
from ostiary.plugins.loading import HOOKS, checked_class

from ..config.files import AROUND

TEXT = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text()


class Block(NamedTuple):
    """One fenced block and the marker before it."""

    marker: str
    text: str


BLOCKS = [Block(*each) for each in re.findall(r"<!-- (.+?) -->\n```\w+\n(.*?)```", TEXT, re.DOTALL)]
FILES = {each.marker.removeprefix("file: "): each.text for each in BLOCKS if each.marker.startswith("file: ")}
TESTS = [
    (file, name) for file in FILES if file.startswith("test_") for name in re.findall(r"def (test_\w+)", FILES[file])
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the document's files, where Python finds them."""
    for file, text in FILES.items():
        (tmp_path / file).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for file in FILES:
        sys.modules.pop(file.removesuffix(".py"), None)


def test_every_block_of_python_is_tried() -> None:
    assert len(re.findall(r"^```python$", TEXT, re.MULTILINE)) == len(FILES)
    assert len(TESTS) >= 4


@pytest.mark.parametrize("file", [file for file in FILES if not file.startswith("test_")])
@pytest.mark.usefixtures("folder")
def test_plugins_of_the_document_are_plugins(file: str) -> None:
    module = importlib.import_module(file.removesuffix(".py"))
    found = [
        each
        for each in vars(module).values()
        if inspect.isclass(each) and issubclass(each, Plugin) and each is not Plugin
    ]
    assert [checked_class(each) for each in found] == found
    assert len(found) == 1


@pytest.mark.usefixtures("folder")
def test_configuration_of_the_document_is_read() -> None:
    (text,) = (each.text for each in BLOCKS if each.marker == "configuration")
    assert Config.from_toml(AROUND + text, Path()).plugins[0].name == "Office"


@pytest.mark.parametrize(("file", "name"), TESTS)
@pytest.mark.usefixtures("folder")
def test_tests_of_the_document_pass(file: str, name: str) -> None:
    getattr(importlib.import_module(file.removesuffix(".py")), name)()


def test_first_plugin_has_ten_lines() -> None:
    assert len([line for line in FILES["office.py"].splitlines() if line.strip()]) <= 10


def test_every_hook_is_in_the_table() -> None:
    rows = re.findall(r"^\| `(on_\w+)\(self, ([\w, ]+)\)` \|", TEXT, re.MULTILINE)
    assert {name: tuple(arguments.split(", ")) for name, arguments in rows} == HOOKS


@pytest.mark.parametrize("seen", [Client, Request])
def test_everything_that_hooks_see_is_named(seen: type) -> None:
    public = {name for name in dir(seen) if not name.startswith("_")} - {"now", "of"}
    assert sorted(each for each in public if not re.search(rf"\b{each}\b", TEXT)) == []


@pytest.mark.parametrize("name", sorted(testing.__all__))
def test_everything_for_tests_is_named(name: str) -> None:
    assert re.search(rf"\b{name}\b", TEXT)


@pytest.mark.parametrize("name", sorted(plugins.__all__))
def test_everything_that_is_promised_exists(name: str) -> None:
    assert getattr(plugins, name) is not None
