"""The LDAP values of `ostiary._core`: its page of types that are no part of the gateway's own path of bytes.

There is no module of this name: import everything from `ostiary._core`.
"""

from collections.abc import Sequence
from typing import Final, Literal, Self, TypeAlias, final

from typing_extensions import disjoint_base

# Names as values. All are frozen, and equal when they mean the same, however they were spelt.

@final
class Dn:
    """A distinguished name, from RFC 4514 text or LDAPv2's spellings of it; `str` gives canonical text.

    Equality, hash and `is_within` go by RFC 4518's preparation: case, spaces, escapes, OIDs for names and the
    order inside an RDN do not count.
    """

    def __new__(cls, text: str) -> Dn:
        """Raises: ValueError when the text is not a DN."""
    @property
    def parent(self) -> Dn | None:
        """The DN without its first RDN; None for the empty one."""
    @property
    def rdns(self) -> tuple[tuple[tuple[str, str], ...], ...]:
        """The RDNs, most specific first, each as its pairs of attribute type and value, both normalised."""
    def is_within(self, base: Dn) -> bool:
        """True for the base itself and every DN below it, compared RDN by RDN."""
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __str__(self) -> str: ...
    def __repr__(self) -> str: ...

@final
class AttributeDescription:
    """An attribute type with its options, as `userCertificate;binary`; `str` gives the normalised text."""

    def __new__(cls, text: str) -> AttributeDescription:
        """Raises: ValueError when the text is not an attribute description."""
    @property
    def type(self) -> str:
        """The type alone, in lower case, by name where the OID is a known one."""
    @property
    def options(self) -> tuple[str, ...]:
        """The options in lower case and alphabetical order."""
    def covers(self, other: AttributeDescription) -> bool:
        """True if it is the same type with no option that the other lacks: `cn` covers `cn;lang-de`."""
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __str__(self) -> str: ...
    def __repr__(self) -> str: ...

@final
class Filter:
    """A search filter as a tree; `str` gives RFC 4515 text. Depth and width are bounded by the core."""

    def __new__(cls, text: str) -> Filter:
        """Reads RFC 4515 text. Raises: ValueError when it is not a filter."""
    @property
    def kind(self) -> str:
        """`and`, `or`, `not`, `equality_match`, `substrings`, `greater_or_equal`, `less_or_equal`, `present`,
        `approx_match` or `extensible_match`."""
    @property
    def children(self) -> tuple[Filter, ...]:
        """The parts of an `and` or `or`, the one part of a `not`; empty for everything else."""
    @property
    def attribute(self) -> AttributeDescription | None:
        """The attribute that is tested; None for what has children, or is an extensible match without one."""
    @property
    def attributes(self) -> tuple[AttributeDescription, ...]:
        """Every attribute that it tests anywhere, each once; an extensible match without one is not seen here."""
    @property
    def value(self) -> bytes | None:
        """The assertion value; None for `substrings`, `present` and what has children."""
    @property
    def initial(self) -> bytes | None:
        """The part of a `substrings` that values start with."""
    @property
    def any(self) -> tuple[bytes, ...]:
        """The parts of a `substrings` between the first and the last."""
    @property
    def final(self) -> bytes | None:
        """The part of a `substrings` that values end with."""
    @property
    def matching_rule(self) -> str | None:
        """The rule of an `extensible_match`, in lower case."""
    @property
    def dn_attributes(self) -> bool:
        """True for an `extensible_match` that looks at the DN too."""
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __str__(self) -> str: ...
    def __repr__(self) -> str: ...

# Messages as values: for the demo, its little client, and tests. The gateway itself never makes these.

@final
class Control:
    """A control of a request or response (RFC 4511 section 4.1.11)."""

    def __new__(cls, control_type: str, criticality: bool = False, control_value: bytes | None = None) -> Control: ...
    control_type: Final[str]
    criticality: Final[bool]
    control_value: Final[bytes | None]

@final
class Attribute:
    """An attribute description with values, in the order they came."""

    def __new__(cls, description: str, values: Sequence[bytes] = ()) -> Attribute: ...
    description: Final[str]
    values: Final[tuple[bytes, ...]]

@final
class Change:
    """One change of a modify request: `add`, `delete`, `replace` or `increment` (RFC 4525)."""

    def __new__(cls, operation: str, modification: Attribute) -> Change:
        """Raises: ValueError for any other operation."""
    operation: Final[str]
    modification: Final[Attribute]

@final
class BindRequest:
    """A bind: simple when `simple` is given, SASL when `mechanism` is, Sicily (only read) when neither is.

    Its repr shows neither password nor credentials.
    """

    def __new__(
        cls,
        version: int,
        name: str,
        *,
        simple: bytes | None = None,
        mechanism: str | None = None,
        credentials: bytes | None = None,
    ) -> BindRequest: ...
    version: Final[int]
    name: Final[str]
    simple: Final[bytes | None]
    mechanism: Final[str | None]
    credentials: Final[bytes | None]

@final
class UnbindRequest:
    """An unbind; it has no response."""

    def __new__(cls) -> UnbindRequest: ...

@final
class SearchRequest:
    """A search. `scope`: 0 base, 1 one level, 2 subtree, 3 subordinates."""

    def __new__(
        cls,
        base_object: str,
        scope: int,
        filter: Filter,
        attributes: Sequence[str] = (),
        *,
        deref_aliases: int = 0,
        size_limit: int = 0,
        time_limit: int = 0,
        types_only: bool = False,
    ) -> SearchRequest: ...
    base_object: Final[str]
    scope: Final[int]
    filter: Final[Filter]
    attributes: Final[tuple[str, ...]]
    deref_aliases: Final[int]
    size_limit: Final[int]
    time_limit: Final[int]
    types_only: Final[bool]

@final
class ModifyRequest:
    """A modify: changes in order, all or none."""

    def __new__(cls, object: str, changes: Sequence[Change]) -> ModifyRequest: ...
    object: Final[str]
    changes: Final[tuple[Change, ...]]

@final
class AddRequest:
    """An add of one entry."""

    def __new__(cls, entry: str, attributes: Sequence[Attribute]) -> AddRequest: ...
    entry: Final[str]
    attributes: Final[tuple[Attribute, ...]]

@final
class DelRequest:
    """A delete of one entry."""

    def __new__(cls, entry: str) -> DelRequest: ...
    entry: Final[str]

@final
class ModifyDnRequest:
    """A rename, or a move when `new_superior` is given."""

    def __new__(
        cls, entry: str, new_rdn: str, delete_old_rdn: bool = True, new_superior: str | None = None
    ) -> ModifyDnRequest: ...
    entry: Final[str]
    new_rdn: Final[str]
    delete_old_rdn: Final[bool]
    new_superior: Final[str | None]

@final
class CompareRequest:
    """A question whether an entry has a value."""

    def __new__(cls, entry: str, attribute_desc: str, assertion_value: bytes) -> CompareRequest: ...
    entry: Final[str]
    attribute_desc: Final[str]
    assertion_value: Final[bytes]

@final
class AbandonRequest:
    """An abandon of the request with this id; it has no response."""

    def __new__(cls, message_id: int) -> AbandonRequest: ...
    message_id: Final[int]

@final
class ExtendedRequest:
    """An extended request by OID. Its repr shows no value: a password modify holds passwords."""

    def __new__(cls, request_name: str, request_value: bytes | None = None) -> ExtendedRequest: ...
    request_name: Final[str]
    request_value: Final[bytes | None]

@final
class SearchResultEntry:
    """One entry a search found."""

    def __new__(cls, object_name: str, attributes: Sequence[Attribute]) -> SearchResultEntry: ...
    object_name: Final[str]
    attributes: Final[tuple[Attribute, ...]]

@final
class SearchResultReference:
    """URIs at which a search may go on."""

    def __new__(cls, uris: Sequence[str]) -> SearchResultReference: ...
    uris: Final[tuple[str, ...]]

@final
class IntermediateResponse:
    """A response that is not the last (RFC 4511 section 4.13)."""

    def __new__(cls, response_name: str | None = None, response_value: bytes | None = None) -> IntermediateResponse: ...
    response_name: Final[str | None]
    response_value: Final[bytes | None]

@final
class LdapResult:
    """The response that ends a request, of whatever kind.

    `kind`: `bind`, `search`, `modify`, `add`, `delete`, `modify_dn`, `compare` or `extended`.
    `server_sasl_creds` belongs to binds, `response_name` and `response_value` to extended responses.
    """

    def __new__(
        cls,
        kind: str,
        result_code: int,
        matched_dn: str = "",
        diagnostic_message: str = "",
        *,
        referral: Sequence[str] = (),
        server_sasl_creds: bytes | None = None,
        response_name: str | None = None,
        response_value: bytes | None = None,
    ) -> LdapResult:
        """Raises: ValueError for any other kind."""
    kind: Final[str]
    result_code: Final[int]
    matched_dn: Final[str]
    diagnostic_message: Final[str]
    referral: Final[tuple[str, ...]]
    server_sasl_creds: Final[bytes | None]
    response_name: Final[str | None]
    response_value: Final[bytes | None]

_Request: TypeAlias = (
    BindRequest
    | UnbindRequest
    | SearchRequest
    | ModifyRequest
    | AddRequest
    | DelRequest
    | ModifyDnRequest
    | CompareRequest
    | AbandonRequest
    | ExtendedRequest
)
_Response: TypeAlias = SearchResultEntry | SearchResultReference | IntermediateResponse | LdapResult

@final
class Message:
    """An LDAPMessage: an id, an operation, and controls."""

    def __new__(cls, message_id: int, operation: _Request | _Response, controls: Sequence[Control] = ()) -> Message: ...
    message_id: Final[int]
    operation: Final[_Request | _Response]
    controls: Final[tuple[Control, ...]]
    @property
    def kind(self) -> str:
        """What the operation is: the kind of a request or of the request that a result ends, `search_entry`,
        `search_reference` or `intermediate`."""
    def encode(self) -> bytes:
        """The message as BER. Raises: ValueError for what RFC 4511 cannot carry."""

_Operation: TypeAlias = Literal["bind", "search", "compare", "add", "modify", "delete", "modify_dn", "extended"]
"""What hooks are asked about."""

@disjoint_base
class RawRequest:
    """A request that hooks are asked about, as it came: what `ostiary.plugins.Request` is made of."""

    def __new__(cls, operation: str, raw: bytes) -> Self: ...
    @property
    def operation(self) -> _Operation:
        """What is asked for."""
    @property
    def raw(self) -> bytes:
        """The whole LDAPMessage as it came. A bind's holds its password."""
    @property
    def message(self) -> Message:
        """The request as one of the core's values, its names as they were spelt. Raises: ValueError when it is none."""

def decode_request(message: bytes) -> Message:
    """Reads one whole request. Raises: ValueError naming field and offset of what is wrong."""

def decode_response(message: bytes) -> Message:
    """Reads one whole response. Raises: ValueError naming field and offset of what is wrong."""

def notice_of_disconnection(result_code: int, diagnostic_message: str) -> bytes:
    """The unsolicited notification that announces the end of a connection (RFC 4511 section 4.4.1)."""

def result_code_name(result_code: int) -> str:
    """The name of a result code as RFC 4511 spells it, or the number as text if it has none."""

@final
class Framer:
    """Cuts a stream of bytes into whole messages, however the stream was split."""

    def __new__(cls, message_bytes_max: int) -> Framer: ...
    def feed(self, data: bytes) -> list[bytes]:
        """The messages that are whole by now, in order. Never raises: see `fault`."""
    @property
    def buffered(self) -> int:
        """How many bytes wait for the rest of their message."""
    @property
    def fault(self) -> str | None:
        """What ended the stream: bad framing, or a message above the limit. No message comes after it."""

@final
class PagedResults:
    """The value of the paged results control (RFC 2696): page size or estimate, and cookie."""

    def __new__(cls, size: int, cookie: bytes = b"") -> PagedResults: ...
    @staticmethod
    def decode(control_value: bytes) -> PagedResults:
        """Raises: ValueError when the value is malformed."""
    size: Final[int]
    cookie: Final[bytes]
    def encode(self) -> bytes:
        """The control value as BER."""
