"""The JSON Schema of the configuration file, the built-in plugins' keys included, for editors and other tools."""

from __future__ import annotations

from typing import Any

from ostiary.config.model import Config
from ostiary.config.plugins import PluginTable
from ostiary.errors import Misuse

__all__ = ["schema"]

JSON_SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_REFERENCE = "#/$defs/{model}"


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the configuration file."""
    from ostiary.plugins.loading import built_in

    document = Config.model_json_schema()
    common = document["$defs"].pop(PluginTable.__name__)
    forms: list[dict[str, Any]] = []
    for use, plugin in built_in().items():
        own = plugin.Options.model_json_schema(ref_template=_REFERENCE)
        parts = own.pop("$defs", {})
        title = f"{plugin.__name__}Plugin"
        # A name stands for one thing in the whole document.
        if any(document["$defs"].get(name, part) != part for name, part in parts.items()):
            raise Misuse(f"the schemas of two plugins name different tables the same: {use}")
        document["$defs"] |= parts
        properties = {**_common(common, {"const": use}), **own["properties"]}
        document["$defs"][title] = _table(title, plugin.__doc__ or "", properties, ["use", *own.get("required", [])])
        forms.append({"$ref": _REFERENCE.format(model=title)})
    stranger = {"type": "string", "not": {"enum": sorted(built_in())}}
    # What another plugin's keys are, only its class knows.
    forms.append({"type": "object", "properties": _common(common, stranger), "required": ["use"]})
    document["properties"]["plugins"]["items"] = {"oneOf": forms}
    return {"$schema": JSON_SCHEMA_DIALECT, **document, "title": "Ostiary configuration"}


def _common(table: dict[str, Any], use: dict[str, Any]) -> dict[str, Any]:
    """The keys that every plugin has, `use` being this."""
    properties = table["properties"]
    return {**properties, "use": {**use, "description": properties["use"]["description"]}}


def _table(title: str, description: str, properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {
        "title": title,
        "description": description.partition("\n")[0],
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }
