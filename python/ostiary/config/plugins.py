"""The tables of `[[plugins]]`: what every plugin has, and around it the keys that are the plugin's own.

Which those are, the plugin's class says. It is looked for when a table is read, and not before: `ostiary.plugins` is
above this package, and a configuration without plugins does not load it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    PrivateAttr,
    StrictStr,
    ValidationInfo,
    model_serializer,
    model_validator,
)

from ostiary.config.table import Table
from ostiary.config.values import Name, Seconds

__all__ = ["PluginTable", "options_model", "own_keys", "validated"]

PluginMode = Literal["enforce", "monitor"]


def _use(value: str) -> str:
    options_model(value)
    return value


class PluginTable(Table):
    """One plugin; its further keys are its own."""

    use: Annotated[StrictStr, AfterValidator(_use)]
    """The plugin: the name of one that is installed, as "allow_list", or "package.module:Class"."""
    name: Name
    """What logs, metrics and `explain` call it; unique. When omitted, the last part of `use`."""
    mode: PluginMode = "enforce"
    """"monitor": only count and log what it would have decided."""
    time_limit_seconds: Seconds = 1
    """How long each of its hooks may take; then the request is refused."""
    _options: BaseModel = PrivateAttr()

    @property
    def options(self) -> BaseModel:
        """The plugin's own keys, as its class validated them."""
        return self._options

    @model_validator(mode="wrap")
    @classmethod
    def _divided(cls, data: Any, handler: Any, info: ValidationInfo) -> PluginTable:
        if not isinstance(data, dict):
            return cast("PluginTable", handler(data))
        data = cls.complete(data)
        table = handler({key: value for key, value in data.items() if key in cls.model_fields})
        table._options = validated(options_model(table.use), own_keys(data), info.context)
        return cast("PluginTable", table)

    @model_serializer(mode="wrap")
    def _joined(self, handler: Any) -> dict[str, Any]:
        own = self._options.model_dump(mode="json", by_alias=True, exclude_none=True)
        return {**handler(self), **own}

    @classmethod
    def complete(cls, data: dict[str, Any]) -> dict[str, Any]:
        """The raw table with the name that `use` gives it."""
        use = data.get("use")
        if "name" in data:
            return data
        # Without a `use` there is a fault already.
        return {**data, "name": use.rpartition(":")[2] if isinstance(use, str) else "unnamed"}


def own_keys(data: dict[str, Any]) -> dict[str, Any]:
    """What of a raw table is the plugin's own."""
    return {key: value for key, value in data.items() if key not in PluginTable.model_fields}


def options_model(use: str) -> type[BaseModel]:
    """The model of a plugin's own keys. Raises: ValueError when it cannot be loaded."""
    from ostiary.plugins.loading import plugin_class

    return plugin_class(use).Options


def validated(model: type[BaseModel], data: dict[str, Any], context: Any) -> BaseModel:
    """A plugin's own keys, validated strictly: a list is a list of whatever kind, but "5" is no number.

    Raises:
        ValidationError: as the model says.
    """
    return model.model_validate_json(_json(data), context=context)


def _json(data: dict[str, Any]) -> bytes:
    # What TOML can say and JSON cannot (dates and times), JSON models read as text.
    import json

    return json.dumps(data, default=str).encode("utf-8", "surrogatepass")
