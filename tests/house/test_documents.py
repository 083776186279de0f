"""What the documents name exists, and what exists is named: words of the log, states, files, links."""

from __future__ import annotations

import ast
import re

import pytest

from ostiary.plugins import names

from .tree import ROOT, below, files, name

LOG_CALLS = {"event": 2, "failure": 1}


def _text(path: str) -> str:
    return (ROOT / path).read_text()


def _log_events() -> set[str]:
    """The names of every event that the package logs."""
    found = set()
    for path in below("python", ".py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id == "log"
                and node.func.attr in LOG_CALLS
            ):
                word = node.args[LOG_CALLS[node.func.attr]]
                assert isinstance(word, ast.Constant), f"{name(path)}:{node.lineno}: an event's name is a literal"
                found.add(str(word.value))
    return found


def _variants(enum: str, path: str) -> list[str]:
    body = re.search(rf"enum {enum} \{{(.*?)\n\}}", _text(path), re.DOTALL)
    assert body is not None
    return re.findall(r"^    (\w+)", body[1], re.MULTILINE)


def test_every_log_event_is_explained() -> None:
    told = _text("docs/troubleshooting.md")
    assert sorted(each for each in _log_events() if f"`{each}`" not in told and f'"{each}"' not in told) == []


def test_every_violation_and_close_reason_is_explained() -> None:
    words = re.findall(r'\w+ => "(\w+)"', _text("rust/session/src/violation.rs"))
    told = _text("docs/troubleshooting.md")
    assert len(words) > 15
    assert [word for word in words if f"`{word}`" not in told] == []


def test_every_text_of_a_refusal_is_explained() -> None:
    told = _text("docs/troubleshooting.md")
    refusals = re.compile(
        r'(?:refuse\([^";]*?|Err\(\(ResultCode::\w+, |_REQUIRED: &str =\s*|let text = )"([^"{]+)"', re.DOTALL
    )
    texts = {each for path in below("rust/session/src", ".rs") for each in refusals.findall(path.read_text())}
    assert len(texts) > 6
    assert sorted(each for each in texts - {"StartTLS has no value"} if " " in each and each not in told) == []


@pytest.mark.parametrize("table", ["CONTROLS", "EXTENDED"])
def test_names_are_those_that_the_core_reads(table: str) -> None:
    known = dict(re.findall(r'pub const (\w+): &str = "([\d.]+)"', _text("rust/ldap/src/oid.rs")))
    body = _text("rust/policy/src/controls.rs").partition(f"pub const {table}: &[Known]")[2].partition("];")[0]
    rows = re.findall(r'(?:listed|harmless)\(\s*"(\w+)",\s*(?:oid::(\w+)|"([\d.]+)")', body)
    assert {name: literal or known[constant] for name, constant, literal in rows} == getattr(names, table)


@pytest.mark.parametrize("enum", ["Phase", "UpstreamPhase"])
def test_architecture_draws_every_phase(enum: str) -> None:
    told = _text("ARCHITECTURE.md")
    assert [each for each in _variants(enum, "rust/session/src/phase.rs") if each not in told] == []


@pytest.mark.parametrize("document", [name(each) for each in files(".md")])
def test_links_lead_to_files(document: str) -> None:
    place = (ROOT / document).parent
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", _text(document))
    assert [each for each in links if not (place / each).exists()] == []


def test_architecture_names_files_that_exist() -> None:
    named = re.findall(r"`((?:rust|python|tests|benches|docs|requirements)/[\w./*-]+)`", _text("ARCHITECTURE.md"))
    assert len(named) > 10
    assert [each for each in named if not list(ROOT.glob(each.rstrip("/")))] == []


def test_changelog_has_what_is_not_released() -> None:
    assert "\n## Unreleased\n" in _text("CHANGELOG.md")


def test_license_is_the_packages() -> None:
    assert "Apache License\n                           Version 2.0" in _text("LICENSE")
    assert 'license = "Apache-2.0"' in _text("pyproject.toml")
