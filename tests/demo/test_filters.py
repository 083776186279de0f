"""Every kind of filter over one entry, as a truth table: True, False, or None for Undefined."""

from __future__ import annotations

import pytest

from ostiary._core import Dn, Filter
from ostiary.demo.entry import Entry
from ostiary.demo.matching import matches

NAME = "uid=jane,ou=people,dc=example,dc=org"
ENTRY = Entry(
    Dn(NAME),
    NAME,
    [
        ("objectClass", [b"inetOrgPerson", b"posixAccount"]),
        ("uid", [b"jane"]),
        ("cn", [b"Jane  van Doe", "Zoë".encode()]),
        ("cn;lang-de", ["Fräulein".encode()]),
        ("sn", [b"Doe"]),
        ("telephoneNumber", [b"+1 555 0100"]),
        ("uidNumber", [b"1000"]),
        ("manager", [b"UID=Boss, OU=People,dc=example,dc=org"]),
        ("description", [b"a*b(c)d\\e"]),
        ("jpegPhoto", [b"\xff\x00\xfe"]),
        ("labeledURI", [b"https://Example.org/"]),
    ],
)

TABLE: list[tuple[str, bool | None]] = [
    # equality: caseIgnoreMatch folds case and inner space
    ("(uid=jane)", True),
    ("(UID=JANE)", True),
    ("(0.9.2342.19200300.100.1.1=jane)", True),
    ("(uid=janet)", False),
    ("(cn=jane van doe)", True),
    ("(cn= Jane van   Doe )", True),
    ("(cn=ZOË)", True),
    ("(mail=jane@example.org)", False),
    ("(unheardOf=jane)", None),
    ("(labeledURI=https://Example.org/)", True),
    ("(labeledURI=https://example.org/)", False),
    ("(jpegPhoto=\\ff\\00\\fe)", True),
    ("(jpegPhoto=\\ff\\00)", False),
    ("(telephoneNumber=+15550100)", True),
    ("(telephoneNumber=+1-555-01-00)", True),
    ("(description=A\\2aB\\28c\\29d\\5cE)", True),
    ("(manager=uid=boss,ou=people,dc=example,dc=org)", True),
    ("(manager=uid=boss,ou=people,dc=example,dc=com)", False),
    ("(manager=not a dn)", None),
    ("(uidNumber=1000)", True),
    ("(uidNumber=01000)", None),
    # a description covers options and subtypes, never the reverse
    ("(cn=fräulein)", True),
    ("(cn;lang-de=fräulein)", True),
    ("(cn;lang-de=zoë)", False),
    ("(name=doe)", True),
    ("(sn=jane van doe)", False),
    # presence
    ("(uid=*)", True),
    ("(mail=*)", False),
    ("(unheardOf=*)", None),
    ("(cn;lang-fr=*)", False),
    # substrings
    ("(cn=jane*)", True),
    ("(cn=*doe)", True),
    ("(cn=j*v*doe)", True),
    ("(cn=*van*)", True),
    ("(cn=*doe*van*)", False),
    ("(cn=jane*jane*)", False),
    ("(cn=jane *)", True),
    ("(telephoneNumber=*555*)", True),
    ("(description=a\\2a*)", True),
    ("(description=a*e)", True),
    ("(uidNumber=1*)", None),
    ("(jpegPhoto=\\ff*)", None),
    ("(unheardOf=a*)", None),
    # order
    ("(uidNumber>=999)", True),
    ("(uidNumber>=1000)", True),
    ("(uidNumber>=1001)", False),
    ("(uidNumber<=1000)", True),
    ("(uidNumber<=999)", False),
    ("(uidNumber>=many)", None),
    ("(sn>=doa)", True),
    ("(sn<=DOA)", False),
    ("(manager>=uid=a)", None),
    # approximation
    ("(sn~=doe)", True),
    ("(sn~=dough)", False),
    ("(cn~=jean vann do)", True),
    ("(uidNumber~=1000)", True),
    # extensible
    ("(uid:=jane)", True),
    ("(uid:caseExactMatch:=jane)", True),
    ("(uid:caseExactMatch:=Jane)", False),
    ("(sn:2.5.13.5:=Doe)", True),
    ("(:caseIgnoreMatch:=DOE)", True),
    ("(:caseExactMatch:=DOE)", False),
    ("(:dn:caseIgnoreMatch:=people)", True),
    ("(ou:dn:=people)", True),
    ("(ou:=people)", False),
    ("(uid:unheardOfMatch:=jane)", None),
    ("(unheardOf:caseIgnoreMatch:=jane)", None),
    # and, or, not, with and without members (RFC 4526)
    ("(&)", True),
    ("(|)", False),
    ("(!(&))", False),
    ("(&(uid=jane)(sn=doe))", True),
    ("(&(uid=jane)(sn=x))", False),
    ("(&(uid=jane)(unheardOf=x))", None),
    ("(&(uid=x)(unheardOf=x))", False),
    ("(|(uid=x)(sn=doe))", True),
    ("(|(uid=x)(sn=x))", False),
    ("(|(uid=x)(unheardOf=x))", None),
    ("(|(uid=jane)(unheardOf=x))", True),
    ("(!(uid=x))", True),
    ("(!(uid=jane))", False),
    ("(!(unheardOf=x))", None),
    ("(&(|(uid=x)(!(sn=x)))(!(&(uid=x)(sn=doe))))", True),
]


@pytest.mark.parametrize(("text", "expected"), TABLE, ids=[text for text, _ in TABLE])
def test_filter_is_as_the_table_says(text: str, expected: bool | None) -> None:
    assert matches(Filter(text), ENTRY.attributes, ENTRY.dn) is expected


def test_filter_gives_its_text_back() -> None:
    for text, _ in TABLE:
        assert Filter(str(Filter(text))) == Filter(text)
