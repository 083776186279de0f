"""What the directory behind the policy tests holds: few entries, and among them what nobody may see.

It knows no server and no rule.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..real.servers.entries import APP, APP_PASSWORD, PEOPLE, SERVICES, SUFFIX, WRITER

__all__ = [
    "ALICE",
    "ALICE_PASSWORD",
    "APP",
    "BOB",
    "COLLEAGUES",
    "DESK",
    "GROUPS",
    "KEYS",
    "LOOKALIKE",
    "MALLORY",
    "PASSWORD",
    "PEOPLE",
    "PROBE",
    "SECRET",
    "SERVICES",
    "STAFF",
    "SUFFIX",
    "TRIVIA",
    "VAULT",
    "WIKI",
    "entries",
    "ldif",
]

GROUPS = f"ou=groups,{SUFFIX}"
# Looks like the people to whoever compares ends of text.
LOOKALIKE = f"ou=xpeople,{SUFFIX}"
VAULT = f"ou=vault,{PEOPLE}"
# Named by two attributes, with spaces that may be folded.
KEYS = f"cn=Master Keys+ou=Cellar,{PEOPLE}"
PROBE = f"cn=probe,{SUFFIX}"

ALICE = f"uid=alice,{PEOPLE}"
BOB = f"uid=bob,{PEOPLE}"
MALLORY = f"uid=mallory,{PEOPLE}"
DESK = WRITER
WIKI = f"cn=wiki,{SERVICES}"
STAFF = f"cn=staff,{GROUPS}"
TRIVIA = f"cn=trivia,{GROUPS}"

PASSWORD = APP_PASSWORD
ALICE_PASSWORD = "wonder-land-3Vb"
SECRET = "secret-4711-Kq"
COLLEAGUES = 40


def _unit(dn: str) -> str:
    return f"dn: {dn}\nobjectClass: organizationalUnit\nou: {_value(dn)}\n"


def _value(dn: str) -> str:
    return dn.split(",", 1)[0].split("=", 1)[1]


def _account(dn: str, common_name: str, password: str) -> str:
    uid = _value(dn)
    return (
        f"dn: {dn}\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: {common_name}\nsn: {common_name.split()[-1]}\n"
        f"mail: {uid}@example.test\nuserPassword: {password}\nemployeeNumber: {SECRET}\n"
    )


def _service(dn: str, password: str) -> str:
    return (
        f"dn: {dn}\nobjectClass: applicationProcess\nobjectClass: simpleSecurityObject\ncn: {_value(dn)}\n"
        f"userPassword: {password}\n"
    )


def _group(dn: str, *members: str) -> str:
    listed = "".join(f"member: {member}\n" for member in members)
    return f"dn: {dn}\nobjectClass: groupOfNames\ncn: {_value(dn)}\n{listed}"


def entries(access: str = "") -> Iterator[str]:
    """LDIF, entry by entry; the suffix's gets these lines on top."""
    yield f"dn: {SUFFIX}\nobjectClass: dcObject\nobjectClass: organization\ndc: example\no: Example\n{access}"
    yield from map(_unit, (PEOPLE, SERVICES, GROUPS, LOOKALIKE, VAULT))
    yield _account(APP, "app", PASSWORD)
    yield _service(WIKI, PASSWORD)
    yield _account(DESK, "desk", PASSWORD)
    yield _account(ALICE, "Alice Archer", ALICE_PASSWORD)
    yield _account(BOB, "Bob Baker", ALICE_PASSWORD)
    yield _account(MALLORY, "Mallory Moss", ALICE_PASSWORD)
    yield _account(f"uid=hidden,{VAULT}", "Hidden Heir", ALICE_PASSWORD)
    yield _account(f"uid=stranger,{LOOKALIKE}", "Stray Stranger", ALICE_PASSWORD)
    yield f"dn: {KEYS}\nobjectClass: organizationalRole\ncn: Master Keys\nou: Cellar\ndescription: {SECRET}\n"
    yield f"dn: {PROBE}\nobjectClass: organizationalRole\ncn: probe\n"
    yield _group(STAFF, ALICE, BOB)
    yield _group(TRIVIA, BOB)
    for number in range(COLLEAGUES):
        yield _account(f"uid=colleague{number:02},{PEOPLE}", f"Colleague {number:02}", ALICE_PASSWORD)


def ldif(access: str = "") -> str:
    return "\n".join(entries(access))
