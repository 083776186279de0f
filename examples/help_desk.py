"""The help desk may reset passwords of people, but of no service account.

    [[plugins]]
    use = "help_desk:HelpDesk"
    help_desk = ["ou=help desk,dc=example,dc=org"]
    people = ["ou=people,dc=example,dc=org"]
    service_accounts = ["ou=services,ou=people,dc=example,dc=org"]

A password is changed by a modify of `userPassword` or `unicodePwd`, or by the password modify operation (RFC 3062).
Everybody may change their own. What else may be changed, and which entries may be moved to where, is for the rules of
an `allow_list` to say; it should stand before this plugin.
"""

from __future__ import annotations

from pydantic import Field

from ostiary.plugins import (
    PASS,
    AttributeDescription,
    AttributeText,
    Client,
    Dn,
    DnText,
    Options,
    Plugin,
    Request,
    Verdict,
    refuse,
)


class HelpDeskOptions(Options):
    """Who is the help desk, and whose passwords it may reset."""

    help_desk: tuple[DnText, ...] = Field(min_length=1)
    """Accounts that are one of these DNs, or below one."""
    people: tuple[DnText, ...] = Field(min_length=1)
    """Entries below these DNs are people."""
    service_accounts: tuple[DnText, ...] = ()
    """Entries below these DNs are service accounts, even where they are below those of people."""
    password_attributes: tuple[AttributeText, ...] = ("userPassword", "unicodePwd")
    """Attributes that hold passwords."""


class HelpDesk(Plugin):
    """Refuses a change of somebody else's password, unless the help desk asks for it, and may."""

    Options = HelpDeskOptions
    options: HelpDeskOptions

    def __init__(self, options: HelpDeskOptions) -> None:
        super().__init__(options)
        self._help_desk = [Dn(each) for each in options.help_desk]
        self._people = [Dn(each) for each in options.people]
        self._service_accounts = [Dn(each) for each in options.service_accounts]
        self._passwords = [AttributeDescription(each) for each in options.password_attributes]

    def on_modify(self, client: Client, request: Request) -> Verdict:
        # An attribute covers its spellings by OID and those with options: `userPassword;x-old` is a password too.
        if not any(password.covers(each) for password in self._passwords for each in request.attributes):
            return PASS
        return self._verdict(client, request.target)

    def on_extended(self, client: Client, request: Request) -> Verdict:
        modify = request.password_modify
        if modify is None or modify.identity is None:
            return PASS  # another operation, or the client's own password
        # A name that is no DN is no target, and is refused: it might be anybody's.
        return self._verdict(client, request.target)

    def _verdict(self, client: Client, target: Dn | None) -> Verdict:
        asker = client.identity
        if target is None or not isinstance(asker, Dn):
            return refuse(text="whose password this is cannot be told")
        if asker == target:
            return PASS
        if not is_within(asker, self._help_desk):
            return refuse(text="only the help desk may change others' passwords")
        if not is_within(target, self._people) or is_within(target, self._service_accounts):
            return refuse(text="the help desk may only reset passwords of people")
        return PASS


def is_within(dn: Dn, bases: list[Dn]) -> bool:
    """Whether a DN is one of these, or below one."""
    return any(dn.is_within(each) for each in bases)
