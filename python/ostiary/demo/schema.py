"""The demo directory's attribute types and object classes: some of RFC 4519, RFC 2798 and RFC 2307.

Tables, and what can be asked of them. Knows no entry and no filter; matching.py compares values by these
rows. Other names are unknown: an assertion on one is Undefined (RFC 4511 section 4.5.1.7), no entry has one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ostiary._core import AttributeDescription

__all__ = [
    "ATTRIBUTE_TYPES",
    "OBJECT_CLASSES",
    "AttributeType",
    "ObjectClass",
    "Syntax",
    "attribute_type",
    "object_class",
]


class Syntax(Enum):
    """How values of a type are checked and compared (RFC 4517)."""

    TEXT = "1.3.6.1.4.1.1466.115.121.1.15"  # compared without regard to case
    EXACT_TEXT = "1.3.6.1.4.1.1466.115.121.1.26"
    TELEPHONE = "1.3.6.1.4.1.1466.115.121.1.50"
    INTEGER = "1.3.6.1.4.1.1466.115.121.1.27"
    BOOLEAN = "1.3.6.1.4.1.1466.115.121.1.7"
    DN = "1.3.6.1.4.1.1466.115.121.1.12"
    TIME = "1.3.6.1.4.1.1466.115.121.1.24"
    OCTETS = "1.3.6.1.4.1.1466.115.121.1.40"
    OID = "1.3.6.1.4.1.1466.115.121.1.38"


@dataclass(frozen=True)
class AttributeType:
    """One row of the table of attribute types."""

    name: str
    oid: str
    syntax: Syntax = Syntax.TEXT
    supertype: str | None = None
    single_valued: bool = False
    operational: bool = False


@dataclass(frozen=True)
class ObjectClass:
    """One row of the table of object classes. What an entry MAY have is not restricted by class."""

    name: str
    oid: str
    must: tuple[str, ...] = ()
    superclass: str | None = "top"
    structural: bool = True


ATTRIBUTE_TYPES: tuple[AttributeType, ...] = (
    AttributeType("objectClass", "2.5.4.0", Syntax.OID),
    AttributeType("name", "2.5.4.41"),
    AttributeType("cn", "2.5.4.3", supertype="name"),
    AttributeType("sn", "2.5.4.4", supertype="name"),
    AttributeType("givenName", "2.5.4.42", supertype="name"),
    AttributeType("initials", "2.5.4.43", supertype="name"),
    AttributeType("title", "2.5.4.12", supertype="name"),
    AttributeType("o", "2.5.4.10", supertype="name"),
    AttributeType("ou", "2.5.4.11", supertype="name"),
    AttributeType("l", "2.5.4.7", supertype="name"),
    AttributeType("st", "2.5.4.8", supertype="name"),
    AttributeType("c", "2.5.4.6", supertype="name", single_valued=True),
    AttributeType("street", "2.5.4.9"),
    AttributeType("postalCode", "2.5.4.17"),
    AttributeType("description", "2.5.4.13"),
    AttributeType("serialNumber", "2.5.4.5"),
    AttributeType("telephoneNumber", "2.5.4.20", Syntax.TELEPHONE),
    AttributeType("mobile", "0.9.2342.19200300.100.1.41", Syntax.TELEPHONE),
    AttributeType("uid", "0.9.2342.19200300.100.1.1"),
    AttributeType("dc", "0.9.2342.19200300.100.1.25", single_valued=True),
    AttributeType("mail", "0.9.2342.19200300.100.1.3"),
    AttributeType("roomNumber", "0.9.2342.19200300.100.1.6"),
    AttributeType("jpegPhoto", "0.9.2342.19200300.100.1.60", Syntax.OCTETS),
    AttributeType("displayName", "2.16.840.1.113730.3.1.241", single_valued=True),
    AttributeType("employeeNumber", "2.16.840.1.113730.3.1.3", single_valued=True),
    AttributeType("employeeType", "2.16.840.1.113730.3.1.4"),
    AttributeType("departmentNumber", "2.16.840.1.113730.3.1.2"),
    AttributeType("preferredLanguage", "2.16.840.1.113730.3.1.39", single_valued=True),
    AttributeType("labeledURI", "1.3.6.1.4.1.250.1.57", Syntax.EXACT_TEXT),
    AttributeType("distinguishedName", "2.5.4.49", Syntax.DN),
    AttributeType("member", "2.5.4.31", Syntax.DN, supertype="distinguishedName"),
    AttributeType("uniqueMember", "2.5.4.50", Syntax.DN),
    AttributeType("owner", "2.5.4.32", Syntax.DN, supertype="distinguishedName"),
    AttributeType("seeAlso", "2.5.4.34", Syntax.DN, supertype="distinguishedName"),
    AttributeType("manager", "0.9.2342.19200300.100.1.10", Syntax.DN),
    AttributeType("secretary", "0.9.2342.19200300.100.1.21", Syntax.DN),
    AttributeType("memberUid", "1.3.6.1.1.1.1.12", Syntax.EXACT_TEXT),
    AttributeType("uidNumber", "1.3.6.1.1.1.1.0", Syntax.INTEGER, single_valued=True),
    AttributeType("gidNumber", "1.3.6.1.1.1.1.1", Syntax.INTEGER, single_valued=True),
    AttributeType("homeDirectory", "1.3.6.1.1.1.1.3", Syntax.EXACT_TEXT, single_valued=True),
    AttributeType("loginShell", "1.3.6.1.1.1.1.4", Syntax.EXACT_TEXT, single_valued=True),
    AttributeType("userPassword", "2.5.4.35", Syntax.OCTETS),
    AttributeType("userCertificate", "2.5.4.36", Syntax.OCTETS),
    AttributeType("createTimestamp", "2.5.18.1", Syntax.TIME, single_valued=True, operational=True),
    AttributeType("modifyTimestamp", "2.5.18.2", Syntax.TIME, single_valued=True, operational=True),
    AttributeType("creatorsName", "2.5.18.3", Syntax.DN, single_valued=True, operational=True),
    AttributeType("modifiersName", "2.5.18.4", Syntax.DN, single_valued=True, operational=True),
    AttributeType("hasSubordinates", "2.5.18.9", Syntax.BOOLEAN, single_valued=True, operational=True),
    AttributeType("subschemaSubentry", "2.5.18.10", Syntax.DN, single_valued=True, operational=True),
    AttributeType("entryDN", "1.3.6.1.1.20", Syntax.DN, single_valued=True, operational=True),
    AttributeType("entryUUID", "1.3.6.1.1.16.4", Syntax.EXACT_TEXT, single_valued=True, operational=True),
    AttributeType("namingContexts", "1.3.6.1.4.1.1466.101.120.5", Syntax.DN, operational=True),
    AttributeType("supportedControl", "1.3.6.1.4.1.1466.101.120.13", Syntax.OID, operational=True),
    AttributeType("supportedExtension", "1.3.6.1.4.1.1466.101.120.7", Syntax.OID, operational=True),
    AttributeType("supportedFeatures", "1.3.6.1.4.1.4203.1.3.5", Syntax.OID, operational=True),
    AttributeType("supportedLDAPVersion", "1.3.6.1.4.1.1466.101.120.15", Syntax.INTEGER, operational=True),
    AttributeType("vendorName", "1.3.6.1.1.4", Syntax.EXACT_TEXT, single_valued=True, operational=True),
    AttributeType("vendorVersion", "1.3.6.1.1.5", Syntax.EXACT_TEXT, single_valued=True, operational=True),
    AttributeType("attributeTypes", "2.5.21.5", operational=True),
    AttributeType("objectClasses", "2.5.21.6", operational=True),
)

OBJECT_CLASSES: tuple[ObjectClass, ...] = (
    ObjectClass("top", "2.5.6.0", ("objectClass",), superclass=None, structural=False),
    ObjectClass("domain", "0.9.2342.19200300.100.4.13", ("dc",)),
    ObjectClass("dcObject", "1.3.6.1.4.1.1466.344", ("dc",), structural=False),
    ObjectClass("organization", "2.5.6.4", ("o",)),
    ObjectClass("organizationalUnit", "2.5.6.5", ("ou",)),
    ObjectClass("organizationalRole", "2.5.6.8", ("cn",)),
    ObjectClass("person", "2.5.6.6", ("sn", "cn")),
    ObjectClass("organizationalPerson", "2.5.6.7", superclass="person"),
    ObjectClass("inetOrgPerson", "2.16.840.1.113730.3.2.2", superclass="organizationalPerson"),
    ObjectClass("account", "0.9.2342.19200300.100.4.5", ("uid",)),
    ObjectClass("applicationProcess", "2.5.6.11", ("cn",)),
    ObjectClass("groupOfNames", "2.5.6.9", ("member", "cn")),
    ObjectClass("groupOfUniqueNames", "2.5.6.17", ("uniqueMember", "cn")),
    ObjectClass("posixGroup", "1.3.6.1.1.1.2.2", ("cn", "gidNumber"), structural=False),
    ObjectClass(
        "posixAccount",
        "1.3.6.1.1.1.2.0",
        ("cn", "uid", "uidNumber", "gidNumber", "homeDirectory"),
        structural=False,
    ),
    ObjectClass("simpleSecurityObject", "0.9.2342.19200300.100.4.19", ("userPassword",), structural=False),
    ObjectClass("extensibleObject", "1.3.6.1.4.1.1466.101.120.111", structural=False),
    ObjectClass("subschema", "2.5.20.1", structural=False),
)

_TYPES = {AttributeDescription(spelling).type: row for row in ATTRIBUTE_TYPES for spelling in (row.oid, row.name)}
_CLASSES = {spelling: row for row in OBJECT_CLASSES for spelling in (row.oid, row.name.lower())}


def attribute_type(description: AttributeDescription) -> AttributeType | None:
    """The row of a description's type, options aside; None if the type is unknown."""
    return _TYPES.get(description.type)


def object_class(name: str) -> ObjectClass | None:
    """The row of an object class, by name in any case or by OID; None if it is unknown."""
    return _CLASSES.get(name.lower())


def is_subtype(row: AttributeType, other: AttributeType) -> bool:
    """True if the first is the second or derived from it, as cn is from name."""
    current: AttributeType | None = row
    while current is not None and current is not other:
        current = None if current.supertype is None else _TYPES[AttributeDescription(current.supertype).type]
    return current is other


def with_superclasses(row: ObjectClass) -> list[ObjectClass]:
    """A class and all it is derived from, itself first."""
    line = [row]
    while line[-1].superclass is not None:
        line.append(_CLASSES[line[-1].superclass.lower()])
    return line
