"""From a file to a `Config`, or to every fault at once.

Order: TOML, the environment, each value by itself, values together, files. A value that is faulty
is not judged again by what comes after it.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ostiary.config.audit_checks import check_audit
from ostiary.config.certificate_checks import check_files
from ostiary.config.checks import check_meaning
from ostiary.config.environment import Interpolated, interpolate
from ostiary.config.model import Config
from ostiary.config.plugin_checks import check_plugins
from ostiary.config.reading import Reader
from ostiary.config.table import Finding, Loc, key_path
from ostiary.config.wording import shown
from ostiary.errors import ConfigError, Fault


def load(path: Path) -> Config:
    """The configuration in the file. Raises: ConfigError, with every fault."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError([Fault("", f"not readable: {path}: {reason(error)}")]) from None
    except UnicodeDecodeError as error:
        raise ConfigError([Fault("", f"not utf-8 at octet {error.start}: {path}")]) from None
    return parse(text, path.absolute().parent)


def parse(text: str, directory: Path) -> Config:
    """The configuration in the text. Raises: ConfigError, with every fault."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([Fault("", f"not toml: {_with_line(str(error), text)}")]) from None
    except RecursionError:
        raise ConfigError([Fault("", "not toml: nested too deep")]) from None
    values = interpolate(raw, os.environ)
    reader = Reader(directory)
    config = reader.table(Config, values.data, ())
    findings = [*values.findings, *reader.findings, *check_meaning(config)]
    findings += check_plugins(config, [each.loc for each in findings])
    findings += [*check_audit(getattr(config, "audit", None)), *check_files(config)]
    if findings:
        raise ConfigError(_faults(findings, values, raw))
    return Config.model_validate(values.data, context={"directory": directory})


def reason(error: OSError) -> str:
    """Why the system refused, without the path it repeats."""
    return (error.strerror or str(error)).lower()


def _faults(findings: Iterable[Finding], values: Interpolated, raw: dict[str, Any]) -> list[Fault]:
    unset = {finding.loc for finding in values.findings}
    faults: dict[Fault, tuple[int, ...]] = {}
    for position, finding in enumerate(findings):
        if finding.loc in unset and position >= len(values.findings):
            continue
        fault = Fault(key_path(_written(finding.loc, raw)), _line(finding, values))
        faults.setdefault(fault, _place(finding.loc, raw))
    return sorted(faults, key=lambda fault: faults[fault])


def _written(loc: Loc, raw: Any) -> Loc:
    """The place without positions in lists that the file writes as a single value."""
    place: list[str | int] = []
    for part in loc:
        if isinstance(part, str) or isinstance(raw, list) or raw is None:
            place.append(part)
            is_there = part in raw if isinstance(raw, dict) else isinstance(raw, list) and int(part) < len(raw)
            raw = raw[part] if is_there else None
    return tuple(place)


def _line(finding: Finding, values: Interpolated) -> str:
    originals = values.originals
    # A plugin or the core may have said what it found.
    message = _without_environment(finding, values)
    if finding.value is None:
        return message
    # What came from the environment may be a secret that landed under the wrong key.
    return f"{message}: {shown(originals.get(finding.loc, finding.value))}"


def _without_environment(finding: Finding, values: Interpolated) -> str:
    message = finding.message
    for loc, original in values.originals.items():
        if finding.loc[0] == "plugins" and loc[: len(finding.loc)] == finding.loc:
            value: Any = values.data
            for part in loc:
                value = value[part]
            message = message.replace(value, original) if value else message
    return message


def _place(loc: Loc, raw: Any) -> tuple[int, ...]:
    """Where the value stands in the file; what is missing stands at the end of its table."""
    place = []
    for part in loc:
        if isinstance(raw, dict):
            keys = list(raw)
            place.append(keys.index(str(part)) if part in raw else len(keys))
            raw = raw.get(str(part))
        else:
            place.append(part if isinstance(part, int) else 0)
            raw = raw[part] if isinstance(raw, list) and isinstance(part, int) and part < len(raw) else None
    return tuple(place)


def _with_line(message: str, text: str) -> str:
    """The parser's message, which names no line when the text ends too early."""
    line, column = text.count("\n") + 1, len(text) - (text.rfind("\n") + 1)
    message = message.replace("at end of document", f"at line {line}, column {column}, the end of the file")
    return message[:1].lower() + message[1:]
