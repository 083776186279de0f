"""The data every directory of the tests is filled with, as one LDIF file.

It knows no server: the schema used is what both OpenLDAP and 389 Directory Server bring.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from functools import cache

SUFFIX = "dc=example,dc=test"
PEOPLE = f"ou=people,{SUFFIX}"
SERVICES = f"ou=services,{SUFFIX}"
SCRATCH = f"ou=scratch,{SUFFIX}"
BLOB = f"cn=blob,{SUFFIX}"
BINARY = f"cn=binary,{SUFFIX}"
REFERRAL = f"ou=elsewhere,{SUFFIX}"
REFERRAL_URL = "ldap://other.example.test/ou=elsewhere,dc=example,dc=test"

# No secret of the tests may ever show in a log of the gateway; conftest greps for these.
APP_PASSWORD = "correct-horse-7Xq"
ROOT_PASSWORD = "battery-staple-9Zk"
CHANGED_PASSWORD = "changed-password-4Wd"
SECRETS = (APP_PASSWORD, ROOT_PASSWORD, CHANGED_PASSWORD)

APP = f"uid=app,{SERVICES}"
WRITER = f"uid=writer,{SERVICES}"

PEOPLE_COUNT = 10_000
BLOB_BYTES = 5 * 1024 * 1024


@cache
def blob() -> bytes:
    """5 MiB in which no stretch of a megabyte repeats."""
    return b"".join(index.to_bytes(4, "big") for index in range(BLOB_BYTES // 4))


@cache
def every_octet() -> bytes:
    return bytes(range(256)) * 4


def _unit(dn: str) -> str:
    return f"dn: {dn}\nobjectClass: organizationalUnit\nou: {dn.split(',')[0].split('=')[1]}\n"


def _account(dn: str, password: str) -> str:
    uid = dn.split(",")[0].split("=")[1]
    return (
        f"dn: {dn}\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: {uid}\nsn: {uid}\n"
        f"mail: {uid}@example.test\nuserPassword: {password}\n"
    )


def _photo(dn: str, content: bytes) -> str:
    name = dn.split(",")[0].split("=")[1]
    encoded = base64.b64encode(content).decode()
    return f"dn: {dn}\nobjectClass: inetOrgPerson\ncn: {name}\nsn: {name}\njpegPhoto:: {encoded}\n"


def entries() -> Iterator[str]:
    yield f"dn: {SUFFIX}\nobjectClass: dcObject\nobjectClass: organization\ndc: example\no: Example\n"
    yield from (_unit(dn) for dn in (PEOPLE, SERVICES, SCRATCH))
    yield _account(APP, APP_PASSWORD)
    yield _account(WRITER, APP_PASSWORD)
    yield _photo(BLOB, blob())
    yield _photo(BINARY, every_octet())
    yield (
        f"dn: {REFERRAL}\nobjectClass: referral\nobjectClass: extensibleObject\nou: elsewhere\nref: {REFERRAL_URL}\n"
    )
    for number in range(PEOPLE_COUNT):
        uid = f"user{number:05}"
        yield (
            f"dn: uid={uid},{PEOPLE}\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: Person {number}\n"
            f"sn: Sn{(number * 7919) % PEOPLE_COUNT:05}\nmail: {uid}@example.test\n"
            f"description: number {number} of {PEOPLE_COUNT}\n"
        )


@cache
def ldif() -> str:
    return "\n".join(entries())
