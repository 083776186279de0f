"""The rules that attempts are made against, one set for each listener, and how a client comes in.

Each set is what an operator would write from docs/configuration.md; `attempts` says what each must stop.
"""

from __future__ import annotations

from ..real import wire
from ..real.raw_client import RawClient
from .content import APP, DESK, KEYS, MALLORY, PASSWORD, PEOPLE, PROBE, VAULT

LISTENERS = ("narrow", "tested", "holes", "listed", "writes", "redacted", "limited")
RULES = f"""
[[plugins]]
use = "allow_list"
[[plugins.rules]]
name = "probe"
operations = "search"
base = "{PROBE}"
scope = "base"
filter = "(cn=alive)"
attributes = "cn"

[[plugins.rules]]
name = "narrow"
listener = "narrow"
identity = "{APP}"
operations = ["bind", "search", "compare"]
base = "{PEOPLE}"
scope = ["one", "sub"]
filter = "(&(objectClass=person)(uid=?))"
attributes = ["uid", "cn", "mail"]
[[plugins.rules]]
name = "narrow-desk-login"
listener = "narrow"
identity = "{DESK}"
operations = "bind"

[[plugins.rules]]
name = "tested"
listener = "tested"
identity = "{APP}"
operations = ["bind", "search"]
base = "{PEOPLE}"
filter_attributes = ["objectClass", "uid"]
attributes = ["uid", "cn", "mail"]

[[plugins.rules]]
name = "no-vault"
effect = "deny"
listener = "holes"
base = ["{VAULT}", "{KEYS}"]
[[plugins.rules]]
name = "no-numbers"
effect = "deny"
listener = "holes"
attributes = ["employeeNumber", "userPassword", "sn", "pKCS8PrivateKey"]
[[plugins.rules]]
name = "no-tests-of-numbers"
effect = "deny"
listener = "holes"
filter_attributes = ["employeeNumber", "userPassword", "sn", "pKCS8PrivateKey"]
[[plugins.rules]]
name = "no-mallory"
effect = "deny"
listener = "holes"
identity = "{MALLORY}"
[[plugins.rules]]
name = "holes-rest"
listener = "holes"

[[plugins.rules]]
name = "listed-reads"
listener = "listed"
identity = ["{APP}", "{DESK}"]
operations = ["bind", "search"]
base = "{PEOPLE}"
filter_attributes = ["objectClass", "uid"]
attributes = ["uid", "cn", "mail"]
controls = ["sort", "vlv", "assertion", "matched_values", "pre_read", "post_read"]
[[plugins.rules]]
name = "listed-writes"
listener = "listed"
identity = "{DESK}"
operations = "modify"
base = "{PEOPLE}"
attributes = ["mail", "employeeNumber"]
controls = ["assertion", "pre_read", "post_read"]

[[plugins.rules]]
name = "writes"
listener = "writes"
identity = "{DESK}"
operations = ["bind", "add", "modify", "modify_dn", "delete", "extended"]
base = "{PEOPLE}"
attributes = ["objectClass", "uid", "cn", "sn", "mail", "userPassword"]
changes = "replace"
extended = "password_modify"

[[plugins.rules]]
name = "limited"
listener = "limited"
identity = "{APP}"
operations = ["bind", "search"]
base = "{PEOPLE}"
attributes = ["uid"]
size_limit = 7

[[plugins.rules]]
name = "redacted"
listener = "redacted"
controls = ["sort", "vlv", "assertion", "matched_values", "pre_read", "post_read", "1.3.6.1.4.1.4203.666.5.16"]
extended = "password_modify"

[[plugins]]
use = "redact"
[[plugins.rules]]
name = "numbers"
listener = "redacted"
attributes = ["employeeNumber", "userPassword", "sn"]
[[plugins.rules]]
name = "vault"
listener = "redacted"
hide = "{VAULT}"
"""


def log_in(client: RawClient, login: str) -> None:
    assert client.ask(wire.bind(1, login.encode(), PASSWORD.encode())).code == wire.SUCCESS
