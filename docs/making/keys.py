"""docs/keys.md, made from the models: every key with what it takes, its default, and its first words.

`python -m docs.making` writes it; a test holds it fresh. What it knows of the models is their JSON Schema, the one
that `ostiary schema` prints. Reasons, and what others choose, are docs/configuration.md's, written by hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ostiary.config import schema

PAGE = Path(__file__).resolve().parents[1] / "keys.md"
HEAD = """\
# Every key at a glance

Made from the models that read the file, by `python -m docs.making`; `ostiary schema` prints the same as JSON
Schema, for editors. The reason for each key, and what others choose, is in the
[configuration reference](configuration.md).

*Needed* means: in every table of that kind. Text may contain `${env:NAME}`. Files are paths, and relative ones start at
the directory of the configuration.
"""
Schema = dict[str, Any]


def page() -> str:
    """The whole page."""
    document = schema()
    top = document["properties"]
    plain = {key: value for key, value in top.items() if _table(value, document) is None and key != "plugins"}
    parts = [HEAD, "\n## The gateway\n", _rows(plain, (), document)]
    for key, value in top.items():
        table = _table(value, document)
        if table is not None:
            heading = f"[[{key}]]" if value.get("type") == "array" else f"[{key}]"
            needed = table.get("required", ())
            parts += [f"\n## `{heading}`\n", _rows(table["properties"], needed, document)]
    *forms, stranger = top["plugins"]["items"]["oneOf"]
    common = {**stranger["properties"], "use": {**stranger["properties"]["use"], "type": "string"}}
    parts += ["\n## `[[plugins]]`: what every one has\n", _rows(common, stranger["required"], document)]
    for form in forms:
        table = _table(form, document) or {}
        own = {key: value for key, value in table["properties"].items() if key not in common}
        use, told = table["properties"]["use"]["const"], str(table["description"]).rstrip(".")
        parts += [f'\n## `use = "{use}"`\n', f"{told}.\n", _rows(own, table["required"], document)]
    return "\n".join(parts)


def _table(value: Schema, document: Schema) -> Schema | None:
    """The table that stands there, or in the list that does; none where something else does."""
    for each in (value, value.get("items", {}), *value.get("anyOf", ())):
        if "$ref" in each:
            found: Schema = document["$defs"][each["$ref"].rpartition("/")[2]]
            if "properties" in found:
                return found
    return None


def _rows(properties: Schema, needed: Any, document: Schema) -> str:
    rows = [
        f"| `{path}` | {takes} | {default} | {told} |"
        for path, takes, default, told in _each(properties, needed, document, "")
    ]
    return "\n".join(["| key | takes | default | |", "|---|---|---|---|", *rows, ""])


def _each(properties: Schema, needed: Any, document: Schema, prefix: str) -> Iterator[tuple[str, str, str, str]]:
    """One row for each key, those of tables within behind a dot."""
    for key, value in properties.items():
        table = _table(value, document)
        told = _cell(value.get("description", ""))
        if table is None or ("anyOf" in value and any(each.get("type") == "string" for each in value["anyOf"])):
            yield f"{prefix}{key}", _takes(value, document), "needed" if key in needed else _default(value), told
        if table is not None:
            inner = f"{prefix}{key}{'[]' if value.get('type') == 'array' else ''}."
            yield from _each(table["properties"], table.get("required", ()), document, inner)


def _takes(value: Schema, document: Schema) -> str:
    """What may stand there, in words."""
    forms = [each for each in value.get("anyOf", ()) if each.get("type") != "null"]
    if len(forms) == 2 and forms[1].get("items") == forms[0]:
        return f"{_takes(forms[0], document)}, or a list of these"
    if forms:
        return " or ".join(dict.fromkeys(_takes(each, document) for each in forms))
    if "$ref" in value:
        found = document["$defs"][value["$ref"].rpartition("/")[2]]
        return "a table" if "properties" in found else _takes(found, document)
    if "const" in value or "enum" in value:
        return ", ".join(f"`{_shown(each)}`" for each in value.get("enum", [value.get("const")]))
    kind = value.get("type")
    if kind == "array":
        return f"a list: {_takes(value['items'], document)}" if value.get("items") else "a list"
    if kind in ("integer", "number"):
        word = "a whole number" if kind == "integer" else "a number"
        low, high = value.get("minimum"), value.get("maximum")
        return word + (f", {_shown(low)} to {_shown(high)}" if low is not None and high is not None else "")
    return {"boolean": "`true`, `false`", "path": "a file", "password": "secret text"}.get(
        str(value.get("format", kind)), "text"
    )


def _default(value: Schema) -> str:
    default = value.get("default", value.get("const"))
    if isinstance(default, dict):
        # An address or an output, taken apart.
        default = f"{default['host']}:{default['port']}" if default.get("host") else default.get("kind")
    return "" if default is None or default == [] else f"`{_shown(default)}`"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and value >= 10_000:
        return f"{value:_}"
    return f'"{value}"' if isinstance(value, str) else str(value)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
