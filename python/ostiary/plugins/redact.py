"""The built-in plugin `redact`: what of the answers is shown to whom. Its keys; their meaning is the core's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from ostiary.plugins.model import Options, Plugin, Rules
from ostiary.plugins.rules import IdentityCriterion, OneOrMore, RuleMode, RuleName, Text

__all__ = ["Redact", "RedactOptions", "RedactRule"]


class RedactUnless(Options):
    """Clients for which every key holds."""

    from_: OneOrMore[Text] | None = Field(None, alias="from")
    """Networks that they come from."""
    listener: OneOrMore[Text] | None = None
    """Listeners that they came by."""
    identity: IdentityCriterion | None = None
    """Who they are."""


class RedactRule(Options):
    """What is hidden, and from whom."""

    name: RuleName
    """What logs, metrics and `explain` call it; unique."""
    from_: OneOrMore[Text] | None = Field(None, alias="from")
    """Networks that it applies to; all when omitted."""
    listener: OneOrMore[Text] | None = None
    """Listeners that it applies to; all when omitted."""
    identity: IdentityCriterion | None = None
    """Identities that it applies to; all when omitted."""
    unless: RedactUnless | None = None
    """Whom of those it does not apply to."""
    attributes: tuple[Text, ...] = ()
    """Attributes that are hidden, with their options, subtypes and OIDs, and that nobody may search by."""
    hide: OneOrMore[Text] | None = None
    """DNs that are hidden, with every entry below them."""
    mode: RuleMode = "enforce"
    """"monitor": only count and log what would be hidden."""


class RedactOptions(Options):
    """Every rule that applies to a client is kept, whatever its place."""

    rules: tuple[RedactRule, ...] = ()
    """What is hidden from whom."""
    referrals: Literal["pass", "strip", "rewrite"] = "pass"
    """What becomes of referrals and continuation references, which name servers."""
    root_dse: Literal["pass", "strip", "rewrite"] = "pass"
    """What becomes of the names of servers in the root DSE."""
    referral_url: Text | None = None
    """What stands in a server's place where it is rewritten, as "ldaps://ldap.example.org"."""


class Redact(Plugin):
    """What of the answers is shown: attributes and entries are cut out, and nobody may search by them."""

    Options = RedactOptions
    options: RedactOptions

    def rules(self) -> Sequence[Rules]:
        """Its own keys are the rules."""
        data = self.options.model_dump(mode="json", by_alias=True, exclude_none=True)
        return [Rules("redact", data, key_path="")]

    def meaning(self) -> Sequence[str]:
        """How many rules hide something, and what becomes of names of servers."""
        return [
            f"hides attributes or entries by {len(self.options.rules)} rules",
            f"referrals: {self.options.referrals}, names of servers in the root dse: {self.options.root_dse}",
        ]
