"""Tables from raw data, as much of each as is sound, with every fault on the way.

pydantic gives up a whole table for one bad value; operators want the other faults of that table in
the same run. So each value is validated by itself, with its own key's type, and a table of the sound
ones is built for the checks. Only a file without a fault becomes a `Config` in one go.
"""

from __future__ import annotations

import functools
import types
import typing
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, SecretStr, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from ostiary.config.options import option_findings, sound_part
from ostiary.config.plugins import PluginTable, options_model, own_keys, validated
from ostiary.config.table import Faulty, Finding, Loc, Table
from ostiary.config.wording import did_you_mean, sentence

T = TypeVar("T", bound=Table)


class Reader:
    """Reads tables and collects what is wrong with their values."""

    def __init__(self, directory: Path) -> None:
        self._context = {"directory": directory}
        self.findings: list[Finding] = []

    def table(self, model: type[T], data: object, loc: Loc) -> T:
        """The table with its sound values; the others raise `Absent` when they are asked for."""
        if not isinstance(data, dict):
            self.findings.append(Finding(loc, "expected a table", data))
            return typing.cast(T, Faulty())
        data = model.complete(data)
        if issubclass(model, PluginTable):
            return typing.cast(T, self._plugin(data, loc))
        return self._own(model, data, loc)

    def _plugin(self, data: dict[str, Any], loc: Loc) -> PluginTable:
        """A plugin's table: the keys that all have, and its own if it can be told which those are."""
        own = own_keys(data)
        table = self._own(PluginTable, {key: value for key, value in data.items() if key not in own}, loc)
        use = table.__dict__.get("use")
        if isinstance(use, str):
            options = self._options(options_model(use), own, loc)
            if options is not None:
                table._options = options
        return table

    def _options(self, model: type[BaseModel], data: dict[str, Any], loc: Loc) -> BaseModel | None:
        """A plugin's own keys, or what is sound of them, as the core may have faults to tell of the rest."""
        try:
            return validated(model, data, self._context)
        except ValidationError as error:
            found = list(option_findings(model, error, data, loc))
        self.findings += found
        with suppress(ValidationError):
            return validated(model, sound_part(data, (each.loc[len(loc) :] for each in found)), self._context)
        return None

    def _own(self, model: type[T], data: dict[str, Any], loc: Loc) -> T:
        for key in data:
            if key not in model.model_fields:
                hint = did_you_mean(key, model.model_fields)
                self.findings.append(Finding((*loc, key), f"unknown key{hint}"))
        sound, faulty = {}, []
        for name, field in model.model_fields.items():
            before = len(self.findings)
            if name in data:
                value = self._value(model, name, field, data[name], (*loc, name))
                if len(self.findings) == before or value is not None:
                    sound[name] = value
                else:
                    faulty.append(name)
            elif field.is_required():
                self.findings.append(Finding((*loc, name), _missing(name, field)))
                faulty.append(name)
        table = model.model_construct(**sound)
        for name in faulty:
            table.__dict__.pop(name, None)
        return table

    def _value(self, model: type[Table], name: str, field: FieldInfo, value: object, loc: Loc) -> Any:
        """The value, as far as it is sound; None when it is not at all."""
        inner, listed = _element(field)
        if not listed:
            if inner is not None:
                return self.table(inner, value, loc)
            return self._leaf(_adapter(model, name), value, loc, _is_secret(field))
        if not isinstance(value, list):
            hint = f": write [[{name}]]" if inner is not None and len(loc) == 1 else ""
            self.findings.append(Finding(loc, f"expected a list{hint}", None if hint else value))
            return None
        if not value and field.is_required():
            self.findings.append(Finding(loc, "the list is empty; at least one is needed"))
            return None
        if inner is not None:
            return tuple(self.table(inner, item, (*loc, index)) for index, item in enumerate(value))
        return tuple(self._item(model, name, item, (*loc, index)) for index, item in enumerate(value))

    def _item(self, model: type[Table], name: str, value: object, loc: Loc) -> Any:
        before = len(self.findings)
        item = self._leaf(_item_adapter(model, name), value, loc, secret=False)
        return item if len(self.findings) == before else Faulty()

    def _leaf(self, adapter: TypeAdapter[Any], value: object, loc: Loc, secret: bool) -> Any:
        try:
            return adapter.validate_python(value, context=self._context)
        except ValidationError as error:
            # One value, one fault: further errors of the same value are consequences.
            first = error.errors(include_url=False)[0]
            self.findings.append(Finding(loc, sentence(first), None if secret else value))
            return None


def _element(field: FieldInfo) -> tuple[type[Table] | None, bool]:
    """The table class that the field holds, if it does, and whether it holds a list."""
    annotation: Any = _without_none(field.annotation)
    listed = typing.get_origin(annotation) is tuple
    if listed:
        annotation = typing.get_args(annotation)[0]
    elif isinstance(annotation, types.UnionType):
        # A table that may be left out.
        annotation = next(each for each in typing.get_args(annotation) if each is not types.NoneType)
    is_table = isinstance(annotation, type) and issubclass(annotation, Table)
    return (annotation if is_table else None), listed


def _without_none(annotation: Any) -> Any:
    """What stands in a key that may be absent."""
    choices = [each for each in typing.get_args(annotation) if each is not type(None)]
    return choices[0] if len(choices) == 1 and type(None) in typing.get_args(annotation) else annotation


def _is_secret(field: FieldInfo) -> bool:
    return SecretStr.__name__ in str(field.annotation)


@functools.cache
def _adapter(model: type[Table], name: str) -> TypeAdapter[Any]:
    field = model.model_fields[name]
    annotation: Any = field.annotation
    for mark in field.metadata:
        annotation = Annotated[annotation, mark]
    return TypeAdapter(annotation)


@functools.cache
def _item_adapter(model: type[Table], name: str) -> TypeAdapter[Any]:
    return TypeAdapter(typing.get_args(model.model_fields[name].annotation)[0])


def _missing(name: str, field: FieldInfo) -> str:
    inner, listed = _element(field)
    if inner is not None and listed:
        return f"missing; at least one [[{name}]] table is needed"
    choices = [f'"{choice}"' for choice in typing.get_args(field.annotation) if isinstance(choice, str)]
    return f"missing; write {', '.join(choices[:-1])} or {choices[-1]}" if choices else "missing"
