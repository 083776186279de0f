"""A gateway that records what passes, before the demo's directory: the queries of docs/audit.md find who did what."""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from ostiary._core import audit_fields
from ostiary.demo.directory import Directory
from ostiary.demo.ldif import read_ldif
from ostiary.demo.tree import Tree
from ostiary.tls import ThrowawayFiles

from ..demo.library import code, ldap3
from ..demo.serving import serving
from ..real import gateway as gateways
from ..real.raw_client import Address
from .questions import answers
from .seen import ALICE, DESK, GROUP, HAL, PEOPLE

PASSWORD = "sesame"
WRONG = "not the password"
ENTRIES = f"""
dn: {DESK}
objectClass: organizationalUnit
ou: helpdesk

dn: {HAL}
objectClass: inetOrgPerson
uid: hal
cn: Hal Helper
sn: Helper
userPassword: {PASSWORD}

dn: {GROUP}
objectClass: groupOfNames
cn: payroll
member: {ALICE}
"""
RULES = """
[[plugins]]
use = "allow_list"
default = "allow"
[[plugins.rules]]
name = "no-deletes"
effect = "deny"
operations = ["delete"]
[[plugins.rules]]
name = "desk"
identity = "uid=hal,ou=helpdesk,ou=people,dc=example,dc=org"
operations = ["bind", "search", "modify"]
"""


@pytest.fixture
def directory(files: ThrowawayFiles) -> Iterator[Directory]:
    """The demo's directory, in which the help desk may write."""
    example = resources.files("ostiary.demo").joinpath("example.ldif").read_text(encoding="utf-8")
    with serving(Tree(read_ldif(example + ENTRIES), by=HAL), files, HAL) as made:
        yield made


def connect(address: Address, user: str | None = None, password: str | None = None, source: str = "127.0.0.1") -> Any:
    """A connection by the gateway from one of this machine's addresses, open and not bound."""
    server = ldap3.Server(address.host, port=address.port, get_info=ldap3.NONE, connect_timeout=5)
    connection = ldap3.Connection(
        server, user=user, password=password, receive_timeout=5, check_names=False, source_address=source
    )
    connection.open(read_server_info=False)
    return connection


def work(address: Address) -> None:
    """What people do: the help desk, somebody who guesses, and an application that reads from above."""
    desk = connect(address, HAL, PASSWORD)
    assert desk.bind()
    assert desk.search(GROUP, "(objectClass=*)", "BASE", attributes=["member"])
    assert desk.modify(ALICE, {"mail": [(ldap3.MODIFY_REPLACE, ["alice@example.net"])]})
    assert not desk.delete(f"uid=bob,{PEOPLE}")
    desk.unbind()
    for name in (ALICE, HAL):
        guess = connect(address, name, WRONG, "127.0.0.2")
        assert not guess.bind()
        assert code(guess) == 49
        guess.unbind()
    application = connect(address)
    assert application.search("ou=groups,dc=example,dc=org", f"(member={ALICE})", "LEVEL", attributes=["cn"])
    application.unbind()


@pytest.fixture
def records(directory: Directory, tmp_path: Path) -> list[str]:
    """What the gateway recorded of that."""
    return recorded(directory, tmp_path, "json")


def recorded(directory: Directory, home: Path, form: str) -> list[str]:
    """A gateway's records of what people do, in a format."""
    path = home / "audit.log"
    gateway = gateways.run(
        home / "gateway",
        [gateways.listener("open", require_tls="off")],
        [gateways.upstream(Address("127.0.0.1", directory.port))],
        plugins=f'{RULES}\n[audit]\noutput = "{path}"\nformat = "{form}"\n',
    )
    gateway.secrets += [PASSWORD, WRONG]
    work(gateway.address)
    gateway.stop()
    return path.read_text().splitlines()


def test_queries_find_who_did_what(records: list[str], tmp_path: Path) -> None:
    today = datetime.datetime.now(datetime.UTC).date()
    days = {
        "2026-03-02": str(today - datetime.timedelta(days=1)),
        "2026-03-09": str(today + datetime.timedelta(days=2)),
    }
    read = answers("Who read the payroll group last week?", 0, records, tmp_path, days)
    assert sorted(read) == [
        ["1", "may have read", "anonymous", "127.0.0.1", "(member=?)"],
        ["1", "read", HAL, "127.0.0.1", "(objectClass=*)"],
    ]
    ((failed, source, names, _),) = answers("Which logins failed, by source?", 0, records, tmp_path)
    assert (failed, source, names) == ("2", "127.0.0.2", "2")
    changed = answers("What did the help desk change?", 0, records, tmp_path)
    assert [row[1:] for row in changed] == [
        [HAL, "127.0.0.1", "modify", ALICE, "success", "replace:mail"],
        [HAL, "127.0.0.1", "delete", f"uid=bob,{PEOPLE}", "insufficientAccessRights", ""],
    ]
    assert DESK in HAL
    refused = answers("What was refused by policy, and by which rule?", 0, records, tmp_path)
    assert refused == [
        ["1", "allow_list", "no-deletes", "delete", HAL, "127.0.0.1", "insufficientAccessRights"]
    ]  # fmt: skip
    plain = answers("Who still sends passwords in the clear?", 0, records, tmp_path)
    assert sorted(plain) == [
        ["1", ALICE, "127.0.0.2", "open"],
        ["1", HAL, "127.0.0.1", "open"],
        ["1", HAL, "127.0.0.2", "open"],
    ]


def test_queries_find_which_rule_let_pass_and_explain_says_the_same(records: list[str], tmp_path: Path) -> None:
    passed = answers("What does each rule let pass, and for whom?", 0, records, tmp_path)
    assert sorted(passed) == [
        # Who failed to bind was let ask, by the same rule.
        ["1", "allow_list", "default", "enforce", "bind", "anonymous"],
        ["1", "allow_list", "default", "enforce", "search", "anonymous"],
        ["1", "allow_list", "desk", "enforce", "bind", "anonymous"],
        ["1", "allow_list", "desk", "enforce", "bind", HAL],
        ["1", "allow_list", "desk", "enforce", "modify", HAL],
        ["1", "allow_list", "desk", "enforce", "search", HAL],
    ]
    config = tmp_path / "gateway" / "ostiary.toml"
    asked = ["--from", "127.0.0.1", "--identity", HAL, "--operation", "modify", "--base", ALICE, "--attributes", "mail"]
    command = [sys.executable, "-m", "ostiary", "explain", "--config", str(config), *asked, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    explained = json.loads(done.stdout)
    assert [explained[key] for key in ("verdict", "plugin", "rule")] == ["allowed", "allow_list", "desk"]


@pytest.mark.parametrize(
    ("form", "modify", "told"),
    [
        (
            "ecs", '"event.action":"modify"',
            '"rule.ruleset":"allow_list","rule.name":"desk","ldap.verdict":"allowed","ldap.mode":"enforce"',
        ),
        ("cef", " act=modify ", " ldapPlugin=allow_list ldapRule=desk ldapVerdict=allowed ldapMode=enforce"),
    ],
)  # fmt: skip
def test_other_formats_tell_which_rule_let_pass(
    directory: Directory, tmp_path: Path, form: str, modify: str, told: str
) -> None:
    (line,) = [each for each in recorded(directory, tmp_path, form) if modify in each]
    assert told in line


WHEN: dict[str, Callable[[dict[str, Any]], bool]] = {
    "always": lambda _: True,
    "operations": lambda record: record["event"] == "operation",
    "searches": lambda record: record.get("operation") == "search",
    "binds": lambda record: record.get("operation") == "bind",
    "modifies": lambda record: record.get("operation") == "modify",
    "searches, compares": lambda record: record.get("operation") in ("search", "compare"),
    "operations, connections closed": lambda record: record["event"] in ("operation", "connection_closed"),
    "operations that were answered": lambda record: record.get("operation", "unbind") != "unbind",
    "operations that a plugin decided": lambda record: record.get("operation", "unbind") != "unbind",
    "connections refused or closed": lambda record: record["event"] == "connection_closed",
}
"""Which records have a field, where a word of the reference can be asked here."""
KINDS: dict[str, Callable[[Any], bool]] = {
    "time": lambda value: datetime.datetime.fromisoformat(value).utcoffset() == datetime.timedelta(0),
    "text": lambda value: isinstance(value, str) and value != "",
    "texts": lambda value: isinstance(value, list) and value != [] and all(isinstance(each, str) for each in value),
    "integer": lambda value: type(value) is int,
    "number": lambda value: isinstance(value, int | float),
    "true": lambda value: value is True,
}


def test_records_have_the_fields_that_the_reference_says(records: list[str]) -> None:
    told = [json.loads(each) for each in records]
    fields = {name: (kind, when) for name, _, _, kind, when, _ in audit_fields() if name}
    for record in told:
        assert set(record) <= set(fields)
        assert [name for name, value in record.items() if not KINDS[fields[name][0]](value)] == []
    asked = {name: WHEN[when] for name, (_, when) in fields.items() if when in WHEN}
    assert len(asked) > 15
    for name, has in asked.items():
        assert [has(record) for record in told] == [name in record for record in told], name


def test_every_connection_is_opened_and_closed(records: list[str]) -> None:
    told = [json.loads(each) for each in records]
    connections = {each["connection"] for each in told}
    assert len(connections) >= 4
    for connection in connections:
        events = [each["event"] for each in told if each["connection"] == connection]
        assert (events[0], events[-1]) == ("connection_opened", "connection_closed")
        assert set(events[1:-1]) <= {"operation"}


def test_no_password_is_recorded(records: list[str]) -> None:
    text = "\n".join(records)
    assert PASSWORD not in text
    assert WRONG not in text
