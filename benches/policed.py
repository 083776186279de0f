"""The policy that Ostiary is measured with: fifty rules of which the last but one allows the load, a rate limit that is
never reached, and attributes that are cut out; and a hook of a plugin that lets everything pass.

It does not know gateways or cases. What it configures is what somebody would have in front of a directory.
"""

from __future__ import annotations

from ostiary.plugins import PASS, Client, Plugin, Request, Verdict

RULES = 50

BASE = "ou=people,dc=bench,dc=example"


class LetPass(Plugin):
    """A hook that every request goes through."""

    def on_request(self, _client: Client, _request: Request) -> Verdict:
        """Lets it pass."""
        return PASS


def policy() -> str:
    """The plugins of a configuration, with rules alone."""
    others = "".join(
        f"""
[[plugins.rules]]
name = "application-{number}"
from = ["127.0.0.0/8"]
identity = "cn=application-{number},ou=services,dc=bench,dc=example"
operations = ["bind", "search"]
base = "ou=department-{number},dc=bench,dc=example"
filter = "(&(objectClass=person)(uid=?))"
attributes = ["uid", "cn", "mail"]
"""
        for number in range(RULES - 2)
    )
    return f"""
[[plugins]]
use = "allow_list"
{others}
[[plugins.rules]]
name = "load"
from = ["127.0.0.0/8"]
operations = ["bind", "search"]
identity = "any"
base = "{BASE}"
scope = ["sub"]
filter = ["(&(objectClass=person)(uid=?))", "(entries=?)"]
attributes = ["uid", "cn", "mail"]

[[plugins.rules]]
name = "nobody-else"
effect = "deny"

[[plugins]]
use = "rate_limit"
[[plugins.limits]]
name = "requests-per-client"
key = ["client"]
rate = "1000000/s"

[[plugins]]
use = "redact"
[[plugins.rules]]
name = "passwords"
attributes = ["userPassword", "unicodePwd"]
"""


def hook() -> str:
    """One plugin more, which is asked live."""
    return """
[[plugins]]
use = "benches.policed:LetPass"
"""
