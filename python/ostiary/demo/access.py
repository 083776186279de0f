"""Who may do what in the demo directory: everybody reads, administrators write and see passwords.

Knows identities and entries. Does not know messages: operations.py asks here before it acts.
"""

from __future__ import annotations

from collections.abc import Iterable

from ostiary._core import AttributeDescription, Dn
from ostiary.demo.entry import Entry
from ostiary.demo.matching import Attributes
from ostiary.demo.result import OperationError, ResultCode

__all__ = ["Access"]

_SECRET = AttributeDescription("userPassword")


class Access:
    """The rules, for a set of administrators. An identity of None is anonymous."""

    def __init__(self, administrators: Iterable[Dn]) -> None:
        self._administrators = frozenset(administrators)

    def require_write(self, identity: Dn | None) -> None:
        """Raises insufficientAccessRights unless this identity may change entries."""
        if identity is None or identity not in self._administrators:
            raise OperationError(ResultCode.INSUFFICIENT_ACCESS_RIGHTS, "only administrators may write")

    def may_see(self, description: AttributeDescription, identity: Dn | None) -> bool:
        """True unless the attribute, with whatever options, is a secret to this identity."""
        return identity in self._administrators or not _SECRET.covers(description)

    def visible(self, entry: Entry, identity: Dn | None) -> Attributes:
        """What this identity may know of an entry: filters must not find out what results would not show."""
        return {
            description: values
            for description, values in entry.attributes.items()
            if self.may_see(description, identity)
        }
