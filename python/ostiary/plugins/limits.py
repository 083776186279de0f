"""The built-in plugin `limits`: how large or unselective a request may be. Its keys; their meaning is the core's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from ostiary.plugins.model import Options, Plugin, Rules
from ostiary.plugins.rules import Code, IdentityCriterion, OneOrMore, Text

__all__ = ["Limits", "LimitsOptions"]

Most = Annotated[int, Field(ge=1, le=2**31 - 1)]


class LimitsOptions(Options):
    """The most that a request may ask for."""

    from_: OneOrMore[Text] | None = Field(None, alias="from")
    """Networks whose requests are limited; everybody's when omitted."""
    identity: IdentityCriterion | None = None
    """Identities whose requests are limited; everybody's when omitted."""
    substring_length: Annotated[int, Field(ge=0, le=1_000)] = 0
    """How many octets the longest part of a substring filter must have, spaces and hyphens not counted; 0: no limit."""
    presence_only: bool = True
    """Whether a search below its base may have a filter that asks for no value, as (objectClass=*)."""
    filter_nodes: Most | None = None
    """How many nodes a filter may have, each part of a substring filter one."""
    attributes: Most | None = None
    """How many attribute selectors a search may have."""
    page_size: Most | None = None
    """How many entries one page of a paged search may have."""
    code: Code | None = None
    """The result code of refusals, instead of each limit's own."""
    text: Text | None = None
    """The diagnostic message of refusals, instead of each limit's own."""


class Limits(Plugin):
    """How large or unselective a request may be."""

    Options = LimitsOptions
    options: LimitsOptions

    def rules(self) -> Sequence[Rules]:
        """Its own keys are the rules."""
        return [Rules("limits", self.options.model_dump(mode="json", by_alias=True, exclude_none=True), key_path="")]

    def meaning(self) -> Sequence[str]:
        """Each limit that is set, in words."""
        options = self.options
        told = {
            f"substring filters have a part of at least {options.substring_length} octets": options.substring_length,
            "searches below their base ask for some value": not options.presence_only,
            f"filters have up to {options.filter_nodes} nodes": options.filter_nodes,
            f"searches have up to {options.attributes} attribute selectors": options.attributes,
            f"pages have up to {options.page_size} entries": options.page_size,
        }
        return [sentence for sentence, is_set in told.items() if is_set] or ["limits nothing"]
