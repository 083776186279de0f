"""What of the pages is made from the code: it is what the code gives now, and all that the code has."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest
from docs.making import audit, metrics, regions
from docs.making.__main__ import MADE

from ostiary._core import audit_fields

from ..house.tree import below


@pytest.mark.parametrize("made", MADE, ids=lambda made: made.PAGE.name)
def test_committed_page_is_what_the_code_gives(made: ModuleType) -> None:
    assert made.PAGE.read_text() == made.page(), "run: python -m docs.making"


def test_every_page_with_a_region_is_made() -> None:
    with_regions = {path for path in below("docs", ".md") if regions.REGION.search(path.read_text())}
    assert with_regions == {audit.PAGE, metrics.PAGE}
    assert with_regions < {made.PAGE for made in MADE}


def test_a_region_that_was_edited_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edited = tmp_path / "audit.md"
    edited.write_text(audit.PAGE.read_text().replace("| `client` | `source.ip` |", "| `client` | `client.ip` |"))
    monkeypatch.setattr(audit, "PAGE", edited)
    assert edited.read_text() != audit.page()
    assert "| `client` | `source.ip` | `src` |" in audit.page()


@pytest.mark.parametrize(
    ("old", "new", "blamed"),
    [
        ("     ostiary_connections\n", "", "ostiary_connections"),
        ("     ostiary_connections\n", "     ostiary_connections\n     ostiary_unknown\n", "ostiary_unknown"),
        ("     ostiary_connections\n", "     ostiary_connections\n     ostiary_build_info\n", "ostiary_build_info"),
    ],
)
def test_every_metric_is_named_by_one_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, blamed: str
) -> None:
    page = tmp_path / "metrics.md"
    page.write_text(metrics.PAGE.read_text().replace(old, new))
    monkeypatch.setattr(metrics, "PAGE", page)
    with pytest.raises(ValueError, match=rf"one table: {blamed}$"):
        metrics.page()


def test_the_tables_say_all_that_is_declared() -> None:
    text = metrics.page()
    for family in metrics.families().values():
        labels = ", ".join(f"`{each}`" for each in family.labels)
        row = f"| `{family.name}` | {family.kind} | {metrics.unit(family)} | {labels} | {family.help} |\n"
        assert row in text
        assert not family.bounds or [float(each) for each in buckets(text)[family.name]] == list(family.bounds)
    assert set(buckets(text)) == {each.name for each in metrics.families().values() if each.kind == "histogram"}
    rows = [line for line in audit.page().splitlines() if re.fullmatch(r"(\| [^|]*){6}\|", line)]
    assert len(rows) == len(audit_fields()) + 2
    for row, field in zip(rows[2:], audit_fields(), strict=True):
        assert [each.strip(" `") for each in row.strip("|").split("|")] == list(field)


def buckets(text: str) -> dict[str, list[str]]:
    return {name: row.split(", ") for name, row in re.findall(r"^\| `(\w+)` \| ([\d., ]+) \|$", text, re.MULTILINE)}


def test_what_would_break_a_row_is_escaped() -> None:
    assert regions.table(("a", "b"), [("x|y", "one\n two")]) == "| a | b |\n| --- | --- |\n| x\\|y | one two |\n"
