"""Performs one request of one client on the demo directory and gives the responses, in order.

Knows who the client is (its bind) and the entries. Does not know sockets, TLS or frames: directory.py has
those, and StartTLS, Unbind and framing faults with them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ostiary._core import (
    PAGED_RESULTS_OID,
    WHO_AM_I_OID,
    AbandonRequest,
    AddRequest,
    BindRequest,
    CompareRequest,
    Control,
    DelRequest,
    Dn,
    ExtendedRequest,
    LdapResult,
    Message,
    ModifyDnRequest,
    ModifyRequest,
    PagedResults,
    SearchRequest,
    UnbindRequest,
)
from ostiary.demo.access import Access
from ostiary.demo.entry import canonical, parse_dn
from ostiary.demo.matching import normalise, same_value, values_of
from ostiary.demo.passwords import password_matches
from ostiary.demo.result import OperationError, ResultCode
from ostiary.demo.search import MANAGE_DSA_IT_OID, Pages, search
from ostiary.demo.tree import Tree

__all__ = ["Operations"]


class Operations:
    """What one client does: its identity and its unfinished paged searches."""

    def __init__(self, tree: Tree, access: Access) -> None:
        self._tree = tree
        self._access = access
        self._pages = Pages()
        self.identity: Dn | None = None
        """Who the client has proved to be; None is anonymous."""
        self._identity_name = ""

    def forget_identity(self) -> None:
        """Makes the client anonymous, as a bind that begins and StartTLS do."""
        self.identity, self._identity_name = None, ""
        self._pages = Pages()

    def perform(self, message: Message) -> Iterator[Message]:
        """The responses to a request: none for Abandon and Unbind, entries before the result for a search."""
        request = message.operation
        match request:
            case BindRequest():
                yield self._result(message, "bind", lambda: self._bind(request))
            case SearchRequest():
                yield from self._search(message, request)
            case AddRequest():
                yield self._result(message, "add", lambda: self._add(request))
            case ModifyRequest():
                yield self._result(message, "modify", lambda: self._modify(request))
            case ModifyDnRequest():
                yield self._result(message, "modify_dn", lambda: self._modify_dn(request))
            case DelRequest():
                yield self._result(message, "delete", lambda: self._delete(request))
            case CompareRequest():
                yield self._result(message, "compare", lambda: self._compare(request))
            case ExtendedRequest():
                yield self._extended(message, request)
            case AbandonRequest() | UnbindRequest():
                return  # everything before it has been answered already

    def _result(self, message: Message, kind: str, act: Callable[[], ResultCode | None]) -> Message:
        try:
            _refuse_unknown_critical(message.controls, known=(MANAGE_DSA_IT_OID,))
            code = act() or ResultCode.SUCCESS
        except OperationError as error:
            return _failed(message.message_id, kind, error)
        return Message(message.message_id, LdapResult(kind, code))

    def _bind(self, request: BindRequest) -> None:
        """Simple bind (RFC 4513 section 5.1). Whatever comes of it, the old identity is gone."""
        self.forget_identity()
        if request.version != 3:
            raise OperationError(ResultCode.PROTOCOL_ERROR, "only LDAPv3 is spoken here")
        if request.simple is None:
            raise OperationError(ResultCode.AUTH_METHOD_NOT_SUPPORTED, "only simple binds are known here")
        if not request.name:
            if request.simple:
                raise OperationError(ResultCode.INVALID_CREDENTIALS)
            return
        if not request.simple:
            raise OperationError(ResultCode.UNWILLING_TO_PERFORM, "a name without a password proves nothing")
        dn = parse_dn(request.name)
        try:
            entry = self._tree.find(dn)
        except OperationError as error:
            raise OperationError(ResultCode.INVALID_CREDENTIALS) from error
        description, _ = canonical("userPassword")
        if not any(password_matches(value, request.simple) for value in entry.attributes.get(description, ())):
            raise OperationError(ResultCode.INVALID_CREDENTIALS)
        self.identity, self._identity_name = dn, entry.name

    def _search(self, message: Message, request: SearchRequest) -> Iterator[Message]:
        try:
            _refuse_unknown_critical(message.controls, known=(MANAGE_DSA_IT_OID, PAGED_RESULTS_OID))
            paged = _paged_results(message.controls)
            answer = search(self._tree, self._access, self.identity, request, paged, self._pages)
        except OperationError as error:
            yield _failed(message.message_id, "search", error)
            return
        for entry in answer.entries:
            yield Message(message.message_id, entry)
        controls = () if answer.page is None else (Control(PAGED_RESULTS_OID, False, answer.page.encode()),)
        yield Message(message.message_id, LdapResult("search", answer.code), controls)

    def _add(self, request: AddRequest) -> None:
        self._access.require_write(self.identity)
        attributes = [(attribute.description, attribute.values) for attribute in request.attributes]
        self._tree.add(request.entry, attributes, self._identity_name)

    def _modify(self, request: ModifyRequest) -> None:
        self._access.require_write(self.identity)
        self._tree.modify(parse_dn(request.object), request.changes, self._identity_name)

    def _modify_dn(self, request: ModifyDnRequest) -> None:
        self._access.require_write(self.identity)
        self._tree.rename(
            parse_dn(request.entry),
            request.new_rdn,
            request.delete_old_rdn,
            request.new_superior,
            self._identity_name,
        )

    def _delete(self, request: DelRequest) -> None:
        self._access.require_write(self.identity)
        self._tree.delete(parse_dn(request.entry))

    def _compare(self, request: CompareRequest) -> ResultCode:
        """Compare (RFC 4511 section 4.10): an Undefined assertion is an error, not compareFalse."""
        entry = self._tree.find(parse_dn(request.entry))
        description, row = canonical(request.attribute_desc)
        if not self._access.may_see(description, self.identity):
            raise OperationError(ResultCode.INSUFFICIENT_ACCESS_RIGHTS)
        values = list(values_of(entry.attributes, description) or ())
        if not values:
            raise OperationError(ResultCode.NO_SUCH_ATTRIBUTE, f"the entry has no: {row.name}")
        try:
            normalise(row.syntax, request.assertion_value)
        except ValueError as error:
            raise OperationError(ResultCode.INVALID_ATTRIBUTE_SYNTAX, f"{row.name}: {error}") from error
        found = any(same_value(row, value, request.assertion_value) for value in values)
        return ResultCode.COMPARE_TRUE if found else ResultCode.COMPARE_FALSE

    def _extended(self, message: Message, request: ExtendedRequest) -> Message:
        try:
            _refuse_unknown_critical(message.controls, known=())
            if request.request_name != WHO_AM_I_OID:
                raise OperationError(ResultCode.PROTOCOL_ERROR, "the extended operation is not known here")
            if request.request_value is not None:
                raise OperationError(ResultCode.PROTOCOL_ERROR, "who am I takes no value")
        except OperationError as error:
            return _failed(message.message_id, "extended", error)
        authorization_id = f"dn:{self._identity_name}" if self.identity is not None else ""
        result = LdapResult("extended", ResultCode.SUCCESS, response_value=authorization_id.encode())
        return Message(message.message_id, result)


def _failed(message_id: int, kind: str, error: OperationError) -> Message:
    return Message(message_id, LdapResult(kind, error.code, error.matched_dn, error.diagnostic_message))


def _refuse_unknown_critical(controls: tuple[Control, ...], known: tuple[str, ...]) -> None:
    """RFC 4511 section 4.1.11: a critical control that cannot be honoured refuses the operation."""
    for control in controls:
        if control.criticality and control.control_type not in known:
            raise OperationError(
                ResultCode.UNAVAILABLE_CRITICAL_EXTENSION,
                f"the control is not known here: {control.control_type}",
            )


def _paged_results(controls: tuple[Control, ...]) -> PagedResults | None:
    for control in controls:
        if control.control_type == PAGED_RESULTS_OID:
            try:
                return PagedResults.decode(control.control_value or b"")
            except ValueError as error:
                raise OperationError(ResultCode.PROTOCOL_ERROR, str(error)) from error
    return None
