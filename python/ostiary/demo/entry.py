"""One entry of the demo directory: its attributes, changes to them, and whether they fit the schema.

Does not know where in the tree it stands, but for its DN; does not know who asks.
"""

from __future__ import annotations

from collections.abc import Iterable

from ostiary._core import Attribute, AttributeDescription, Change, Dn
from ostiary.demo.matching import normalise, same_value
from ostiary.demo.rdn import written_values
from ostiary.demo.result import OperationError, ResultCode
from ostiary.demo.schema import AttributeType, Syntax, attribute_type, object_class, with_superclasses

__all__ = ["Entry", "canonical", "parse_dn", "spelled"]

OBJECT_CLASS = AttributeDescription("objectClass")


def parse_dn(text: str) -> Dn:
    """The DN a client wrote.

    Raises:
        OperationError: invalidDNSyntax.
    """
    try:
        return Dn(text)
    except ValueError as error:
        raise OperationError(ResultCode.INVALID_DN_SYNTAX, str(error)) from error


def canonical(text: str) -> tuple[AttributeDescription, AttributeType]:
    """The description under which an attribute is kept, whatever its spelling, and its type.

    Raises:
        OperationError: undefinedAttributeType.
    """
    try:
        description = AttributeDescription(text)
    except ValueError as error:
        raise OperationError(ResultCode.UNDEFINED_ATTRIBUTE_TYPE, str(error)) from error
    row = attribute_type(description)
    if row is None:
        raise OperationError(ResultCode.UNDEFINED_ATTRIBUTE_TYPE, f"attribute type is not known: {text}")
    return AttributeDescription(";".join((row.name, *description.options))), row


def spelled(description: AttributeDescription) -> str:
    """A description as the schema spells it, for answers."""
    row = attribute_type(description)
    return ";".join((description.type if row is None else row.name, *description.options))


class Entry:
    """An entry: a DN, its text as it was written, and attributes with their values in order."""

    def __init__(self, dn: Dn, name: str, attributes: Iterable[tuple[str, Iterable[bytes]]]) -> None:
        self.dn = dn
        self.name = name
        self.attributes: dict[AttributeDescription, list[bytes]] = {}
        for text, values in attributes:
            self._add_values(text, values)

    def copy(self) -> Entry:
        """An entry that can be changed without this one noticing."""
        twin = Entry(self.dn, self.name, ())
        twin.attributes = {description: [*values] for description, values in self.attributes.items()}
        return twin

    def apply(self, change: Change) -> None:
        """Applies one change of a modify request (RFC 4511 section 4.6, RFC 4525); `check` follows."""
        attribute = change.modification
        _, row = canonical(attribute.description)
        if row.operational:
            raise OperationError(ResultCode.CONSTRAINT_VIOLATION, f"kept by the directory: {row.name}")
        match change.operation:
            case "add":
                if not attribute.values:
                    raise OperationError(ResultCode.PROTOCOL_ERROR, "add needs a value")
                self._add_values(attribute.description, attribute.values)
            case "delete":
                self._delete_values(attribute)
            case "replace":
                self.attributes.pop(canonical(attribute.description)[0], None)
                if attribute.values:
                    self._add_values(attribute.description, attribute.values)
            case "increment":
                self._increment(attribute)

    def add_rdn_values(self) -> None:
        """Completes the content by the values of the RDN (RFC 4511 section 4.7)."""
        for description, row, value in self._rdn_values():
            held = self.attributes.setdefault(description, [])
            if not any(same_value(row, value, one) for one in held):
                held.append(value)

    def remove_rdn_values(self) -> None:
        """Takes the values of the RDN away, as a modify DN with deleteoldrdn asks."""
        for description, row, value in self._rdn_values():
            rest = [one for one in self.attributes.get(description, ()) if not same_value(row, value, one)]
            if rest:
                self.attributes[description] = rest
            else:
                self.attributes.pop(description, None)

    def check(self) -> None:
        """Raises what the schema, or the rule that the RDN's values are in the entry, has against it."""
        for description, values in self.attributes.items():
            self._check_values(description, values)
        self._check_classes()
        for description, row, value in self._rdn_values():
            if not any(same_value(row, value, one) for one in self.attributes.get(description, ())):
                raise OperationError(ResultCode.NOT_ALLOWED_ON_RDN, f"the RDN needs its value of: {row.name}")

    def _add_values(self, text: str, values: Iterable[bytes]) -> None:
        description, row = canonical(text)
        held = self.attributes.setdefault(description, [])
        for value in values:
            if any(same_value(row, value, one) for one in held):
                raise OperationError(ResultCode.ATTRIBUTE_OR_VALUE_EXISTS, f"the value is there already: {row.name}")
            held.append(value)

    def _delete_values(self, attribute: Attribute) -> None:
        description, row = canonical(attribute.description)
        held = self.attributes.get(description)
        if held is None:
            raise OperationError(ResultCode.NO_SUCH_ATTRIBUTE, f"the entry has no: {row.name}")
        for value in attribute.values:
            found = next((one for one in held if same_value(row, value, one)), None)
            if found is None:
                raise OperationError(ResultCode.NO_SUCH_ATTRIBUTE, f"the entry has no such value of: {row.name}")
            held.remove(found)
        if not attribute.values or not held:
            del self.attributes[description]

    def _increment(self, attribute: Attribute) -> None:
        description, row = canonical(attribute.description)
        if row.syntax is not Syntax.INTEGER:
            raise OperationError(ResultCode.CONSTRAINT_VIOLATION, f"not an integer: {row.name}")
        if description not in self.attributes:
            raise OperationError(ResultCode.NO_SUCH_ATTRIBUTE, f"the entry has no: {row.name}")
        if len(attribute.values) != 1:
            raise OperationError(ResultCode.PROTOCOL_ERROR, "increment needs exactly one value")
        try:
            step = normalise(Syntax.INTEGER, attribute.values[0])
        except ValueError as error:
            raise OperationError(ResultCode.INVALID_ATTRIBUTE_SYNTAX, str(error)) from error
        self.attributes[description] = [b"%d" % (int(value) + step) for value in self.attributes[description]]

    def _rdn_values(self) -> list[tuple[AttributeDescription, AttributeType, bytes]]:
        if not self.dn.rdns:
            return []
        pairs = written_values(self.name)
        if pairs is None:
            pairs = [(name, value.encode()) for name, value in self.dn.rdns[0]]
        return [(*canonical(name), value) for name, value in pairs]

    def _check_values(self, description: AttributeDescription, values: list[bytes]) -> None:
        _, row = canonical(spelled(description))
        if not values:
            raise OperationError(ResultCode.PROTOCOL_ERROR, f"an attribute needs a value: {row.name}")
        if row.single_valued and len(values) > 1:
            raise OperationError(ResultCode.CONSTRAINT_VIOLATION, f"has one value only: {row.name}")
        for value in values:
            try:
                normalise(row.syntax, value)
            except ValueError as error:
                raise OperationError(ResultCode.INVALID_ATTRIBUTE_SYNTAX, f"{row.name}: {error}") from error

    def _check_classes(self) -> None:
        names = [value.decode() for value in self.attributes.get(OBJECT_CLASS, ())]
        if not names:
            raise OperationError(ResultCode.OBJECT_CLASS_VIOLATION, "an entry needs an objectClass")
        structural = False
        for name in names:
            row = object_class(name)
            if row is None:
                raise OperationError(ResultCode.INVALID_ATTRIBUTE_SYNTAX, f"object class is not known: {name}")
            for part in with_superclasses(row):
                structural = structural or part.structural
                for must in part.must:
                    if canonical(must)[0] not in self.attributes:
                        raise OperationError(ResultCode.OBJECT_CLASS_VIOLATION, f"{part.name} needs: {must}")
        if not structural:
            raise OperationError(ResultCode.OBJECT_CLASS_VIOLATION, "an entry needs a structural object class")
