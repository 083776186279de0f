"""Requests from what they say: for `ostiary explain`, and for tests of plugins. Sends nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from ostiary import _core
from ostiary._core import Attribute, Control, Filter, Message
from ostiary.plugins.password_modify import PASSWORD_MODIFY_OID, PasswordModify
from ostiary.plugins.request import SCOPES, Request, Scope

__all__ = [
    "Values",
    "add",
    "bind",
    "compare",
    "delete",
    "extended",
    "modify",
    "modify_dn",
    "password_modify",
    "sasl_bind",
    "search",
]

Values: TypeAlias = Sequence[str | bytes] | str | bytes
"""One value or several; text is UTF-8."""
MESSAGE_ID = 1


def bind(
    name: str = "", password: str | bytes = "", *, message_id: int = MESSAGE_ID, controls: Sequence[Control] = ()
) -> Request:
    """A simple bind."""
    return _request(_core.BindRequest(3, name, simple=_octets(password)), message_id, controls)


def sasl_bind(
    mechanism: str,
    credentials: bytes | None = None,
    name: str = "",
    *,
    message_id: int = MESSAGE_ID,
    controls: Sequence[Control] = (),
) -> Request:
    """A SASL bind."""
    operation = _core.BindRequest(3, name, mechanism=mechanism, credentials=credentials)
    return _request(operation, message_id, controls)


def search(
    base: str = "",
    scope: Scope = "sub",
    filter: str = "(objectClass=*)",
    attributes: Sequence[str] = (),
    *,
    size_limit: int = 0,
    time_limit: int = 0,
    message_id: int = MESSAGE_ID,
    controls: Sequence[Control] = (),
) -> Request:
    """A search. Raises: ValueError when the filter is none."""
    operation = _core.SearchRequest(
        base, SCOPES.index(scope), Filter(filter), attributes, size_limit=size_limit, time_limit=time_limit
    )
    return _request(operation, message_id, controls)


def compare(
    entry: str, attribute: str, value: str | bytes, *, message_id: int = MESSAGE_ID, controls: Sequence[Control] = ()
) -> Request:
    """A compare."""
    return _request(_core.CompareRequest(entry, attribute, _octets(value)), message_id, controls)


def add(
    entry: str,
    attributes: Mapping[str, Values],
    *,
    message_id: int = MESSAGE_ID,
    controls: Sequence[Control] = (),
) -> Request:
    """An add."""
    given = [Attribute(name, _values(values)) for name, values in attributes.items()]
    return _request(_core.AddRequest(entry, given), message_id, controls)


def modify(
    entry: str,
    changes: Sequence[tuple[str, str, Values]],
    *,
    message_id: int = MESSAGE_ID,
    controls: Sequence[Control] = (),
) -> Request:
    """A modify: what is done, the attribute, its values, as `("replace", "mail", "alice@example.org")`."""
    done = [_core.Change(what, Attribute(name, _values(values))) for what, name, values in changes]
    return _request(_core.ModifyRequest(entry, done), message_id, controls)


def delete(entry: str, *, message_id: int = MESSAGE_ID, controls: Sequence[Control] = ()) -> Request:
    """A delete."""
    return _request(_core.DelRequest(entry), message_id, controls)


def modify_dn(
    entry: str,
    new_rdn: str,
    new_superior: str | None = None,
    *,
    delete_old_rdn: bool = True,
    message_id: int = MESSAGE_ID,
    controls: Sequence[Control] = (),
) -> Request:
    """A rename, or a move."""
    return _request(_core.ModifyDnRequest(entry, new_rdn, delete_old_rdn, new_superior), message_id, controls)


def extended(
    oid: str, value: bytes | None = None, *, message_id: int = MESSAGE_ID, controls: Sequence[Control] = ()
) -> Request:
    """An extended request."""
    return _request(_core.ExtendedRequest(oid, value), message_id, controls)


def password_modify(
    user_identity: str | None = None,
    new_password: str | bytes | None = None,
    old_password: str | bytes | None = None,
    *,
    message_id: int = MESSAGE_ID,
    controls: Sequence[Control] = (),
) -> Request:
    """A password modify (RFC 3062)."""
    old, new = (None if each is None else _octets(each) for each in (old_password, new_password))
    value = PasswordModify(user_identity, old, new).encode()
    return extended(PASSWORD_MODIFY_OID, value, message_id=message_id, controls=controls)


def _request(operation: Any, message_id: int, controls: Sequence[Control]) -> Request:
    return Request.of(Message(message_id, operation, controls))


def _octets(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value


def _values(values: Values) -> list[bytes]:
    return [_octets(each) for each in ([values] if isinstance(values, str | bytes) else values)]
