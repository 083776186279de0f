"""`ostiary explain`: which rule decides, why, and the status it ends with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .test_commands import Run, run

__all__ = ["run"]

CONFIG = """
[[listeners]]
name = "plain"
address = "127.0.0.1:0"
tls = { mode = "none" }
upstream = "directory"
[[listeners]]
name = "inner"
address = "127.0.0.1:0"
tls = { mode = "none" }
upstream = "directory"
[[upstreams]]
name = "directory"
servers = ["ldap://localhost"]
"""
RULES = """
[[plugins]]
use = "allow_list"
[[plugins.rules]]
name = "wiki-login"
from = ["10.20.0.0/16"]
listener = "plain"
identity = "cn=wiki,ou=services,dc=corp,dc=example"
operations = ["bind", "search"]
base = "ou=people,dc=corp,dc=example"
scope = ["one", "sub"]
filter = "(&(objectClass=person)(uid=?))"
attributes = ["uid", "cn", "mail"]
[[plugins.rules]]
name = "help-desk"
identity = "cn=desk,ou=services,dc=corp,dc=example"
operations = ["modify", "add", "delete", "compare", "modify_dn", "extended"]
base = "ou=people,dc=corp,dc=example"
attributes = ["uid", "cn", "mail"]
changes = ["replace"]
extended = "password_modify"
controls = "permissive_modify"
[[plugins.rules]]
name = "no-tls"
effect = "deny"
tls = true
code = "confidentialityRequired"
text = "strange"
"""
WIKI = ["--from", "10.20.1.7", "--identity", "CN=Wiki, OU=services,dc=corp,dc=example"]
DESK = ["--identity", "cn=desk,ou=services,dc=corp,dc=example"]
PEOPLE = ["--base", "ou=people,dc=corp,dc=example"]
LOGIN = ["--operation", "search", *PEOPLE, "--filter", "(&(uid=alice)(objectClass=person))", "--attributes", "uid,cn"]
ENTRY = ["--base", "uid=alice,ou=people,dc=corp,dc=example"]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "ostiary.toml"
    path.write_text(CONFIG + RULES)
    return path


def test_allowed_request_names_its_rule(run: Run, config: Path) -> None:
    status, out, err = run("explain", "--config", config, *WIKI, *LOGIN)
    assert (status, err) == (0, "")
    assert out.startswith("allowed by rule wiki-login of plugin allow_list\n")
    assert "the search goes on with aliases not followed" in out


def test_refused_request_names_every_criterion(run: Run, config: Path) -> None:
    status, out, err = run(
        "explain", "-c", config, "--from", "10.21.0.1", *WIKI[2:], *LOGIN[:4], "--filter", "(uid=*)", "--scope", "base"
    )
    assert (status, err) == (3, "")
    assert out.startswith(
        'refused by rule default of plugin allow_list: insufficientAccessRights(50), "not allowed here"\n'
    )
    for criterion in ("from", "scope", "filter", "attributes"):
        assert f" {criterion} " in out


def test_machines_get_everything(run: Run, config: Path) -> None:
    status, out, _ = run("explain", "-c", config, *WIKI, *LOGIN, "--listener", "inner", "--json")
    told = json.loads(out)
    assert (status, told["verdict"], told["plugin"], told["rule"], told["code"]) == (
        3,
        "refused",
        "allow_list",
        "default",
        50,
    )
    assert next((row["rule"], row["criterion"]) for row in told["trace"]) == ("wiki-login", "listener")


def test_bind_is_judged_by_the_identity_asked_for(run: Run, config: Path) -> None:
    assert run("explain", "-c", config, *WIKI, "--operation", "bind")[0] == 0
    assert run("explain", "-c", config, *WIKI, "--operation", "bind", "--mechanism", "GSSAPI")[0] == 3
    assert run("explain", "-c", config, *WIKI[:2], "--operation", "bind")[0] == 3


def test_tls_is_as_the_listener_has_it_unless_it_is_said(run: Run, config: Path) -> None:
    told = json.loads(run("explain", "-c", config, *WIKI[:2], *LOGIN, "--tls", "--json")[1])
    assert (told["rule"], told["code"], told["text"]) == ("no-tls", 13, "strange")
    assert json.loads(run("explain", "-c", config, *WIKI[:2], *LOGIN, "--json")[1])["rule"] == "default"


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (["--operation", "modify", *ENTRY, "--attributes", "mail"], 0),
        (["--operation", "modify", *ENTRY, "--attributes", "mail", "--changes", "delete"], 3),
        (["--operation", "modify", *ENTRY, "--attributes", "mail", "--control", "permissive_modify"], 0),
        (["--operation", "modify", *ENTRY, "--attributes", "mail", "--control", "1.2.3"], 3),
        (["--operation", "add", *ENTRY, "--attributes", "cn,mail"], 0),
        (["--operation", "add", *ENTRY, "--attributes", "cn,sn"], 3),
        (["--operation", "compare", *ENTRY, "--attributes", "mail"], 0),
        (["--operation", "delete", *ENTRY], 0),
        (["--operation", "delete", "--base", "dc=corp,dc=example"], 3),
        (["--operation", "modify_dn", *ENTRY, "--new-rdn", "cn=b"], 0),
        (["--operation", "modify_dn", *ENTRY, "--new-rdn", "cn=b", "--new-superior", "dc=corp,dc=example"], 3),
        (["--operation", "extended", "--extended", "password_modify", *ENTRY], 0),
        (["--operation", "extended", "--extended", "turn", *ENTRY], 3),
        (["--operation", "extended", "--extended", "1.2.3.4"], 3),
    ],
)
def test_every_operation_can_be_asked_about(run: Run, config: Path, request_: list[str], status: int) -> None:
    assert run("explain", "-c", config, *DESK, *request_)[0] == status


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--operation", "serch"], "did you mean search?"),
        (["--operation", "search", "--scope", "subtree"], "no scope: subtree"),
        (["--operation", "search", "--filter", "(x"], "Invalid value"),
        (["--operation", "search", "--from", "10.0.0.256"], "Invalid value"),
        (["--operation", "search", "--listener", "plian"], "did you mean plain?"),
        (["--operation", "search", "--control", "sotr"], "did you mean sort?"),
        (["--operation", "extended"], "neither a known name nor an OID"),
        (["--operation", "search", "--certificate", "/nowhere"], "not readable"),
    ],
)
def test_what_is_no_request_is_wrong_usage(run: Run, config: Path, arguments: list[str], told: str) -> None:
    status, out, err = run("explain", "-c", config, *arguments)
    assert (status, out) == (2, "")
    assert told in err


def test_without_plugins_everything_is_allowed(run: Run, config: Path) -> None:
    config.write_text(CONFIG)
    status, out, _ = run("explain", "-c", config, *LOGIN)
    assert status == 0
    assert out.startswith("allowed\n")
