"""The built-in plugin `allow_list`: who may ask for what. Its keys; their meaning is the core's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from ostiary.plugins.model import Options, Plugin, Rules
from ostiary.plugins.rules import Code, IdentityCriterion, OneOrMore, Operation, RuleMode, RuleName, Text, exactly_one

__all__ = ["AllowList", "AllowListOptions", "AllowListRule"]


class CertificateTable(Options):
    """What a client's certificate has to be."""

    subject: Text | None = None
    """Its subject is this DN."""
    within: Text | None = None
    """Its subject is below this DN."""
    san: Text | None = None
    """One of its subject alternative names, DNS name or URI, is this."""

    def model_post_init(self, _context: object, /) -> None:
        exactly_one(self)


class AllowListRule(Options):
    """A rule: it decides if every criterion that it has holds."""

    name: RuleName
    """What logs, metrics and `explain` call it; unique."""
    effect: Literal["allow", "deny"] = "allow"
    """What it decides."""
    code: Code | None = None
    """The result code of a denial, by name or number; insufficientAccessRights(50) when omitted."""
    text: Text | None = None
    """The diagnostic message of a denial."""
    mode: RuleMode = "enforce"
    """"monitor": only count and log that it would have decided, and go on as if it were not there."""
    from_: OneOrMore[Text] | None = Field(None, alias="from")
    """Networks that the client comes from, as "10.0.0.0/8" or "2001:db8::/32"."""
    listener: OneOrMore[Text] | None = None
    """Listeners that the client came by."""
    tls: bool | None = None
    """Whether the client speaks TLS."""
    certificate: OneOrMore[CertificateTable] | None = None
    """What the client's certificate is."""
    identity: IdentityCriterion | None = None
    """Who the client is; for a bind, who it asks to be. A DN, a UPN, `DOMAIN\\user`, "anonymous", "authenticated",
    "any", { within = DN } or { upn_domain = "corp.example" }."""
    operations: OneOrMore[Operation] | None = None
    """What the client does."""
    mechanisms: OneOrMore[Text] | None = None
    """How it binds: "simple", or SASL mechanisms; "simple" when omitted."""
    base: OneOrMore[Text] | None = None
    """Entries that the request's target is, or is below; "rootDSE" is the root DSE alone."""
    scope: OneOrMore[Literal["base", "one", "sub", "children"]] | None = None
    """Scopes that a search may ask for."""
    filter: OneOrMore[Text] | None = None
    """Shapes of a search's filter; `?` stands for any one value."""
    filter_attributes: OneOrMore[Text] | None = None
    """Instead of shapes: the attributes that a filter may test at all."""
    attributes: Text | tuple[Text, ...] | None = None
    """What a search may ask for, and what a compare, add, modify or rename may touch."""
    narrow: bool | None = None
    """Whether a search that asks for more is cut down to `attributes` instead of not matching."""
    controls: OneOrMore[Text] | None = None
    """Controls by name or OID, on top of the harmless ones."""
    extended: OneOrMore[Text] | None = None
    """Extended operations by name or OID, on top of the harmless ones."""
    size_limit: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    """The most entries that a search may bring, all pages together."""
    time_limit: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    """The most seconds that a search may take."""
    changes: OneOrMore[Literal["add", "delete", "replace", "increment"]] | None = None
    """What a modify may do to attributes; everything when omitted."""
    aliases: bool | None = None
    """Whether a search may follow aliases; otherwise it goes upstream with neverDerefAliases."""


class AllowListOptions(Options):
    """Rules in order; the first whose every criterion holds decides."""

    default: Literal["allow", "deny"] = "deny"
    """What is decided where no rule matches."""
    code: Code | None = None
    """The result code of that denial; insufficientAccessRights(50) when omitted."""
    text: Text | None = None
    """Its diagnostic message."""
    rules: tuple[AllowListRule, ...] = ()
    """The rules, in their order."""


class AllowList(Plugin):
    """Who may ask for what: the first rule whose every criterion holds decides."""

    Options = AllowListOptions
    options: AllowListOptions

    def rules(self) -> Sequence[Rules]:
        """Its own keys are the rules."""
        data = self.options.model_dump(mode="json", by_alias=True, exclude_none=True)
        return [Rules("allow_list", data, key_path="")]

    def meaning(self) -> Sequence[str]:
        """How many rules there are, and what holds without them."""
        options = self.options
        allowing = sum(rule.effect == "allow" for rule in options.rules)
        rest = "refuses" if options.default == "deny" else "lets pass"
        return [
            f"asks {len(options.rules)} rules in order: {allowing} allow, {len(options.rules) - allowing} deny",
            f"{rest} what none of them matches",
        ]
