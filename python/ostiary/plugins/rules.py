"""Kinds of values that several built-in plugins' keys hold. What they spell, the core reads; here is their shape."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias, TypeVar

from pydantic import AfterValidator, Field

from ostiary.plugins.model import Options
from ostiary.plugins.request import Operation
from ostiary.plugins.verdict import code_number

__all__ = ["Code", "IdentityCriterion", "OneOrMore", "Operation", "RuleMode", "RuleName", "Text", "exactly_one"]

T = TypeVar("T")

OneOrMore: TypeAlias = T | Annotated[tuple[T, ...], Field(min_length=1)]
"""A value or a list of them."""
Text: TypeAlias = Annotated[str, Field(max_length=10_000)]
"""Text that the core reads, and has a hint for where it is empty."""
RuleMode: TypeAlias = Literal["enforce", "monitor"]


def _rule_name(value: str) -> str:
    # A name may be a label of a metric.
    if not value or len(value) > 64 or not all(each.isascii() and (each.isalnum() or each in "_.-") for each in value):
        raise ValueError("use up to 64 letters, digits, dots, dashes and underscores")
    return value


def _code(value: int | str) -> int | str:
    code_number(value)
    return value


RuleName: TypeAlias = Annotated[str, AfterValidator(_rule_name)]
Code: TypeAlias = Annotated[int | str, AfterValidator(_code)]
"""A result code by number or name."""


def exactly_one(table: Options) -> None:
    """Raises: ValueError unless one key of the table is given, and no other."""
    keys = [field.alias or name for name, field in type(table).model_fields.items()]
    if len(table.model_fields_set) != 1:
        raise ValueError(f"write exactly one of {', '.join(keys)}")


class IdentityTable(Options):
    """Identities by what they have in common."""

    within: Text | None = None
    """Every DN below this one."""
    upn_domain: Text | None = None
    """Every user principal name of this domain."""

    def model_post_init(self, _context: object, /) -> None:
        exactly_one(self)


IdentityCriterion: TypeAlias = OneOrMore[Text | IdentityTable]
