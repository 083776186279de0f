"""The table of attempts to get past rules: what is sent, and how it has to be refused.

It knows the rules of `test_bypass` by their listeners, and holds no test. Each section begins with the plain spelling
of what is forbidden, which must be refused like all that follow.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..real import wire
from .content import ALICE, ALICE_PASSWORD, APP, BOB, DESK, KEYS, MALLORY, PASSWORD, PEOPLE, SECRET, SUFFIX, VAULT
from .spelling import (
    BASE,
    CHILDREN,
    NO_OPERATION,
    ONE,
    POST_READ,
    PRE_READ,
    RELAX,
    SEARCH_OPTIONS,
    SUB,
    SUBENTRIES,
    SUBTREE_DELETE,
    TRANSACTION_START,
    all_of,
    any_of,
    approximately,
    asserting,
    at_least,
    at_most,
    contains,
    dereferencing,
    extensible,
    initial,
    matching_values,
    none_of,
    password_modify,
    persistent,
    proxied,
    reading,
    sort_by,
    synchronising,
    view_of_list,
)

REFUSED, HIDDEN = 50, wire.NO_SUCH_OBJECT
PERSON = wire.equality(b"objectClass", b"person")
LOGIN = all_of(PERSON, wire.equality(b"uid", b"alice"))
NUMBER = b"employeeNumber"
NUMBER_OID = b"2.16.840.1.113730.3.1.3"
KEY_OID = b"1.3.6.1.4.1.4203.666.1.60"
# The message id of what is attempted.
ID = 9

people, suffix, vault = PEOPLE.encode(), SUFFIX.encode(), VAULT.encode()
alice, bob, app, desk = ALICE.encode(), BOB.encode(), APP.encode(), DESK.encode()


@dataclass(frozen=True)
class Attempt:
    """One row: what is sent, after which login, and the codes that answer it."""

    name: str
    listener: str
    sends: Sequence[bytes]
    codes: Sequence[int] = (REFUSED,)
    login: str | None = APP
    # What slapd may see of it beside an anonymous bind of the gateway's own, as its log words it.
    reaches: Sequence[str] = ()
    # All in one flight, or each after the answer to the one before.
    together: bool = False


def search(
    base: bytes = people,
    *,
    scope: int = SUB,
    filter: bytes = LOGIN,
    ask: Sequence[bytes] = (b"uid",),
    with_: bytes = b"",
) -> bytes:
    return wire.search(ID, base, scope=scope, filter=filter, attributes=ask, controls=[with_] if with_ else [])


def hexadecimal(value: bytes, tag: int = 0x0C) -> bytes:
    return b"#" + wire.octets(value, tag).hex().encode()


# Ways to write ou=vault,ou=people,dc=example,dc=test.
VAULT_SPELLINGS: dict[str, bytes] = {
    "plain": vault,
    "in capitals": vault.upper(),
    "with spaces": b" ou = vault , ou = people , dc = example , dc = test ",
    "escaped": b"ou=\\76au\\6ct," + people,
    "a needless escape": b"ou=vaul\\74," + people,
    "hexadecimal UTF8String": b"ou=" + hexadecimal(b"vault") + b"," + people,
    "hexadecimal PrintableString": b"ou=" + hexadecimal(b"vault", 0x13) + b"," + people,
    "hexadecimal OCTET STRING": b"ou=" + hexadecimal(b"vault", 0x04) + b"," + people,
    "hexadecimal BMPString": b"ou=" + hexadecimal("vault".encode("utf-16-be"), 0x1E) + b"," + people,
    "object identifier": b"2.5.4.11=vault," + people,
    "OID. before it": b"OID.2.5.4.11=vault," + people,
    "oid. before it": b"oid.2.5.4.11=vault," + people,
    "long name": b"organizationalUnitName=vault," + people,
    "semicolons": vault.replace(b",", b";"),
    "quotes": b'ou="vault",' + people,
    "quotes and escapes": b'ou="v\\61ult",' + people,
    "full width": "ou=\uff56ault,".encode() + people,
    "mathematical letters": "ou=\U0001d42fault,".encode() + people,
    "long s": "ou=vault,ou=people,dc=example,dc=te\u017ft".encode(),
    "soft hyphen": "ou=va\u00adult,".encode() + people,
    "zero width space": "ou=va\u200bult,".encode() + people,
    "zero width joiner": "ou=va\u200dult,".encode() + people,
    "byte order mark": "ou=\ufeffvault,".encode() + people,
    "variation selector": "ou=vault\ufe0f,".encode() + people,
    "escaped spaces at the ends": b"ou=\\20vault\\20," + people,
    "no-break space": "ou=\u00a0vault,".encode() + people,
    "tab": b"ou=vault\t," + people,
    "NUL at its end": b"ou=vault\\00," + people,
    "comma at its end": vault + b",",
    "entry below": b"UID=Hidden, " + vault,
    "entry below in escapes": b"uid=hidden,ou=\\56\\41\\55\\4C\\54," + people,
    "long name of its parent": b"ou=vault,organizationalUnitName=people," + suffix,
    "long name of its domain": b"ou=vault,ou=people,domainComponent=example,0.9.2342.19200300.100.1.25=test",
    "GUID of Active Directory": b"<GUID=0102030405060708090a0b0c0d0e0f10>",
    "WKGUID of Active Directory": b"<WKGUID=a9d1ca15768811d1aded00c04fd8d5cd,dc=example,dc=test>",
    "not UTF-8": b"ou=va\xffult," + people,
}
# Ways to write cn=Master Keys+ou=Cellar,ou=people,dc=example,dc=test.
KEYS_SPELLINGS: dict[str, bytes] = {
    "plain": KEYS.encode(),
    "other order": b"ou=Cellar+cn=Master Keys," + people,
    "spaces folded": b"cn=master   keys + ou=cellar," + people,
    "escaped plus between types by number": b"2.5.4.11=cellar+2.5.4.3=master keys," + people,
    "hexadecimal in other order": b"ou=#0c0643656c6c6172+commonName=Master\\20Keys," + people,
}
# Ways to come to it from above: a base, and the scopes that reach it.
ABOVE: dict[str, tuple[bytes, Sequence[int]]] = {
    "parent": (people, (ONE, SUB, CHILDREN)),
    "parent in other words": (b"OU = #160670656F706c65 ; domainComponent=EXAMPLE,dc=test", (ONE, SUB, CHILDREN)),
    "parent's parent": (suffix, (SUB, CHILDREN)),
    "top": (b"dc=test", (SUB, CHILDREN)),
    "root": (b"", (SUB, CHILDREN)),
}
SCOPES = {ONE: "one", SUB: "sub", CHILDREN: "children"}
# Ways to write dc=example,dc=test and other places that are not below ou=people.
OUTSIDE: dict[str, bytes] = {
    "parent": suffix,
    "parent in capitals": suffix.upper(),
    "parent by number": b"0.9.2342.19200300.100.1.25=example,OID.0.9.2342.19200300.100.1.25=test",
    "parent with spaces": b"dc = example , dc = test",
    "parent in hexadecimal": b"dc=#16076578616d706c65,dc=test",
    "parent with semicolons": b"dc=example;dc=test",
    "nothing": b"",
    "a space": b" ",
    "look-alike": b"ou=xpeople," + suffix,
    "look-alike below": b"uid=stranger,ou=xpeople," + suffix,
    "look-alike behind an escape": b"ou=x\\,ou=people," + suffix,
    "look-alike behind a hexadecimal comma": b"ou=x\\2Cou=people," + suffix,
    "look-alike in quotes": b'ou="x,ou=people",' + suffix,
    "suffix in the value": b"cn=ou=people\\,dc=example\\,dc=test,ou=services,dc=example,dc=test",
    "longer suffix": people + b"x",
    "suffix before another": people + b"," + suffix,
    "two attributes in its RDN": b"ou=people+ou=services," + suffix,
    "sibling": b"ou=services," + suffix,
}
# Ways to ask for what is not among uid, cn and mail.
SELECTORS: dict[str, Sequence[bytes]] = {
    "plain": [b"employeeNumber"],
    "in capitals": [b"EMPLOYEENUMBER"],
    "by number": [NUMBER_OID],
    "OID. before it": [b"OID." + NUMBER_OID],
    "an option": [b"employeeNumber;lang-en"],
    "options": [b"employeeNumber;x-a;lang-en"],
    "binary": [b"userPassword;binary"],
    "password by number": [b"2.5.4.35"],
    "range": [b"employeeNumber;range=0-1499"],
    "supertype": [b"name"],
    "supertype by number": [b"2.5.4.41"],
    "star": [b"*"],
    "plus": [b"+"],
    "both": [b"*", b"+"],
    "star among others": [b"uid", b"*", b"cn"],
    "nothing": [],
    "object class": [b"@inetOrgPerson"],
    "object class without": [b"!inetOrgPerson"],
    "behind those allowed": [b"uid", b"cn", b"mail", b"employeeNumber"],
    "behind none": [b"1.1", b"employeeNumber"],
    "two in one": [b"uid,employeeNumber"],
    "space behind": [b"employeeNumber "],
    "empty": [b""],
    "empty option": [b"employeeNumber;"],
}
# Of those, the ones that also name what is denied where the rest is allowed.
DENIED_SELECTORS = (
    "plain", "in capitals", "by number", "OID. before it", "an option", "binary", "password by number", "range", "star",
    "both", "plus", "nothing", "object class", "behind none", "space behind", "empty option",
)  # fmt: skip
# Filters that are not (&(objectClass=person)(uid=?)).
FILTERS: dict[str, bytes] = {
    "plain": wire.equality(NUMBER, SECRET.encode()),
    "one branch": wire.equality(b"uid", b"alice"),
    "or instead of and": any_of(PERSON, wire.equality(b"uid", b"alice")),
    "within an or": any_of(LOGIN, wire.present(b"objectClass")),
    "within an or of one": any_of(LOGIN),
    "within an and": all_of(LOGIN, wire.equality(NUMBER, b"1")),
    "negated twice": none_of(none_of(LOGIN)),
    "negated": none_of(LOGIN),
    "extra branch": all_of(PERSON, wire.equality(b"uid", b"alice"), wire.equality(NUMBER, b"1")),
    "extra branch of a tautology": all_of(PERSON, wire.equality(b"uid", b"alice"), any_of(wire.present(b"uid"))),
    "repeated branch": all_of(PERSON, PERSON, wire.equality(b"uid", b"alice")),
    "repeated wildcard": all_of(PERSON, wire.equality(b"uid", b"alice"), wire.equality(b"uid", b"bob")),
    "nested and": all_of(PERSON, all_of(wire.equality(b"uid", b"alice"))),
    "tautology in its place": all_of(PERSON, any_of(wire.equality(b"uid", b"a"), none_of(wire.equality(b"uid", b"a")))),
    "presence": all_of(PERSON, wire.present(b"uid")),
    "initial part": all_of(PERSON, initial(b"uid", b"a")),
    "inner part": all_of(PERSON, contains(b"uid", b"a")),
    "at least": all_of(PERSON, at_least(b"uid", b"a")),
    "at most": all_of(PERSON, at_most(b"uid", b"z")),
    "approximately": all_of(PERSON, approximately(b"uid", b"alice")),
    "extensible": all_of(PERSON, extensible(b"alice", attribute=b"uid", rule=b"caseIgnoreMatch")),
    "extensible without a rule": all_of(PERSON, extensible(b"alice", attribute=b"uid")),
    "extensible without an attribute": all_of(PERSON, extensible(b"alice", rule=b"2.5.13.2")),
    "extensible in the DN": all_of(PERSON, extensible(b"alice", attribute=b"uid", in_dn=True)),
    "extensible in the DN alone": all_of(PERSON, extensible(b"people", attribute=b"ou", in_dn=True)),
    "absolute true": all_of(),
    "absolute false": any_of(),
    "absolute true as a branch": all_of(PERSON, all_of()),
    "another attribute": all_of(PERSON, wire.equality(NUMBER, SECRET.encode())),
    "another attribute by number": all_of(PERSON, wire.equality(NUMBER_OID, SECRET.encode())),
    "another attribute in capitals": all_of(PERSON, wire.equality(b"EMPLOYEENUMBER", SECRET.encode())),
    "supertype": all_of(PERSON, wire.equality(b"name", b"alice")),
    "an option": all_of(PERSON, wire.equality(b"uid;lang-en", b"alice")),
    "another constant": all_of(wire.equality(b"objectClass", b"organizationalUnit"), wire.equality(b"uid", b"x")),
    "a constant with a soft hyphen": all_of(
        wire.equality(b"objectClass", "per\u00adson".encode()), wire.equality(b"uid", b"x")
    ),
    "star as a value of presence": all_of(wire.present(b"objectClass"), wire.equality(b"uid", b"*")),
    "object class alone": wire.present(b"objectClass"),
}
# Controls that no rule lists, the critical and the other kind.
CONTROLS: dict[str, bytes] = {
    "sort": sort_by(b"uid"),
    "sort by number": wire.control(b"1.2.840.113556.1.4.0473", wire.sequence(), critical=False),
    "virtual list view": view_of_list(),
    "assertion": asserting(PERSON),
    "matched values": matching_values(wire.equality(b"mail", b"x")),
    "proxied authorization": proxied(alice),
    "proxied authorization as nobody": wire.control(b"2.16.840.1.113730.3.4.18", b"", critical=True),
    "proxied authorization of version 1": wire.control(
        b"2.16.840.1.113730.3.4.12", wire.sequence(wire.octets(alice)), critical=True
    ),
    "synchronisation": synchronising(),
    "persistent search": persistent(),
    "dereferencing": dereferencing(b"member", b"employeeNumber"),
    "subentries": wire.control(SUBENTRIES, wire.boolean(True), critical=True),
    "no operation": wire.control(NO_OPERATION, critical=True),
    "relaxed": wire.control(RELAX, critical=True),
    "phantom root": wire.control(SEARCH_OPTIONS, wire.sequence(wire.integer(2)), critical=True),
    "an unknown one, critical": wire.control(b"1.2.3.4.5.6", critical=True),
    "an unknown one": wire.control(b"1.2.3.4.5.6"),
}


def names() -> Iterator[Attempt]:
    for name, dn in VAULT_SPELLINGS.items():
        yield Attempt(f"denied base, {name}", "holes", [search(dn)])
    for name, dn in KEYS_SPELLINGS.items():
        yield Attempt(f"denied base of two attributes, {name}", "holes", [search(dn, scope=BASE)])
    for name, (dn, scopes) in ABOVE.items():
        for scope in scopes:
            yield Attempt(f"denied base from above, {name}, {SCOPES[scope]}", "holes", [search(dn, scope=scope)])
    for name, dn in OUTSIDE.items():
        yield Attempt(f"base outside, {name}", "narrow", [search(dn)])
    yield Attempt("scope base", "narrow", [search(people, scope=BASE)])
    yield Attempt("scope children", "narrow", [search(people, scope=CHILDREN)])
    yield Attempt("scope one above", "narrow", [search(suffix, scope=ONE)])
    yield Attempt("root DSE", "narrow", [search(b"", scope=BASE)])
    for name in ("plain", "escaped", "object identifier", "soft hyphen", "full width", "semicolons", "long name"):
        dn = VAULT_SPELLINGS[name]
        yield Attempt(
            f"compare in a denied base, {name}", "holes", [wire.compare(ID, b"uid=hidden," + dn, b"cn", b"x")]
        )
        yield Attempt(f"delete in a denied base, {name}", "holes", [wire.delete(ID, b"uid=hidden," + dn)])


def attributes() -> Iterator[Attempt]:
    for name, selectors in SELECTORS.items():
        yield Attempt(f"attributes outside, {name}", "narrow", [search(ask=selectors)])
    for name in DENIED_SELECTORS:
        yield Attempt(f"denied attribute, {name}", "holes", [search(alice, ask=SELECTORS[name])])
    # A denial of sn and pKCS8PrivateKey, by what contains it and by a number that no table of the gateway's has.
    for name, attribute in {"supertype": b"name", "supertype by number": b"2.5.4.41", "number": KEY_OID}.items():
        yield Attempt(f"denied attribute by its {name}", "holes", [search(alice, ask=[attribute])])
        yield Attempt(f"denied filter by its {name}", "holes", [search(alice, filter=contains(attribute, b"x"))])
        yield Attempt(f"denied compare by its {name}", "holes", [wire.compare(ID, alice, attribute, b"x")])
    for attribute in (NUMBER, b"EMPLOYEENUMBER", NUMBER_OID, b"OID." + NUMBER_OID, NUMBER + b";lang-en", b"2.5.4.35"):
        word = attribute.decode()
        for listener in ("narrow", "holes", "redacted"):
            compare = wire.compare(ID, alice, attribute, SECRET.encode())
            yield Attempt(f"compare of {word}, {listener}", listener, [compare])
        test = wire.equality(attribute, SECRET.encode())
        yield Attempt(f"denied filter on {word}", "holes", [search(alice, filter=any_of(LOGIN, test))])
        yield Attempt(f"redacted filter on {word}", "redacted", [search(filter=all_of(LOGIN, none_of(test)))])


def filters() -> Iterator[Attempt]:
    for name, filter in FILTERS.items():
        yield Attempt(f"filter, {name}", "narrow", [search(filter=filter)])
    hidden: dict[str, bytes] = {
        "presence": wire.present(NUMBER),
        "initial part": initial(NUMBER, b"s"),
        "at least": at_least(NUMBER, b"s"),
        "approximately": approximately(NUMBER, b"s"),
        "extensible": extensible(b"s", attribute=NUMBER, rule=b"caseIgnoreMatch"),
        "extensible without an attribute": extensible(SECRET.encode(), rule=b"2.5.13.2"),
        "ambiguous name resolution": wire.equality(b"anr", b"s"),
    }
    for name, filter in hidden.items():
        yield Attempt(f"redacted filter, {name}", "redacted", [search(filter=filter)])
        if name != "ambiguous name resolution":
            yield Attempt(f"filter of other attributes, {name}", "tested", [search(filter=filter)])
    yield Attempt("redacted filter on a supertype", "redacted", [search(filter=contains(b"name", b"x"))])
    yield Attempt("redacted filter on a supertype's number", "redacted", [search(filter=contains(b"2.5.4.41", b"x"))])
    yield Attempt("filter of other attributes in an or", "tested", [search(filter=any_of(LOGIN, wire.present(b"sn")))])
    yield Attempt("filter of other attributes, supertype", "tested", [search(filter=wire.equality(b"name", b"x"))])


def controls() -> Iterator[Attempt]:
    for name, control in CONTROLS.items():
        yield Attempt(f"unlisted control, {name}", "narrow", [search(with_=control)])
        yield Attempt(f"unlisted control behind denials, {name}", "holes", [search(alice, with_=control)])
    for listener in ("listed", "redacted"):
        reads: dict[str, bytes] = {
            "sort by": sort_by(NUMBER),
            "sort by the number of": sort_by(b"uid", NUMBER_OID),
            "assertion about": asserting(wire.equality(NUMBER, SECRET.encode())),
            "assertion without an attribute about": asserting(extensible(SECRET.encode(), rule=b"2.5.13.2")),
            "matched values of": matching_values(initial(NUMBER, b"s")),
            "unreadable sort by": wire.control(wire.SORT_REQUEST, b"\x30\x05\x30\x03\x04\x01", critical=True),
        }
        for name, control in reads.items():
            yield Attempt(f"{name} the hidden, {listener}", listener, [search(with_=control)])
        two = wire.search(ID, people, scope=SUB, filter=LOGIN, attributes=[b"uid"],
                          controls=[sort_by(b"cn"), sort_by(NUMBER)])  # fmt: skip
        yield Attempt(f"second sort by the hidden, {listener}", listener, [two])
    yield Attempt("pre-read of the hidden in a search's place", "listed", [search(with_=reading(PRE_READ, NUMBER))])
    for name, control in {
        "post-read of the hidden": reading(POST_READ, NUMBER),
        "post-read by number": reading(POST_READ, NUMBER_OID),
        "post-read of everything": reading(POST_READ, b"*"),
        "post-read of nothing named": reading(POST_READ),
        "pre-read of the hidden": reading(PRE_READ, b"uid", NUMBER),
        "assertion about the hidden": asserting(wire.equality(NUMBER, SECRET.encode())),
    }.items():
        modify = wire.modify(ID, alice, b"mail", b"alice@example.test", controls=[control])
        yield Attempt(f"modify with {name}", "listed", [modify], login=DESK)
        if "nothing" not in name and "everything" not in name:
            yield Attempt(f"redacted modify with {name}", "redacted", [modify], login=DESK)


def operations() -> Iterator[Attempt]:
    def by_desk(name: str, *sends: bytes) -> Attempt:
        return Attempt(name, "writes", sends, login=DESK)

    tree = wire.control(SUBTREE_DELETE, critical=True)
    yield by_desk("move out by the superior", wire.modify_dn(ID, bob, b"uid=bob", suffix))
    yield by_desk("move out, superior in other words", wire.modify_dn(ID, bob, b"uid=bob", b"OU = Services;" + suffix))
    yield by_desk("move to the root", wire.modify_dn(ID, bob, b"uid=bob", b""))
    yield by_desk("move to a look-alike", wire.modify_dn(ID, bob, b"uid=bob", b"ou=xpeople," + suffix))
    yield by_desk("move in", wire.modify_dn(ID, app, b"uid=app", people))
    yield by_desk("rename of the subtree itself", wire.modify_dn(ID, people, b"ou=persons"))
    yield by_desk("rename that names more RDNs", wire.modify_dn(ID, bob, b"uid=bob,ou=vault"))
    yield by_desk("rename to an attribute outside", wire.modify_dn(ID, bob, b"employeeNumber=1"))
    yield by_desk("rename to two attributes", wire.modify_dn(ID, bob, b"uid=bob+employeeNumber=1"))
    yield by_desk("rename outside", wire.modify_dn(ID, app, b"uid=app2"))
    yield by_desk("delete of a tree", wire.delete(ID, bob, controls=[tree]))
    yield by_desk("delete of a tree, the number with a zero",
                  wire.delete(ID, bob, controls=[wire.control(b"1.2.840.113556.1.4.0805", critical=True)]))  # fmt: skip
    yield by_desk("delete outside", wire.delete(ID, app))
    yield by_desk("delete outside, escaped", wire.delete(ID, b"uid=\\61pp,OU=Services," + suffix))
    yield by_desk("add outside", wire.add(ID, b"uid=new," + suffix, objectClass=b"account", uid=b"new"))
    yield by_desk("add with an attribute outside", wire.add(ID, b"uid=new," + people, uid=b"new", employeeNumber=b"1"))
    yield by_desk("add with an attribute outside in the name", wire.add(ID, b"employeeNumber=1," + people, uid=b"new"))
    yield by_desk("modify of an attribute outside", wire.modify(ID, alice, NUMBER, b"1"))
    yield by_desk("modify of it by number", wire.modify(ID, alice, NUMBER_OID, b"1"))
    yield by_desk("modify of it with an option", wire.modify(ID, alice, NUMBER + b";lang-en", b"1"))
    yield by_desk("modify by another change", wire.modify(ID, alice, b"mail", b"x@example.test", change=0))
    yield by_desk("modify without values", wire.modify(ID, alice, b"mail", change=1))
    yield by_desk("modify outside", wire.modify(ID, app, b"userPassword", b"new"))
    yield by_desk("password outside", password_modify(ID, app, b"new"))
    yield by_desk("password outside in capitals", password_modify(ID, app.upper(), b"new"))
    yield by_desk("password outside with dn:", password_modify(ID, b"dn:" + app, b"new"))
    yield by_desk("password by uid", password_modify(ID, b"app", b"new"))
    yield by_desk("password by u:", password_modify(ID, b"u:app", b"new"))
    yield by_desk("password of a soft hyphen", password_modify(ID, "uid=a\u00adpp,".encode() + people, b"new"))
    yield by_desk("password of an empty name", password_modify(ID, b"", b"new"))
    yield by_desk("password of oneself, who is outside", password_modify(ID, None, b"new"))
    yield by_desk("password of nobody readable", wire.extended(ID, wire.PASSWORD_MODIFY, b"\x30\x05\x80\x09x"))
    yield by_desk("password by a number with a zero",
                  wire.extended(ID, b"1.3.6.1.4.1.4203.1.11.01", wire.sequence(wire.octets(app, 0x80))))  # fmt: skip
    yield by_desk("extended operation, unknown", wire.extended(ID, b"1.2.3.4.5.6", b"x"))
    yield by_desk("extended operation, transaction", wire.extended(ID, TRANSACTION_START))
    yield by_desk("search where only writes are allowed", search())
    yield Attempt("modify where only searches are allowed", "narrow", [wire.modify(ID, alice, b"mail", b"x")])
    yield Attempt("compare where the base is outside", "narrow", [wire.compare(ID, app, b"mail", b"x")])
    yield Attempt("password of oneself where only searches are allowed", "narrow", [password_modify(ID, None, b"n")])


def identities() -> Iterator[Attempt]:
    for name, dn in {
        "plain": MALLORY,
        "in capitals": MALLORY.upper(),
        "with spaces": MALLORY.replace(",", " , ").replace("=", " = "),
        "escaped": f"uid=\\6dallory,{PEOPLE}",
        "hexadecimal": f"uid={hexadecimal(b'mallory').decode()},{PEOPLE}",
        "by number": f"0.9.2342.19200300.100.1.1=mallory,{PEOPLE}",
        "long name": f"userid=mallory,{PEOPLE}",
        "semicolons": MALLORY.replace(",", ";"),
        "quotes": f'uid="mallory",{PEOPLE}',
        "full width": f"uid=\uff4dallory,{PEOPLE}",
        "soft hyphen": f"uid=mal\u00adlory,{PEOPLE}",
        "not a name": "mallory",
        "GUID": "<GUID=0102030405060708090a0b0c0d0e0f10>",
    }.items():
        bind = wire.bind(ID, dn.encode(), ALICE_PASSWORD.encode())
        yield Attempt(f"bind of a denied name, {name}", "holes", [bind], login=None)
        yield Attempt(f"bind of an unlisted name, {name}", "narrow", [bind], login=None)
    for name, user in {"UPN": b"app@example.test", "account": b"EXAMPLE\\app", "uid": b"app"}.items():
        yield Attempt(f"bind by {name}", "narrow", [wire.bind(ID, user, PASSWORD.encode())], login=None)
    login, wrong = wire.bind(ID, app, PASSWORD.encode()), wire.bind(ID, app, b"wrong-password")
    other = wire.bind(ID, alice, ALICE_PASSWORD.encode())
    plain = wire.sasl_bind(ID, b"PLAIN", b"\0app\0" + PASSWORD.encode())
    bound, failed = 'BIND dn="uid=app,ou=services', 'BIND dn="uid=app,ou=services'
    then = wire.search(ID + 1, people, scope=SUB, filter=LOGIN, attributes=[b"uid"])
    yield Attempt("anonymous bind", "narrow", [wire.bind(ID)], login=None)
    yield Attempt("anonymous bind with a password", "narrow", [wire.bind(ID, b"", b"x")], (49,), None)
    yield Attempt("unauthenticated bind", "narrow", [wire.bind(ID, app, b"")], (53,), None)
    yield Attempt("unauthenticated bind of NUL", "narrow", [wire.bind(ID, app, b"\0\0")], (53,), None)
    yield Attempt("SASL PLAIN of a listed name", "narrow", [plain], login=None)
    yield Attempt("SASL plain in small letters", "narrow", [wire.sasl_bind(ID, b"plain", b"\0app\0x")], login=None)
    yield Attempt("SASL PLAIN with the name beside it", "narrow",
                  [wire.sasl_bind(ID, b"PLAIN", b"\0app\0x", name=app)], login=None)  # fmt: skip
    yield Attempt("SASL SCRAM", "narrow", [wire.sasl_bind(ID, b"SCRAM-SHA-256", b"n,,n=app,r=x")], login=None)
    yield Attempt("SASL EXTERNAL", "narrow", [wire.sasl_bind(ID, b"EXTERNAL")], login=None)
    yield Attempt("SASL ANONYMOUS", "narrow", [wire.sasl_bind(ID, b"ANONYMOUS", b"x")], login=None)
    yield Attempt("without a bind", "narrow", [search()], login=None)
    yield Attempt("after a failed bind", "narrow", [wrong, then], (49, REFUSED), None, [failed])
    yield Attempt("after a failed bind as somebody else", "narrow", [wrong, then], (49, REFUSED), APP, [failed])
    yield Attempt("after a refused bind", "narrow", [other, then], (REFUSED, REFUSED))
    yield Attempt("after an unauthenticated bind", "narrow", [wire.bind(ID, app, b""), then], (53, REFUSED))
    yield Attempt("after an anonymous bind", "narrow", [wire.bind(ID), then], (REFUSED, REFUSED))
    yield Attempt("between binds", "narrow", [other, login, wire.bind(ID, alice, b""), then],
                  (REFUSED, 0, 53, REFUSED), None, [bound])  # fmt: skip
    yield Attempt("behind a failed bind in one flight", "narrow", [wrong, then], (49, REFUSED), None, [failed],
                  together=True)  # fmt: skip
    yield Attempt("behind a refused bind in one flight", "narrow", [other, then], (REFUSED, REFUSED), together=True)
    yield Attempt("before a bind in one flight", "narrow",
                  [then, login], (REFUSED, 0), None, [bound], together=True)  # fmt: skip
    yield Attempt("by another's connection rights", "narrow", [search()], login=DESK)


def hidden_entries() -> Iterator[Attempt]:
    for name, dn in VAULT_SPELLINGS.items():
        is_readable = name in READABLE
        code = HIDDEN if is_readable else REFUSED
        yield Attempt(f"hidden entry, {name}", "redacted", [search(dn, scope=BASE)], (code,))
    compare = wire.compare(ID, b"uid=hidden," + vault, b"cn", b"x")
    yield Attempt("hidden entry, compare", "redacted", [compare], (HIDDEN,))
    yield Attempt("hidden entry, delete", "redacted", [wire.delete(ID, vault)], (HIDDEN,), DESK)
    move = wire.modify_dn(ID, b"uid=hidden," + vault, b"uid=hidden", people)
    yield Attempt("hidden entry, moved out", "redacted", [move], (HIDDEN,), DESK)
    yield Attempt("hidden entry, parent renamed", "redacted", [wire.modify_dn(ID, people, b"ou=p")], login=DESK)
    yield Attempt("hidden entry, password", "redacted", [password_modify(ID, b"uid=hidden," + vault, b"n")],
                  (HIDDEN,), DESK)  # fmt: skip
    yield Attempt("hidden entry, dereferenced", "redacted", [search(with_=dereferencing(b"member", b"cn"))])


# The spellings of the vault that have one meaning for every server.
READABLE = frozenset(
    name for name in VAULT_SPELLINGS
    if name not in {
        "soft hyphen", "zero width space", "zero width joiner", "byte order mark", "variation selector",
        "comma at its end",
        "GUID of Active Directory", "WKGUID of Active Directory", "not UTF-8", "NUL at its end",
    }
)  # fmt: skip

ATTEMPTS: Sequence[Attempt] = [
    *names(), *attributes(), *filters(), *controls(), *operations(), *identities(), *hidden_entries(),
]  # fmt: skip
