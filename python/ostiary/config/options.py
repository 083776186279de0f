"""What is wrong with a plugin's own keys: its model's errors, each at the key that the file writes.

pydantic's places also name branches of unions and positions in lists that the file does not have; and an unknown
key is told with the near known one, as everywhere. Knows no plugin.
"""

from __future__ import annotations

import copy
import typing
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ostiary.config.table import Finding, Loc
from ostiary.config.wording import did_you_mean, sentence

__all__ = ["option_findings", "sound_part"]

_UNKNOWN_KEY = "extra_forbidden"
_MISSING = "missing"


def option_findings(
    model: type[BaseModel], error: ValidationError, data: dict[str, Any], loc: Loc
) -> Iterator[Finding]:
    """Every fault that the model found; `loc` is where the plugin's table stands."""
    errors = [(_place(each, data), each) for each in error.errors(include_url=False)]
    told: set[Loc] = set()
    for place, each in errors:
        # One value, one fault: further errors of the same value are consequences, or other branches of a union. Of
        # those, the one that came furthest knows best. A list is too short when its elements are faulty, too.
        is_branch = len(place) < len(each["loc"]) or each["type"] == "too_short"
        came_further = any(place == other[: len(place)] and place != other for other, _ in errors)
        if place not in told and not (is_branch and came_further):
            told.add(place)
            yield _finding(model, each, data, place, loc)


def sound_part(data: dict[str, Any], places: Iterable[Loc]) -> dict[str, Any]:
    """The data without the keys at these places, so that the rest can be judged; positions in lists stay."""
    rest = copy.deepcopy(data)
    for place in places:
        # A list is left out as a whole: what is behind an element would move.
        keys = [depth for depth, part in enumerate(place) if isinstance(part, str)]
        table: Any = rest
        for part in place[: keys[-1]] if keys else ():
            table = table[part] if _holds(table, part) else {}
        if keys and isinstance(table, dict):
            table.pop(place[keys[-1]], None)
    return rest


def _finding(model: type[BaseModel], error: ErrorDetails, data: dict[str, Any], place: Loc, loc: Loc) -> Finding:
    if error["type"] == _UNKNOWN_KEY:
        known = {key for one in _models(model, place[:-1]) for key in _keys(one)}
        return Finding((*loc, *place), f"unknown key{did_you_mean(place[-1], known)}")
    if _at(data, place[:-1] if error["type"] == _MISSING else place) == []:
        return Finding((*loc, *place), "the list is empty; at least one is needed")
    value = None if error["type"] == _MISSING or _is_secret(model, place) else _at(data, place)
    return Finding((*loc, *place), sentence(error), None if place == () else value)


def _place(error: ErrorDetails, data: Any) -> Loc:
    """Where in the file's data an error is."""
    place: list[str | int] = []
    parts = error["loc"]
    for part in parts:
        if _holds(data, part):
            data = data[part]
            place.append(part)
    if error["type"] == _MISSING and parts:
        place.append(parts[-1])
    return tuple(place)


def _holds(data: Any, part: str | int) -> bool:
    if isinstance(data, list):
        return isinstance(part, int) and part < len(data)
    return isinstance(data, dict) and part in data


def _at(data: Any, place: Loc) -> object:
    for part in place:
        data = data[part]
    return typing.cast("object", data)


def _models(model: type[BaseModel], place: Loc) -> list[type[BaseModel]]:
    """The models that may stand at a place."""
    candidates: list[Any] = [model]
    for part in place:
        if isinstance(part, str):
            candidates = [_field(one, part) for each in candidates for one in _models_in(each)]
    return [one for each in candidates for one in _models_in(each)]


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for each in typing.get_args(annotation):
        yield from _models_in(each)


def _field(model: type[BaseModel], key: str) -> Any:
    for name, field in model.model_fields.items():
        if key == (field.alias or name):
            return field.annotation
    return None


def _keys(model: type[BaseModel]) -> Iterator[str]:
    return (field.alias or name for name, field in model.model_fields.items())


def _is_secret(model: type[BaseModel], place: Loc) -> bool:
    """Whether what stands there, or around it, is never to be shown."""
    annotations = [
        _field(one, key)
        for depth, key in enumerate(place)
        if isinstance(key, str)
        for one in _models(model, place[:depth])
    ]
    return any("Secret" in str(each) for each in annotations)
