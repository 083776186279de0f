"""What is asked: a request as hooks see it, decoded when somebody looks.

Everything that rules could depend on is normalised: DNs, attribute descriptions and filters are the core's values.
What cannot be normalised raises ValueError where it is looked at, so that a hook that depends on it refuses. What
a request of this operation does not have raises AttributeError. Secrets are never in a repr.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeAlias, TypeVar

from ostiary import _core
from ostiary._core import AttributeDescription, Dn, Filter, Message
from ostiary.plugins.client import Identity, Unnamed, identity_of
from ostiary.plugins.frozen import Frozen, fill
from ostiary.plugins.password_modify import PASSWORD_MODIFY_OID, PasswordModify

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["OPERATIONS", "Change", "Operation", "PasswordModify", "Request", "Scope"]

Operation: TypeAlias = Literal["bind", "search", "compare", "add", "modify", "delete", "modify_dn", "extended"]
Scope: TypeAlias = Literal["base", "one", "sub", "children"]

OPERATIONS: tuple[Operation, ...] = ("bind", "search", "compare", "add", "modify", "delete", "modify_dn", "extended")
"""Every operation that hooks are asked about. Unbind, Abandon and StartTLS are never asked about."""
SCOPES: tuple[Scope, ...] = ("base", "one", "sub", "children")

T = TypeVar("T")


class Change(Frozen):
    """One change of a modify. Its repr shows no values."""

    __slots__ = ("attribute", "operation", "values")

    operation: Literal["add", "delete", "replace", "increment"]
    attribute: AttributeDescription
    values: tuple[bytes, ...]

    def __init__(self, change: _core.Change) -> None:
        """Raises: ValueError when the attribute description is none."""
        fill(self, "operation", change.operation)
        fill(self, "attribute", AttributeDescription(change.modification.description))
        fill(self, "values", change.modification.values)

    def __repr__(self) -> str:
        return f"Change({self.operation}, {self.attribute}, {len(self.values)} values)"


class Request(Frozen, _core.RawRequest):
    """One request, made of its operation and its octets. Its repr shows neither names nor values."""

    __slots__ = ()

    @classmethod
    def of(cls, message: Message) -> Request:
        """The request that a message is. Raises: ValueError when it cannot be encoded."""
        return cls(message.kind, message.encode())

    @property
    def message_id(self) -> int:
        """The client's number for it."""
        return self.message.message_id

    @property
    def controls(self) -> tuple[_core.Control, ...]:
        """Its controls."""
        return self.message.controls

    # What the request is about.

    @property
    def target(self) -> Dn | None:
        """The entry that it is about.

        None where there is none to name: a bind, an extended request, or a password modify of the client itself or
        of somebody who is not named by a DN.
        """
        operation = self.message.operation
        match operation:
            case _core.SearchRequest():
                return Dn(operation.base_object)
            case _core.ModifyRequest():
                return Dn(operation.object)
            case _core.AddRequest() | _core.DelRequest() | _core.CompareRequest() | _core.ModifyDnRequest():
                return Dn(operation.entry)
        if (modify := self.password_modify) is not None and isinstance(modify.identity, Dn):
            return modify.identity
        return None

    @property
    def attributes(self) -> tuple[AttributeDescription, ...]:
        """What a compare, add, modify or rename touches, or a search asks for by name (see `selectors`)."""
        operation = self.message.operation
        match operation:
            case _core.SearchRequest():
                asked = [each for each in operation.attributes if each not in _ALL_OR_NONE]
            case _core.CompareRequest():
                asked = [operation.attribute_desc]
            case _core.AddRequest():
                asked = [each.description for each in operation.attributes]
            case _core.ModifyRequest():
                asked = [each.modification.description for each in operation.changes]
            case _core.ModifyDnRequest():
                asked = [kind for kind, _ in _one_rdn(operation.new_rdn)]
            case _:
                self._lacks("attributes")
        return tuple(AttributeDescription(each) for each in asked)

    # Of binds.

    @property
    def name(self) -> str:
        """The name that a bind gives, as it was spelt. Never compare this: see `identity`."""
        return self._as(_core.BindRequest, "name").name

    @property
    def identity(self) -> Identity:
        """Who a bind asks to be, normalised."""
        bind = self._as(_core.BindRequest, "identity")
        if bind.simple is not None:
            # A name without a password proves nobody (RFC 4513, section 5.1.2).
            return identity_of(bind.name if bind.simple.strip(b"\0") else "")
        if bind.mechanism is not None and bind.mechanism.upper() == "ANONYMOUS":
            return identity_of("")
        return Unnamed(self.mechanism)

    @property
    def mechanism(self) -> str:
        """`simple`, `sicily`, or the name of a SASL mechanism."""
        bind = self._as(_core.BindRequest, "mechanism")
        if bind.simple is not None:
            return "simple"
        return "sicily" if bind.mechanism is None else bind.mechanism

    @property
    def password(self) -> bytes:
        """The password of a simple bind."""
        simple = self._as(_core.BindRequest, "password").simple
        return self._lacks("password") if simple is None else simple

    # Of searches.

    @property
    def base(self) -> Dn:
        """Where a search starts."""
        return Dn(self._as(_core.SearchRequest, "base").base_object)

    @property
    def scope(self) -> Scope:
        """`base`, `one`, `sub` or `children`."""
        return SCOPES[self._as(_core.SearchRequest, "scope").scope]

    @property
    def filter(self) -> Filter:
        """What a search looks for."""
        return self._as(_core.SearchRequest, "filter").filter

    @property
    def selectors(self) -> tuple[str, ...]:
        """What a search asks for, as it was spelt: names, `*`, `+`, `1.1`; nothing means `*`."""
        return self._as(_core.SearchRequest, "selectors").attributes

    # Of other operations.

    @property
    def changes(self) -> tuple[Change, ...]:
        """What a modify changes, in order."""
        return tuple(Change(each) for each in self._as(_core.ModifyRequest, "changes").changes)

    @property
    def value(self) -> bytes:
        """What a compare asks about."""
        return self._as(_core.CompareRequest, "value").assertion_value

    @property
    def new_dn(self) -> Dn:
        """The DN that a rename or move gives the entry."""
        modify_dn = self._as(_core.ModifyDnRequest, "new_dn")
        _one_rdn(modify_dn.new_rdn)
        parent = Dn(modify_dn.entry).parent if modify_dn.new_superior is None else Dn(modify_dn.new_superior)
        above = "" if parent is None else str(parent)
        return Dn(f"{modify_dn.new_rdn},{above}" if above else modify_dn.new_rdn)

    @property
    def oid(self) -> str:
        """Which extended operation it is, without leading zeros, which some servers pass over."""
        return _plain_oid(self._as(_core.ExtendedRequest, "oid").request_name)

    @property
    def password_modify(self) -> PasswordModify | None:
        """The value of a password modify (RFC 3062); None for every other request."""
        operation = self.message.operation
        if not isinstance(operation, _core.ExtendedRequest) or self.oid != PASSWORD_MODIFY_OID:
            return None
        return PasswordModify.decode(operation.request_value)

    # Requests to go on instead: the same id and controls.

    def with_operation(self, operation: Any) -> Request:
        """This request with another of the core's operations of the same kind."""
        return Request.of(Message(self.message_id, operation, self.controls))

    def with_controls(self, controls: Sequence[_core.Control]) -> Request:
        """This request with other controls."""
        return Request.of(Message(self.message_id, self.message.operation, controls))

    def with_password(self, password: bytes) -> Request:
        """This simple bind with another password. An empty one would prove nobody, and raises ValueError."""
        bind = self._as(_core.BindRequest, "password")
        if bind.simple is None:
            self._lacks("password")
        if not password.strip(b"\0"):
            raise ValueError("an empty password would make the bind an unauthenticated one")
        return self.with_operation(_core.BindRequest(bind.version, bind.name, simple=password))

    def with_name(self, name: str) -> Request:
        """This simple bind under another name."""
        bind = self._as(_core.BindRequest, "name")
        if bind.simple is None:
            self._lacks("password")
        return self.with_operation(_core.BindRequest(bind.version, name, simple=bind.simple))

    def with_search(
        self,
        *,
        base: Dn | str | None = None,
        scope: Scope | None = None,
        filter: Filter | str | None = None,
        selectors: Sequence[str] | None = None,
        size_limit: int | None = None,
        time_limit: int | None = None,
    ) -> Request:
        """This search with some of its parts exchanged."""
        search = self._as(_core.SearchRequest, "search")
        changed = _core.SearchRequest(
            search.base_object if base is None else str(base),
            search.scope if scope is None else SCOPES.index(scope),
            search.filter if filter is None else Filter(filter) if isinstance(filter, str) else filter,
            search.attributes if selectors is None else selectors,
            deref_aliases=search.deref_aliases,
            size_limit=search.size_limit if size_limit is None else size_limit,
            time_limit=search.time_limit if time_limit is None else time_limit,
            types_only=search.types_only,
        )
        return self.with_operation(changed)

    def __repr__(self) -> str:
        return f"Request({self.operation}, {len(self.raw)} octets)"

    def _as(self, kind: type[T], what: str) -> T:
        operation = self.message.operation
        if not isinstance(operation, kind):
            self._lacks(what)
        return operation

    def _lacks(self, what: str) -> NoReturn:
        raise AttributeError(f"this {self.operation} has none: {what}")


_ALL_OR_NONE = frozenset({"*", "+", "1.1"})


def _plain_oid(text: str) -> str:
    return ".".join(arc.lstrip("0") or "0" for arc in text.split("."))


def _one_rdn(text: str) -> tuple[tuple[str, str], ...]:
    """The pairs of a text that is one RDN. Raises: ValueError when it is not."""
    rdns = Dn(text).rdns
    if len(rdns) != 1:
        raise ValueError("newrdn is not one RDN")
    return rdns[0]
