"""What docs/policy.md and docs/cookbook.md say is so: blocks are sound, recipes decide as told, tables are true."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ostiary.config import Config
from ostiary.config.plugin_checks import plugin_warnings
from ostiary.plugins import building
from ostiary.plugins.allow_list import AllowListRule
from ostiary.plugins.chain import chain, explained
from ostiary.plugins.request import Request

from ..config.files import AROUND
from .tree import ROOT

DOCUMENT = "\n".join((ROOT / each).read_text() for each in ("docs/policy.md", "docs/cookbook.md"))
BLOCKS: list[str] = re.findall(r"^```toml\n(.*?)^```", DOCUMENT, re.DOTALL | re.MULTILINE)
PEOPLE = "ou=people,dc=corp,dc=example"
STAFF = "ou=staff,dc=corp,dc=example"
GROUPS = "ou=groups,dc=corp,dc=example"
WIKI = "cn=wiki,ou=services,dc=corp,dc=example"
ALICE = f"uid=alice,{PEOPLE}"
HELPER = f"uid=hal,ou=helpdesk,{PEOPLE}"
BOARD = f"uid=eve,ou=board,{PEOPLE}"
INTRANET = "cn=intranet,ou=services,dc=corp,dc=example"
ADMINISTRATOR = "cn=root,ou=administrators,dc=corp,dc=example"
MEMBER = "(&(objectClass=groupOfNames)(member=uid=alice))"


search = building.search


@cache
def policy(text: str) -> str:
    """What the plugins of a fragment come to; no warning is told of them."""
    config = Config.from_toml(AROUND + text, Path("/"))
    assert list(plugin_warnings(config)) == []
    return str(chain(enumerate(config.plugins)).policy)


def asked(text: str, who: str, request: Request, address: str = "10.20.3.4", tls: bool = False) -> dict[str, Any]:
    return explained(policy(text), "ldap", address, tls, None, who, request.raw)


def block(rule: str) -> str:
    """The first block with a rule of this name."""
    return next(each for each in BLOCKS if f'"{rule}"' in each and "monitor" not in each.split("[[plugins.rules]]")[0])


DENIALS = """
[[plugins]]
use = "allow_list"
[[plugins.rules]]
name = "no-passwords"
effect = "deny"
attributes = "userPassword"
[[plugins.rules]]
name = "no-board"
effect = "deny"
base = "ou=board,ou=people,dc=corp,dc=example"
[[plugins.rules]]
name = "rest"
operations = ["search", "modify_dn", "extended"]
"""


@pytest.mark.parametrize(
    ("request_", "rule"),
    [
        (search(ALICE, "base"), "no-passwords"),
        (search(ALICE, "base", attributes=["+"]), "no-passwords"),
        (search(ALICE, "base", attributes=["1.1"]), "rest"),
        (search("dc=corp,dc=example", "sub", attributes=["cn"]), "no-board"),
        (search(PEOPLE, "one", attributes=["cn"]), "no-board"),
        (search("dc=corp,dc=example", "one", attributes=["cn"]), "rest"),
        (building.modify_dn(PEOPLE, "ou=persons"), "rest"),
        (building.extended("1.3.6.1.4.1.4203.1.11.3"), "rest"),
        (building.password_modify(ALICE, "x"), "default"),
    ],
)
def test_denials_meet_what_is_told(request_: Request, rule: str) -> None:
    assert asked(DENIALS, "", request_)["rule"] == rule


@pytest.mark.parametrize("text", BLOCKS, ids=range(len(BLOCKS)))
def test_blocks_are_configurations(text: str) -> None:
    assert policy(text)


def test_there_are_blocks_for_every_plugin() -> None:
    for plugin in ("allow_list", "redact", "rate_limit", "bind_guard", "limits"):
        assert any(f'use = "{plugin}"' in each for each in BLOCKS), plugin


PASSED = [
    ("people-log-in", WIKI, building.bind(WIKI, "x")),
    ("people-log-in", WIKI, search(PEOPLE, "sub", "(uid=alice)", ["cn", "mail"])),
    ("people-log-in", WIKI, search(PEOPLE, "one", "(&(uid=alice)(objectclass=Person))", ["1.1"])),
    ("people-log-in", "", building.bind(ALICE, "x")),
    ("people-log-in", ALICE, search(ALICE, "base")),
    ("groups-of-somebody", WIKI, search(GROUPS, "sub", MEMBER, ["cn"])),
    ("groups-of-somebody", WIKI, search(GROUPS, "one", "(&(objectClass=posixGroup)(memberUid=alice))", ["cn"])),
    ("address-book", ALICE, search(PEOPLE, "sub", "(&(objectClass=*)(|(cn=*al*)(mail=al*)(sn=al*)))")),
    ("help-desk-finds", HELPER, search(PEOPLE, "sub", "(uid=alice)", ["cn"])),
    ("help-desk-finds", HELPER, building.modify(ALICE, [("replace", "userPassword", "x")])),
    ("help-desk-finds", HELPER, building.password_modify(ALICE, "x")),
    ("monitoring", "", search("", "base")),
    ("monitoring", "", search("", "base", attributes=["supportedExtension", "+"])),
    ("intranet", "", building.bind("CORP\\svc-intranet", "x")),
    ("intranet", "svc-intranet@corp.example", search(STAFF, "sub", "(sAMAccountName=alice)", ["mail"])),
    ("intranet", "", building.bind("alice@corp.example", "x")),
    ("personnel", ALICE, search(PEOPLE, "sub", "(uid=bob)", ["userPassword"])),
    ("personnel", ALICE, search(BOARD, "base")),
    ("personnel", "", building.bind(BOARD, "x")),
    ("intranet-reads-people", INTRANET, search(PEOPLE, "sub", "(|(cn=*al*)(mail=al*))")),
    ("read-only", WIKI, search(PEOPLE, "sub", "(cn=*)", ["*", "+"])),
    ("read-only", "", building.bind(WIKI, "x")),
]
REFUSED = [
    ("people-log-in", 50, WIKI, search(PEOPLE, "sub", "(cn=alice)", ["cn"])),
    ("people-log-in", 50, WIKI, search(PEOPLE, "sub", "(uid=a*)", ["cn"])),
    ("people-log-in", 50, WIKI, search(PEOPLE, "sub", "(uid=alice)")),
    ("people-log-in", 50, WIKI, search("dc=corp,dc=example", "sub", "(uid=alice)", ["cn"])),
    ("people-log-in", 50, WIKI, building.modify(ALICE, [("replace", "mail", "x")])),
    ("people-log-in", 50, "", building.bind("cn=other,ou=services,dc=corp,dc=example", "x")),
    ("people-log-in", 50, ALICE, search(PEOPLE, "sub", "(uid=bob)", ["cn"])),
    ("people-log-in", 50, ALICE, search(f"uid=bob,{PEOPLE}", "base", "(homePhone=5*)", ["cn"])),
    ("groups-of-somebody", 50, WIKI, search(GROUPS, "sub", "(cn=*)", ["cn"])),
    ("address-book", 50, ALICE, search(PEOPLE, "sub", "(employeeNumber=1)", ["cn"])),
    ("address-book", 53, ALICE, search(PEOPLE, "sub", "(mail=*a*)", ["cn"])),
    ("address-book", 53, ALICE, search(PEOPLE, "sub", "(objectClass=*)", ["cn"])),
    ("help-desk-finds", 50, HELPER, building.modify(f"cn=x,ou=services,{PEOPLE}", [("replace", "userPassword", "x")])),
    ("help-desk-finds", 50, HELPER, building.password_modify(f"cn=x,ou=services,{PEOPLE}", "x")),
    ("help-desk-finds", 50, HELPER, building.modify(ALICE, [("add", "userPassword", "x")])),
    ("help-desk-finds", 50, HELPER, building.modify(ALICE, [("replace", "mail", "x")])),
    ("help-desk-finds", 50, ALICE, building.password_modify(f"uid=bob,{PEOPLE}", "x")),
    ("monitoring", 50, "", search("", "sub")),
    ("monitoring", 50, "", building.bind()),
    ("intranet", 50, "", building.bind("alice", "x")),
    ("intranet", 50, "", building.bind("alice@other.example", "x")),
    ("personnel", 50, ALICE, search(PEOPLE, "sub", "(userPassword=x)")),
    ("personnel", 50, ALICE, search(PEOPLE, "sub", "(homePhone=*)")),
    ("personnel", 50, ALICE, building.compare(ALICE, "employeeNumber", "1")),
    ("personnel", 32, "", search(BOARD, "base")),
    ("services-by-certificate", 50, "", building.sasl_bind("EXTERNAL")),
    ("intranet-reads-people", 50, INTRANET, search(PEOPLE, "sub", "(|(cn=*al*)(employeeNumber=1))")),
    ("read-only", 53, WIKI, building.modify(ALICE, [("replace", "mail", "x")])),
    ("read-only", 53, WIKI, building.password_modify(ALICE, "x")),
    ("read-only", 53, WIKI, building.extended("1.3.6.1.4.1.4203.1.11.3")),
    ("read-only", 53, WIKI, building.delete(ALICE)),
    ("people-change-their-password", 50, ALICE, building.password_modify(ALICE, "x")),
    ("administrators", 50, "", building.bind(ADMINISTRATOR, "x")),
    ("administrators", 50, ADMINISTRATOR, building.delete(ALICE)),
    ("3", 53, "", search(PEOPLE, "sub", "(|(objectClass=*)(uid=a))")),
    ("3", 11, "", search(PEOPLE, "sub", "(uid=a)", ["a"] * 41)),
]


@pytest.mark.parametrize(("rule", "who", "request_"), PASSED, ids=range(len(PASSED)))
def test_recipes_pass_what_applications_ask(rule: str, who: str, request_: Request) -> None:
    told = asked(block(rule), who, request_)
    assert told["verdict"] == "allowed", told


@pytest.mark.parametrize(("rule", "code", "who", "request_"), REFUSED, ids=range(len(REFUSED)))
def test_recipes_refuse_the_rest(rule: str, code: int, who: str, request_: Request) -> None:
    text = next(each for each in BLOCKS if "substring_length = 3" in each) if rule == "3" else block(rule)
    told = asked(text, who, request_)
    assert (told["verdict"], told["code"]) == ("refused", code), told


SCANNER = "cn=scanner,ou=services,dc=corp,dc=example"
EXPORT = "cn=export,ou=services,dc=corp,dc=example"
EVERYBODY = "(objectClass=inetOrgPerson)"
SINCE = "(&(objectClass=inetOrgPerson)(modifyTimestamp>=20260101000000Z))"


@pytest.mark.parametrize(
    ("rule", "verdict", "who", "request_", "address", "tls"),
    [
        ("people-change-their-password", "allowed", ALICE, building.password_modify(ALICE, "x"), "10.20.3.4", True),
        ("people-change-their-password", "refused", ALICE, building.password_modify(WIKI, "x"), "10.20.3.4", True),
        ("scanner", "allowed", "", building.bind(SCANNER, "x"), "10.40.7.9", False),
        ("scanner", "allowed", SCANNER, search(PEOPLE, "sub", "(mail=al*)"), "10.40.7.9", False),
        ("scanner", "refused", SCANNER, search(PEOPLE, "sub", "(mail=al*)"), "10.20.3.4", False),
        ("scanner", "refused", SCANNER, search(PEOPLE, "sub", "(mail=al*)"), "10.40.7.9", True),
        ("scanner", "refused", "", building.bind(ALICE, "x"), "10.40.7.9", False),
        ("scanner", "allowed", "", building.bind(ALICE, "x"), "10.40.7.9", True),
        ("export", "allowed", EXPORT, search(PEOPLE, "sub", EVERYBODY, ["uid", "mail"]), "10.20.9.4", True),
        ("export", "allowed", EXPORT, search(PEOPLE, "sub", SINCE, ["uid"]), "10.20.9.4", True),
        ("export", "refused", EXPORT, search(PEOPLE, "sub", EVERYBODY, ["uid", "mail"]), "10.20.9.5", True),
        ("export", "refused", EXPORT, search(PEOPLE, "sub", EVERYBODY, ["userPassword"]), "10.20.9.4", True),
    ],
)
def test_recipes_ask_from_where_and_by_tls(
    rule: str, verdict: str, who: str, request_: Request, address: str, tls: bool
) -> None:
    told = asked(block(rule), who, request_, address, tls)
    assert told["verdict"] == verdict, told


def test_monitored_start_refuses_nothing_and_says_what_it_would() -> None:
    text = next(each for each in BLOCKS if 'mode = "monitor"' in each)
    told = asked(text, WIKI, search(PEOPLE, "sub", "(&(objectClass=person)(uid=alice))", ["uid", "cn"]))
    assert told["verdict"] == "allowed"
    assert [row["outcome"] for row in told["trace"]] == ["failed", "refused"]
    assert told["trace"][0]["criterion"] == "filter"
    assert told["trace"][0]["detail"] in DOCUMENT


def section(title: str) -> str:
    """A section of the document, with those below it."""
    found = re.search(rf"^(#+) {re.escape(title)}\n(.*?)(?=^#+ |\Z)", DOCUMENT, re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[2]


def test_grammar_has_every_key_of_a_rule_and_no_other() -> None:
    told = re.findall(r"^\| `(\w+)` \|", section("The grammar of a rule"), re.MULTILINE)
    assert sorted(told) == sorted(field.alias or name for name, field in AllowListRule.model_fields.items())


def test_harmless_is_what_the_core_says() -> None:
    source = (ROOT / "rust/policy/src/controls.rs").read_text()
    text = section("Harmless controls and extended operations")
    assert re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE) == re.findall(r'\bharmless\(\s*"(\w+)"', source)
    listed = set(re.findall(r'\blisted\("(\w+)"', source))
    assert listed <= set(re.findall(r"`(\w+)`", text.partition("matches only where listed")[2]))


def cells(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def test_shapes_match_what_the_table_says() -> None:
    rows = [line.split(" | ") for line in section("Shapes of filters").splitlines() if line.startswith("| `")]
    assert len(rows) == 5
    for shape, matched, not_matched in rows:
        (form,) = cells(shape)
        text = f"[[plugins]]\nuse = 'allow_list'\n[[plugins.rules]]\nname = 'shape'\nfilter = '{form}'\n"
        for filters, verdict in ((matched, "allowed"), (not_matched, "refused")):
            for each in cells(filters):
                assert asked(text, "", search(PEOPLE, "sub", each))["verdict"] == verdict, (form, each)
