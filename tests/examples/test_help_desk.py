"""The example of the help desk, and ways around it that are none."""

from __future__ import annotations

import pytest

from examples.help_desk import HelpDesk
from ostiary.plugins import PASS, Request
from ostiary.testing import Stage, extended, modify, password_modify, search

SUFFIX = "dc=example,dc=org"
PEOPLE = f"ou=people,{SUFFIX}"
DESK = f"uid=desk,ou=help desk,{SUFFIX}"
ALICE, BOB = f"uid=alice,{PEOPLE}", f"uid=bob,{PEOPLE}"
ROBOT = f"cn=robot,ou=services,{PEOPLE}"
OPTIONS = {
    "help_desk": [f"ou=Help  Desk,{SUFFIX}"],
    "people": [PEOPLE],
    "service_accounts": [f"ou=services,{PEOPLE}"],
}


@pytest.fixture
def stage() -> Stage:
    return Stage(HelpDesk, options=OPTIONS)


def resets(entry: str) -> list[Request]:
    """Every way to give an entry another password."""
    return [
        modify(entry, [("replace", "userPassword", "x")]),
        modify(entry, [("replace", "mail", "a@example.org"), ("add", "USERPASSWORD", "x")]),
        modify(entry, [("delete", "unicodePwd", []), ("add", "unicodePwd", "x")]),
        modify(entry, [("replace", "userPassword;x-old", "x")]),
        modify(entry, [("replace", "2.5.4.35", "x")]),
        modify(entry, [("replace", "1.2.840.113556.1.4.90", "x")]),
        password_modify(entry, "x"),
        password_modify(entry),
    ]


@pytest.mark.parametrize("place", range(8))
def test_help_desk_resets_passwords_of_people(stage: Stage, place: int) -> None:
    assert stage.ask(resets(ALICE)[place], stage.client(identity=DESK)) is PASS
    assert stage.ask(resets(ALICE.upper())[place], stage.client(identity=DESK)) is PASS


@pytest.mark.parametrize("place", range(8))
@pytest.mark.parametrize(
    "entry",
    [
        ROBOT,
        ROBOT.upper(),
        f"cn=robot , ou=services,{PEOPLE}",
        f"cn=robot,2.5.4.11=services,{PEOPLE}",
        f"cn=robot,ou=#04087365727669636573,{PEOPLE}",
        f"cn=robot,ou=\\73ervices,{PEOPLE}",
        f"cn=root,{SUFFIX}",
        f"cn=x\\,ou=people\\,dc=example\\,dc=org,{SUFFIX}",
        SUFFIX,
    ],
)
def test_help_desk_resets_no_other_password(stage: Stage, place: int, entry: str) -> None:
    verdict = stage.ask(resets(entry)[place], stage.client(identity=DESK))
    assert (verdict.kind, verdict.code) == ("refuse", 50)


@pytest.mark.parametrize("identity", [BOB, f"uid=desk\\,ou=help desk,{PEOPLE}", "desk@example.org", "", "sasl:GSSAPI"])
@pytest.mark.parametrize("place", range(8))
def test_nobody_else_resets_passwords(stage: Stage, place: int, identity: str) -> None:
    assert stage.ask(resets(ALICE)[place], stage.client(identity=identity)).code == 50


@pytest.mark.parametrize("place", range(8))
def test_everybody_changes_their_own(stage: Stage, place: int) -> None:
    assert stage.ask(resets("UID=Alice, " + PEOPLE)[place], stage.client(identity=ALICE)) is PASS
    assert stage.ask(password_modify(None, "x", "y"), stage.client(identity=ALICE)) is PASS


@pytest.mark.parametrize("name", ["alice", "u:alice", f"dn:{ALICE}", "alice@example.org", "", "<GUID=00>"])
def test_target_that_is_no_dn_is_refused(stage: Stage, name: str) -> None:
    assert stage.ask(password_modify(name, "x"), stage.client(identity=DESK)).code == 50


def test_operation_is_known_by_its_arcs(stage: Stage) -> None:
    value = password_modify(ROBOT, "x").message.operation.request_value  # type: ignore[union-attr]
    assert stage.ask(extended("1.3.6.1.4.1.4203.1.11.01", value), stage.client(identity=DESK)).code == 50


def test_value_that_cannot_be_read_is_refused(stage: Stage) -> None:
    verdict = stage.ask(extended("1.3.6.1.4.1.4203.1.11.1", b"\x30\x80\x00\x00"), stage.client(identity=DESK))
    assert verdict.code == 80


def test_other_requests_are_left_to_others(stage: Stage) -> None:
    for request in (modify(ROBOT, [("replace", "description", "x")]), search(), extended("1.3.6.1.4.1.4203.1.11.3")):
        assert stage.ask(request, stage.client(identity=BOB)) is PASS
