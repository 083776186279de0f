"""The entries of the demo directory as a tree: look-up, scopes, add, modify, modify DN, delete.

Knows DNs and where entries stand. Does not know who asks (access.py), filters, or messages. Every change is
whole or not at all: an entry is copied, changed, checked, and only then put in place.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from ostiary._core import AttributeDescription, Change, Dn
from ostiary.demo.entry import Entry, canonical, parse_dn
from ostiary.demo.ldif import LdifRecord
from ostiary.demo.rdn import first_rdn
from ostiary.demo.result import OperationError, ResultCode

__all__ = ["Tree"]

SUBSCHEMA = "cn=subschema"


class Tree:
    """Entries by DN. Iteration goes from parent to child, siblings in the order they came."""

    def __init__(self, records: Iterable[LdifRecord] = (), by: str = "") -> None:
        """Takes over the records; one whose parent is not among those before it becomes a naming context.

        Raises:
            OperationError: a record does not fit the schema.
        """
        self._entries: dict[Dn, Entry] = {}
        self._children: dict[Dn, dict[Dn, None]] = {}
        self.naming_contexts: list[Entry] = []
        for record in records:
            dn = parse_dn(record.dn)
            root = dn.parent is None or dn.parent not in self._entries
            entry = self._insert(dn, record.dn, record.attributes.items(), by)
            if root:
                self.naming_contexts.append(entry)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, dn: Dn) -> bool:
        return dn in self._entries

    def find(self, dn: Dn) -> Entry:
        """The entry of a DN.

        Raises:
            OperationError: noSuchObject, with the nearest entry above as matchedDN.
        """
        entry = self._entries.get(dn)
        if entry is None:
            raise OperationError(ResultCode.NO_SUCH_OBJECT, matched_dn=self._nearest(dn))
        return entry

    def has_children(self, dn: Dn) -> bool:
        """True if entries stand below this DN."""
        return bool(self._children.get(dn))

    def in_scope(self, base: Dn, scope: int) -> Iterator[Entry]:
        """The entries a search looks at: 0 base, 1 one level, 2 subtree, 3 subtree without its base."""
        if scope in (0, 2):
            yield self.find(base)
        if scope == 0:
            return
        waiting = list(reversed(self._children.get(base, {})))
        while waiting:
            dn = waiting.pop()
            yield self._entries[dn]
            if scope != 1:
                waiting.extend(reversed(self._children.get(dn, {})))

    def add(self, name: str, attributes: Iterable[tuple[str, Iterable[bytes]]], by: str) -> None:
        """Adds an entry below one that exists (RFC 4511 section 4.7)."""
        dn = parse_dn(name)
        if dn in self._entries:
            raise OperationError(ResultCode.ENTRY_ALREADY_EXISTS)
        if dn.parent is None or dn.parent not in self._entries:
            raise OperationError(ResultCode.NO_SUCH_OBJECT, "no entry to put it under", self._nearest(dn))
        attributes = [(text, [*values]) for text, values in attributes]
        for text, _ in attributes:
            if canonical(text)[1].operational:
                raise OperationError(ResultCode.CONSTRAINT_VIOLATION, f"kept by the directory: {text}")
        self._insert(dn, name, attributes, by)

    def modify(self, dn: Dn, changes: Iterable[Change], by: str) -> None:
        """Applies changes in order, all or none (RFC 4511 section 4.6)."""
        entry = self.find(dn).copy()
        for change in changes:
            entry.apply(change)
        entry.check()
        _stamp(entry, by)
        self._entries[dn] = entry

    def delete(self, dn: Dn) -> None:
        """Deletes an entry that has none below it (RFC 4511 section 4.8)."""
        self.find(dn)
        if self.has_children(dn):
            raise OperationError(ResultCode.NOT_ALLOWED_ON_NON_LEAF, "entries stand below it")
        self._detach(dn)
        del self._entries[dn]

    def rename(self, dn: Dn, new_rdn: str, delete_old_rdn: bool, new_superior: str | None, by: str) -> None:
        """Renames an entry, or moves it and all below it (RFC 4511 section 4.9)."""
        entry = self.find(dn).copy()
        if dn.parent is None or any(dn == context.dn for context in self.naming_contexts):
            raise OperationError(ResultCode.UNWILLING_TO_PERFORM, "a naming context stays where it is")
        if len(parse_dn(new_rdn).rdns) != 1:
            raise OperationError(ResultCode.INVALID_DN_SYNTAX, f"a new RDN is one RDN: {new_rdn}")
        superior = self.find(dn.parent if new_superior is None else parse_dn(new_superior))
        if superior.dn.is_within(dn):
            raise OperationError(ResultCode.UNWILLING_TO_PERFORM, "an entry cannot move below itself")
        name = f"{new_rdn},{superior.name}"
        new_dn = parse_dn(name)
        if new_dn != dn and new_dn in self._entries:
            raise OperationError(ResultCode.ENTRY_ALREADY_EXISTS)
        if delete_old_rdn:
            entry.remove_rdn_values()
        entry.dn, entry.name = new_dn, name
        entry.add_rdn_values()
        entry.check()
        _stamp(entry, by)
        self._move(dn, entry)

    def _insert(self, dn: Dn, name: str, attributes: Iterable[tuple[str, Iterable[bytes]]], by: str) -> Entry:
        entry = Entry(dn, name, attributes)
        try:
            entry.add_rdn_values()
        except OperationError as error:
            raise OperationError(ResultCode.NAMING_VIOLATION, error.diagnostic_message) from error
        entry.check()
        _stamp(entry, by, created=True)
        self._attach(entry)
        return entry

    def _move(self, old: Dn, entry: Entry) -> None:
        below = [*self._children.pop(old, {})]
        self._detach(old)
        del self._entries[old]
        self._attach(entry)
        for child_dn in below:
            child = self._entries[child_dn]
            child.name = f"{first_rdn(child.name)},{entry.name}"
            child.dn = Dn(child.name)
            self._move(child_dn, child)

    def _attach(self, entry: Entry) -> None:
        self._entries[entry.dn] = entry
        if entry.dn.parent is not None:
            self._children.setdefault(entry.dn.parent, {})[entry.dn] = None

    def _detach(self, dn: Dn) -> None:
        if dn.parent is not None:
            self._children.get(dn.parent, {}).pop(dn, None)

    def _nearest(self, dn: Dn) -> str:
        above = dn.parent
        while above is not None:
            if above in self._entries:
                return self._entries[above].name
            above = above.parent
        return ""


def _stamp(entry: Entry, by: str, created: bool = False) -> None:
    now = datetime.now(UTC).strftime("%Y%m%d%H%M%SZ").encode()
    stamps = {"modifyTimestamp": now, "modifiersName": by.encode()}
    if created:
        stamps |= {
            "createTimestamp": now,
            "creatorsName": by.encode(),
            "entryUUID": str(uuid.uuid4()).encode(),
        }
    for name, value in stamps.items():
        entry.attributes[AttributeDescription(name)] = [value]
