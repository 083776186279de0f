"""`${env:NAME}` in the text values of a configuration, replaced by the environment's values.

What came from the environment may be secret: the original text is kept, and is what faults show.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ostiary.config.table import Finding, Loc

_REFERENCE = re.compile(r"\$\{env:([^}]*)\}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


@dataclass
class Interpolated:
    """The values with every reference replaced."""

    data: Any = None
    originals: dict[Loc, str] = field(default_factory=dict)
    """What the file says where a value came from the environment."""
    findings: list[Finding] = field(default_factory=list)
    """References that could not be replaced; the values there are not to be judged further."""


def interpolate(data: Any, environment: Mapping[str, str]) -> Interpolated:
    """The data with the environment's values in place of references."""
    result = Interpolated()
    result.data = _replaced(data, environment, (), result)
    return result


def _replaced(value: Any, environment: Mapping[str, str], loc: Loc, result: Interpolated) -> Any:
    # The TOML parser bounds the depth of what arrives here.
    if isinstance(value, dict):
        return {key: _replaced(item, environment, (*loc, key), result) for key, item in value.items()}
    if isinstance(value, list):
        return [_replaced(item, environment, (*loc, index), result) for index, item in enumerate(value)]
    if not isinstance(value, str) or _REFERENCE.search(value) is None:
        return value
    result.originals[loc] = value
    for name in _REFERENCE.findall(value):
        if not _VARIABLE.match(name):
            result.findings.append(Finding(loc, "not the name of an environment variable", name))
        elif name not in environment:
            result.findings.append(Finding(loc, f"the environment variable is not set: {name}"))
    return _REFERENCE.sub(lambda match: environment.get(match[1], ""), value)
