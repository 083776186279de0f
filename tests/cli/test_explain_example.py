"""`ostiary explain` on the example configuration: the rule and the criterion by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ostiary.tls import throwaway_authority

from ..policy.example import SOURCES, adapted
from .test_commands import Run, run

__all__ = ["run"]

WHO = ["--from", "10.20.3.4", "--identity", "CN=Wiki, OU=Services, DC=corp, DC=example"]
LOGIN = {
    "--operation": "search",
    "--base": "ou=people,dc=corp,dc=example",
    "--scope": "sub",
    "--filter": "(&(uid=alice)(objectClass=person))",
    "--attributes": "uid,cn,mail",
}


@pytest.fixture(params=SOURCES)
def config(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    throwaway_authority(tmp_path)
    (tmp_path / "corp-ca.pem").write_bytes((tmp_path / "ca.pem").read_bytes())
    path = tmp_path / "ostiary.toml"
    path.write_text(adapted(str(request.param), {"tls.crt": "server.crt", "tls.key": "server.key"}))
    return path


def asked(**changed: str) -> list[str]:
    keys = LOGIN | {f"--{key}": value for key, value in changed.items()}
    return [word for pair in keys.items() for word in pair]


def test_example_is_checked_without_a_fault(run: Run, config: Path) -> None:
    status, out, err = run("check", config)
    assert (status, err) == (0, ""), out


@pytest.mark.parametrize("operation", [["--operation", "bind"], asked()], ids=["bind", "search"])
def test_what_the_wiki_needs_is_allowed_by_its_rule(run: Run, config: Path, operation: list[str]) -> None:
    status, out, _ = run("explain", "--config", config, *WHO, *operation)
    assert status == 0
    assert "wiki-login" in out.splitlines()[0]


@pytest.mark.parametrize(
    ("changed", "criterion"),
    [
        ({"from": "10.21.0.1"}, "from"),
        ({"identity": "cn=other,ou=services,dc=corp,dc=example"}, "identity"),
        ({"identity": "uid=wiki,ou=services,dc=corp,dc=example"}, "identity"),
        ({"operation": "compare"}, "operations"),
        ({"base": "dc=corp,dc=example"}, "base"),
        ({"base": "ou=xpeople,dc=corp,dc=example"}, "base"),
        ({"scope": "base"}, "scope"),
        ({"filter": "(uid=alice)"}, "filter"),
        ({"filter": "(&(objectClass=person)(uid=a*))"}, "filter"),
        ({"attributes": "uid,userPassword"}, "attributes"),
        ({"attributes": "*"}, "attributes"),
        ({"control": "sort"}, "controls"),
    ],
)
def test_what_it_does_not_need_is_refused_and_the_criterion_named(
    run: Run, config: Path, changed: dict[str, str], criterion: str
) -> None:
    arguments = [*WHO, *asked(**changed)]
    status, out, _ = run("explain", "--config", config, *arguments, "--json")
    told = json.loads(out)
    assert (status, told["verdict"], told["plugin"], told["rule"]) == (3, "refused", "allow_list", "default")
    (row,) = (row for row in told["trace"] if row["rule"] == "wiki-login")
    assert criterion in {failed["criterion"] for failed in row["failed"]}
    status, out, _ = run("explain", "--config", config, *arguments)
    assert status == 3
    assert f" {criterion} " in out
