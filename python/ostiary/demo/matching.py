"""Compares attribute values, and evaluates filters over an entry in RFC 4511's three-valued logic.

Knows values, types and filters. Does not know the tree, connections, or who asks: what an asker may not
see, the caller leaves out of the attributes it passes in.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ostiary._core import AttributeDescription, Dn, Filter
from ostiary.demo.schema import AttributeType, Syntax, attribute_type, is_subtype

__all__ = ["Attributes", "matches", "normalise", "same_value", "values_of"]

Attributes = Mapping[AttributeDescription, Sequence[bytes]]
"""What an entry has, as far as the asker may know."""

_RULES = {
    "caseignorematch": Syntax.TEXT,
    "2.5.13.2": Syntax.TEXT,
    "caseignoresubstringsmatch": Syntax.TEXT,
    "2.5.13.4": Syntax.TEXT,
    "caseexactmatch": Syntax.EXACT_TEXT,
    "2.5.13.5": Syntax.EXACT_TEXT,
    "distinguishednamematch": Syntax.DN,
    "2.5.13.1": Syntax.DN,
    "integermatch": Syntax.INTEGER,
    "2.5.13.14": Syntax.INTEGER,
    "octetstringmatch": Syntax.OCTETS,
    "2.5.13.17": Syntax.OCTETS,
    "telephonenumbermatch": Syntax.TELEPHONE,
    "2.5.13.20": Syntax.TELEPHONE,
}
"""The matching rules an extensible filter may name (RFC 4517 section 4.2), by name and OID."""


def normalise(syntax: Syntax, value: bytes) -> Any:
    """A value in the form in which equal values are equal.

    Raises:
        ValueError: the value is not of the syntax.
    """
    return _NORMAL_FORMS[syntax](value)


def _of_pattern(pattern: str, value: bytes) -> bytes:
    if not re.fullmatch(pattern.encode(), value):
        raise ValueError("not of the syntax")
    return value


def _fold_space(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).split())


_NORMAL_FORMS: dict[Syntax, Callable[[bytes], Any]] = {
    Syntax.OCTETS: lambda value: value,
    Syntax.INTEGER: lambda value: int(_of_pattern(r"0|-?[1-9]\d*", value)),
    Syntax.DN: lambda value: Dn(value.decode()),
    Syntax.BOOLEAN: lambda value: _of_pattern("TRUE|FALSE", value),
    Syntax.TIME: lambda value: _of_pattern(r"\d{10}(\d{2}(\d{2})?)?([.,]\d+)?(Z|[+-]\d{2}(\d{2})?)", value),
    Syntax.OID: lambda value: value.decode("ascii").lower(),
    Syntax.TELEPHONE: lambda value: re.sub(r"[\s-]", "", value.decode()).lower(),
    Syntax.TEXT: lambda value: _fold_space(value.decode().casefold()),
    Syntax.EXACT_TEXT: lambda value: _fold_space(value.decode()),
}


def same_value(row: AttributeType, one: bytes, other: bytes) -> bool:
    """True if two values of a type are equal by its rule; values that break the syntax compare as octets."""
    try:
        return bool(normalise(row.syntax, one) == normalise(row.syntax, other))
    except ValueError:
        return one == other


def values_of(attributes: Attributes, description: AttributeDescription) -> Iterable[bytes] | None:
    """Every value the description speaks of, its subtypes' and options' too; None if the type is unknown."""
    wanted = attribute_type(description)
    if wanted is None:
        return None
    return [
        value
        for held, values in attributes.items()
        if (row := attribute_type(held)) is not None
        and is_subtype(row, wanted)
        and set(description.options) <= set(held.options)
        for value in values
    ]


def matches(condition: Filter, attributes: Attributes, dn: Dn) -> bool | None:
    """Evaluates a filter: True, False, or None for Undefined. Recurses: the core bounds a filter's depth."""
    match condition.kind:
        case "and":
            results = [matches(child, attributes, dn) for child in condition.children]
            return False if False in results else None if None in results else True
        case "or":
            results = [matches(child, attributes, dn) for child in condition.children]
            return True if True in results else None if None in results else False
        case "not":
            result = matches(condition.children[0], attributes, dn)
            return None if result is None else not result
        case "extensible_match":
            return _extensible(condition, attributes, dn)
    if condition.attribute is None:
        return None
    row, values = attribute_type(condition.attribute), values_of(attributes, condition.attribute)
    if row is None or values is None:
        return None
    if condition.kind == "present":
        return any(True for _ in values)
    return _any_value(_test_of(condition, row.syntax), values)


def _any_value(test: Callable[[bytes], bool] | None, values: Iterable[bytes]) -> bool | None:
    if test is None:
        return None
    result: bool | None = False
    for value in values:
        try:
            if test(value):
                return True
        except ValueError:
            result = None  # a stored value that breaks its syntax cannot be compared
    return result


def _test_of(condition: Filter, syntax: Syntax) -> Callable[[bytes], bool] | None:
    """The test of one value; None where the type has no such rule or the assertion is not of the syntax."""
    if condition.kind == "substrings":
        return _substrings_test(condition, syntax)
    try:
        asserted = normalise(syntax, condition.value or b"")
    except ValueError:
        return None
    match condition.kind:
        case "equality_match":
            return lambda value: bool(normalise(syntax, value) == asserted)
        case "approx_match":
            if syntax is not Syntax.TEXT:
                return lambda value: bool(normalise(syntax, value) == asserted)
            return lambda value: _sound_alike(normalise(syntax, value), asserted)
        case _ if syntax in (Syntax.DN, Syntax.BOOLEAN, Syntax.OID):
            return None  # no ordering rule
        case "greater_or_equal":
            return lambda value: bool(normalise(syntax, value) >= asserted)
        case _:
            return lambda value: bool(normalise(syntax, value) <= asserted)


def _sound_alike(one: str, other: str) -> bool:
    """A plain approximation: vowels after the first letter, doubled letters and punctuation do not count."""

    def skeleton(text: str) -> list[str]:
        words = re.sub(r"[^\w ]", "", text).split()
        return [re.sub(r"(.)\1+", r"\1", word[:1] + re.sub(r"[aeiouyh]", "", word[1:])) for word in words]

    return skeleton(one) == skeleton(other)


def _substrings_test(condition: Filter, syntax: Syntax) -> Callable[[bytes], bool] | None:
    if syntax not in (Syntax.TEXT, Syntax.EXACT_TEXT, Syntax.TELEPHONE):
        return None
    try:
        parts = [_fold_part(syntax, part) for part in condition.any]
        initial = None if condition.initial is None else _fold_part(syntax, condition.initial).lstrip()
        final = None if condition.final is None else _fold_part(syntax, condition.final).rstrip()
    except ValueError:
        return None
    pattern = ".*".join(re.escape(part) for part in [initial or "", *parts, final or ""])
    compiled = re.compile(pattern, re.DOTALL)
    return lambda value: compiled.fullmatch(normalise(syntax, value)) is not None


def _fold_part(syntax: Syntax, part: bytes) -> str:
    """Like `normalise`, but a space at an end of a part is one inside the value (RFC 4518 section 2.6.1)."""
    text = part.decode()
    if syntax is Syntax.TELEPHONE:
        return str(normalise(syntax, part))
    text = unicodedata.normalize("NFKC", text)
    if syntax is Syntax.TEXT:
        text = text.casefold()
    return re.sub(r"\s+", " ", text)


def _extensible(condition: Filter, attributes: Attributes, dn: Dn) -> bool | None:
    """RFC 4511 section 4.5.1.7.7: the rule, the type, or the rule over every type that has it."""
    rule = None
    if condition.matching_rule is not None:
        rule = _RULES.get(condition.matching_rule)
        if rule is None:
            return None
    described = condition.attribute
    if described is not None and attribute_type(described) is None:
        return None
    pool = [*attributes.items()]
    if condition.dn_attributes:
        pool += [(AttributeDescription(name), [value.encode()]) for rdn in dn.rdns for name, value in rdn]
    result: bool | None = False
    for held, values in pool:
        syntax = _applicable_syntax(held, described, rule)
        if syntax is None:
            continue
        found = _any_value(_equality_test(syntax, condition.value or b""), values)
        if found:
            return True
        if found is None:
            result = None
    return result


def _applicable_syntax(
    held: AttributeDescription, described: AttributeDescription | None, rule: Syntax | None
) -> Syntax | None:
    """By which syntax an attribute takes part; None if it does not."""
    row = attribute_type(held)
    if row is None:
        return None
    if described is not None:
        wanted = attribute_type(described)
        if wanted is None or not is_subtype(row, wanted) or not set(described.options) <= set(held.options):
            return None
        return rule or row.syntax
    return rule if _families(rule) & _families(row.syntax) else None


def _families(syntax: Syntax | None) -> set[str]:
    """Rules of one family apply to each other's values: caseExactMatch may be asked of caseIgnore text."""
    if syntax in (Syntax.TEXT, Syntax.EXACT_TEXT):
        return {"text"}
    return set() if syntax is None else {syntax.name}


def _equality_test(syntax: Syntax, asserted: bytes) -> Callable[[bytes], bool] | None:
    try:
        wanted = normalise(syntax, asserted)
    except ValueError:
        return None
    return lambda value: bool(normalise(syntax, value) == wanted)
