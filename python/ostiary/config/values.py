"""The kinds of values that keys hold: names, files, addresses, numbers with bounds.

Each is checked by itself here; what two values mean together is in the checks. Error texts leave
the value out, since it may come from the environment; the report adds what may be shown.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    SecretStr,
    Strict,
    StrictStr,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from ostiary.config.addresses import Address, ServerUrl, parse_host

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\Z")
_SOCKET_MODE = re.compile(r"0?[0-7]{3}\Z")


def directory_of(info: ValidationInfo) -> Path | None:
    """Where relative paths start, if that is known."""
    directory = (info.context or {}).get("directory")
    return directory if isinstance(directory, Path) else None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise PydanticCustomError("string_type", "expected text in quotes")
    return value


def _name(value: str) -> str:
    if not _NAME.match(value):
        raise ValueError("use up to 64 letters, digits, dots, dashes and underscores")
    return value


def _path(value: object, info: ValidationInfo) -> Path:
    if isinstance(value, Path):
        return value
    text = _text(value)
    if not text or "\0" in text:
        raise ValueError("not the name of a file")
    directory = directory_of(info)
    return Path(text) if directory is None else directory / text


def _address(value: object, info: ValidationInfo) -> Address:
    return value if isinstance(value, Address) else Address.parse(_text(value), directory_of(info))


def _server(value: object) -> ServerUrl:
    return value if isinstance(value, ServerUrl) else ServerUrl.parse(_text(value))


def _password(value: object) -> Any:
    if isinstance(value, str) and not value:
        raise ValueError("the password is empty")
    return value


def _socket_mode(value: str) -> str:
    if not _SOCKET_MODE.match(value):
        raise ValueError('not the permissions of a file; write "0660"')
    return value


def _json_text(description: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "description": description})


Name = Annotated[StrictStr, AfterValidator(_name)]
FilePath = Annotated[
    Path,
    PlainValidator(_path),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "format": "path"}),
]
ListenAddress = Annotated[
    Address,
    PlainValidator(_address),
    PlainSerializer(str, return_type=str),
    _json_text("ip address and port, or unix: and a path"),
]
Server = Annotated[
    ServerUrl,
    PlainValidator(_server),
    PlainSerializer(str, return_type=str),
    _json_text("ldap, ldaps or ldapi url of a server"),
]
Host = Annotated[StrictStr, AfterValidator(parse_host)]
Password = Annotated[SecretStr, BeforeValidator(_password)]
SocketMode = Annotated[StrictStr, AfterValidator(_socket_mode)]
Bool = Annotated[bool, Strict()]
# A day: longer waits are a forgotten unit (milliseconds), and nothing in LDAP needs them.
Seconds = Annotated[float, Strict(), Field(ge=0.01, le=86_400, allow_inf_nan=False)]
Count = Annotated[int, Strict()]
