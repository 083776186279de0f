"""Answers search requests over a tree: candidates, filter, attribute selection, size limit, pages (RFC 2696).

Knows the tree and what an identity may see. Does not know bind, connections or bytes.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ostiary import __version__
from ostiary._core import (
    PAGED_RESULTS_OID,
    START_TLS_OID,
    WHO_AM_I_OID,
    Attribute,
    AttributeDescription,
    Dn,
    PagedResults,
    SearchRequest,
    SearchResultEntry,
)
from ostiary.demo.access import Access
from ostiary.demo.entry import Entry, parse_dn, spelled
from ostiary.demo.matching import Attributes, matches
from ostiary.demo.result import OperationError, ResultCode
from ostiary.demo.schema import ATTRIBUTE_TYPES, OBJECT_CLASSES, attribute_type, is_subtype
from ostiary.demo.tree import SUBSCHEMA, Tree

__all__ = ["MANAGE_DSA_IT_OID", "Pages", "SearchAnswer", "search"]

MANAGE_DSA_IT_OID = "2.16.840.1.113730.3.4.2"

_FEATURES = (
    "1.3.6.1.1.14",  # modify-increment, RFC 4525
    "1.3.6.1.4.1.4203.1.5.1",  # all operational attributes, RFC 3673
    "1.3.6.1.4.1.4203.1.5.3",  # absolute true and false filters, RFC 4526
)
_PAGED_SETS_MAX = 16
"""Unfinished paged searches of one connection; AD drops the oldest above 10 (MaxResultSetsPerConn) too."""


@dataclass
class SearchAnswer:
    """The entries of one search or one page of it, and how it ended."""

    entries: list[SearchResultEntry]
    code: ResultCode = ResultCode.SUCCESS
    page: PagedResults | None = None


@dataclass
class Pages:
    """The unfinished paged searches of one connection, by cookie: what each has still to give."""

    waiting: dict[bytes, tuple[object, SearchAnswer]] = field(default_factory=dict)

    def take(self, cookie: bytes, question: object) -> SearchAnswer:
        """The rest of the search the cookie stands for; only the same question may go on with it."""
        asked, answer = self.waiting.pop(cookie, (None, None))
        if answer is None or asked != question:
            raise OperationError(ResultCode.UNWILLING_TO_PERFORM, "the cookie of the paged search is not known")
        return answer

    def keep(self, question: object, answer: SearchAnswer) -> bytes:
        """Keeps a rest for later; the oldest makes room."""
        cookie = secrets.token_bytes(8)
        self.waiting[cookie] = (question, answer)
        while len(self.waiting) > _PAGED_SETS_MAX:
            del self.waiting[next(iter(self.waiting))]
        return cookie


def search(
    tree: Tree,
    access: Access,
    identity: Dn | None,
    request: SearchRequest,
    paged: PagedResults | None,
    pages: Pages,
) -> SearchAnswer:
    """Answers one search request, with the paged results control if it came with one.

    Raises:
        OperationError: noSuchObject and whatever else ends a search without entries.
    """
    if paged is None or (0 < request.size_limit <= paged.size):
        return _whole(tree, access, identity, request)
    question = (identity, request.base_object, request.scope, str(request.filter), request.attributes)
    if paged.cookie:
        answer = pages.take(paged.cookie, question)
        if paged.size == 0:  # RFC 2696 section 3: the client gives the rest up
            return SearchAnswer([], page=PagedResults(0, b""))
    else:
        answer = _whole(tree, access, identity, request)
    total, page, rest = len(answer.entries), answer.entries[: paged.size], answer.entries[paged.size :]
    if not rest:
        return SearchAnswer(page, answer.code, PagedResults(total, b""))
    cookie = pages.keep(question, SearchAnswer(rest, answer.code))
    return SearchAnswer(page, page=PagedResults(total, cookie))


def _whole(tree: Tree, access: Access, identity: Dn | None, request: SearchRequest) -> SearchAnswer:
    base = parse_dn(request.base_object)
    found: list[SearchResultEntry] = []
    for entry in _candidates(tree, base, request.scope):
        attributes = {**access.visible(entry, identity), **_computed(tree, entry)}
        if matches(request.filter, attributes, entry.dn) is not True:
            continue
        if 0 < request.size_limit <= len(found):
            return SearchAnswer(found, ResultCode.SIZE_LIMIT_EXCEEDED)
        found.append(SearchResultEntry(entry.name, _selected(attributes, request.attributes, request.types_only)))
    return SearchAnswer(found)


def _candidates(tree: Tree, base: Dn, scope: int) -> Iterator[Entry]:
    if scope == 0 and not base.rdns:
        yield _root_dse(tree)
    elif scope == 0 and base == Dn(SUBSCHEMA):
        yield _subschema()
    else:
        yield from tree.in_scope(base, scope)


def _computed(tree: Tree, entry: Entry) -> dict[AttributeDescription, list[bytes]]:
    """The operational attributes that follow from where an entry stands."""
    if entry.dn not in tree:
        return {}
    return {
        AttributeDescription("entryDN"): [entry.name.encode()],
        AttributeDescription("hasSubordinates"): [b"TRUE" if tree.has_children(entry.dn) else b"FALSE"],
        AttributeDescription("subschemaSubentry"): [SUBSCHEMA.encode()],
    }


def _selected(attributes: Attributes, asked: Sequence[str], types_only: bool) -> tuple[Attribute, ...]:
    """The attributes a search asked for (RFC 4511 section 4.5.1.8, RFC 3673)."""
    named = []
    for text in asked:
        if text not in ("*", "+", "1.1"):
            try:
                named.append(AttributeDescription(text))
            except ValueError:
                continue  # what is not recognised is ignored
    user = not asked or "*" in asked
    return tuple(
        Attribute(spelled(description), () if types_only else tuple(values))
        for description, values in attributes.items()
        if ("+" in asked if _is_operational(description) else user)
        or any(_asks_for(wanted, description) for wanted in named)
    )


def _is_operational(description: AttributeDescription) -> bool:
    row = attribute_type(description)
    return row is not None and row.operational


def _asks_for(wanted: AttributeDescription, held: AttributeDescription) -> bool:
    """True if a description asked for covers one held, as itself, with more options, or as a supertype."""
    wanted_row, held_row = attribute_type(wanted), attribute_type(held)
    if wanted_row is None or held_row is None:
        return False
    return is_subtype(held_row, wanted_row) and set(wanted.options) <= set(held.options)


def _root_dse(tree: Tree) -> Entry:
    """The root DSE (RFC 4512 section 5.1): operational attributes about the server."""
    facts: dict[str, list[str]] = {
        "objectClass": ["top"],
        "namingContexts": [context.name for context in tree.naming_contexts],
        "supportedLDAPVersion": ["3"],
        "supportedExtension": [START_TLS_OID, WHO_AM_I_OID],
        "supportedControl": [PAGED_RESULTS_OID, MANAGE_DSA_IT_OID],
        "supportedFeatures": [*_FEATURES],
        "subschemaSubentry": [SUBSCHEMA],
        "vendorName": ["Ostiary's demo directory"],
        "vendorVersion": [__version__],
    }
    return Entry(Dn(""), "", [(name, [value.encode() for value in values]) for name, values in facts.items()])


def _subschema() -> Entry:
    """The subschema entry (RFC 4512 section 4.2), for clients that read it to format values."""
    types = []
    for row in ATTRIBUTE_TYPES:
        words = [f"( {row.oid} NAME '{row.name}'"]
        words += [f"SUP {row.supertype}"] if row.supertype else []
        words += [f"SYNTAX {row.syntax.value}"]
        words += ["SINGLE-VALUE"] if row.single_valued else []
        words += ["USAGE directoryOperation"] if row.operational else []
        types.append(" ".join([*words, ")"]))
    classes = []
    for one in OBJECT_CLASSES:
        words = [f"( {one.oid} NAME '{one.name}'"]
        words += [f"SUP {one.superclass}"] if one.superclass else []
        words += ["STRUCTURAL" if one.structural else "AUXILIARY"]
        words += [f"MUST ( {' $ '.join(one.must)} )"] if one.must else []
        classes.append(" ".join([*words, ")"]))
    return Entry(
        Dn(SUBSCHEMA),
        SUBSCHEMA,
        [
            ("objectClass", [b"top", b"subschema"]),
            ("cn", [b"subschema"]),
            ("attributeTypes", [text.encode() for text in types]),
            ("objectClasses", [text.encode() for text in classes]),
        ],
    )
