"""The steps of the tour: what each asks through the gateway, and what must come back.

Every step makes its own connections and leaves the directory as it found it. Prints nothing: see tour.py.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from ostiary._core import (
    PAGED_RESULTS_OID,
    WHO_AM_I_OID,
    AddRequest,
    Attribute,
    AttributeDescription,
    Change,
    CompareRequest,
    Control,
    DelRequest,
    Dn,
    ExtendedRequest,
    Filter,
    ModifyDnRequest,
    ModifyRequest,
    PagedResults,
    SearchRequest,
    SearchResultEntry,
)
from ostiary.demo.client import Answer, Client
from ostiary.demo.result import ResultCode
from ostiary.demo.stage import Account, Notes, Stage

__all__ = [
    "ALICE",
    "BASE",
    "DEMO_STEPS",
    "PEOPLE",
    "REAL_STEPS",
    "WIKI",
    "Step",
    "bind",
    "entries_of",
    "no_bind_arrived",
    "search",
    "show",
]

BASE = "dc=example,dc=org"
PEOPLE = f"ou=people,{BASE}"
GROUPS = f"ou=groups,{BASE}"
ALICE = Account(f"uid=alice,{PEOPLE}", "sesame")
WIKI = Account(f"cn=wiki,ou=services,{BASE}", "wiki-password")
SCANNER = Account(f"cn=scanner,ou=services,{BASE}", "scanner-password")

_BASE_OBJECT, _SUBTREE = 0, 2


@dataclass(frozen=True)
class Step:
    """One step: its name, what it does, and what must come out."""

    name: str
    title: str
    expected: str
    act: Callable[[Stage, Notes], Awaitable[None]]


async def bind(client: Client, account: Account, notes: Notes) -> None:
    """Binds and expects success."""
    notes.ask(f"bind as {account.name}")
    notes.expect_code(await client.bind(account.name, account.password), ResultCode.SUCCESS)


async def search(client: Client, notes: Notes, base: str, condition: str, *attributes: str) -> list[SearchResultEntry]:
    """Searches a subtree, expects success, and gives the entries."""
    notes.ask(f"search {condition} below {base}")
    answer = await client.request(SearchRequest(base, _SUBTREE, Filter(condition), attributes))
    entries = entries_of(answer)
    notes.expect_code(answer, ResultCode.SUCCESS)
    notes.receive("1 entry" if len(entries) == 1 else f"{len(entries)} entries")
    return entries


def entries_of(answer: Answer) -> list[SearchResultEntry]:
    """The entries among the responses."""
    return [one for one in answer.before if isinstance(one, SearchResultEntry)]


def values_of(entry: SearchResultEntry, name: str) -> tuple[bytes, ...]:
    return next((one.values for one in entry.attributes if one.description.lower() == name.lower()), ())


def show(entry: SearchResultEntry, *names: str) -> str:
    """An entry in one line, with the values of these attributes."""
    pairs = (f"{name}={value.decode(errors='replace')}" for name in names for value in values_of(entry, name))
    return f"{entry.object_name}: {', '.join(pairs)}"


async def look_up_over_ldaps(stage: Stage, notes: Notes) -> None:
    async with stage.connect("ldaps", notes) as client:
        await bind(client, WIKI, notes)
        entries = await search(client, notes, BASE, "(uid=alice)", "cn", "mail")
        for entry in entries:
            notes.receive(show(entry, "cn", "mail"))
        notes.expect([entry.object_name for entry in entries] == [ALICE.name], "exactly Alice's entry")
        notes.expect(bool(client.tls), "TLS towards the client")


async def bind_over_start_tls(stage: Stage, notes: Notes) -> None:
    async with stage.connect("starttls", notes) as client:
        await bind(client, ALICE, notes)
        notes.expect(bool(client.tls), "TLS towards the client")


async def ask_who_am_i(stage: Stage, notes: Notes) -> None:
    async with stage.connect("ldaps", notes) as client:
        account = stage.account
        if account is not None:
            await bind(client, account, notes)
        notes.ask("who am I?")
        answer = await client.request(ExtendedRequest(WHO_AM_I_OID))
        authorization_id = (answer.result.response_value or b"").decode(errors="replace")
        notes.expect_code(answer, ResultCode.SUCCESS)
        notes.receive(authorization_id or "anonymous")
        notes.expect(bool(authorization_id) == (account is not None), "the identity that was bound")


async def look_up_groups(stage: Stage, notes: Notes) -> None:
    async with stage.connect("ldaps", notes) as client:
        await bind(client, WIKI, notes)
        condition = f"(&(objectClass=groupOfNames)(member={ALICE.name}))"
        entries = await search(client, notes, GROUPS, condition, "cn")
        names = sorted(value.decode() for entry in entries for value in values_of(entry, "cn"))
        notes.receive(f"groups: {', '.join(names)}")
        notes.expect(names == ["engineering", "wiki-users"], "engineering and wiki-users")


async def compare_values(stage: Stage, notes: Notes) -> None:
    async with stage.connect("starttls", notes) as client:
        await bind(client, ALICE, notes)
        for value, code in (("Engineering", ResultCode.COMPARE_TRUE), ("sales", ResultCode.COMPARE_FALSE)):
            notes.ask(f"compare departmentNumber with {value}")
            answer = await client.request(CompareRequest(ALICE.name, "departmentNumber", value.encode()))
            notes.expect_code(answer, code)


async def fetch_binary_value(stage: Stage, notes: Notes) -> None:
    async with stage.connect("ldaps", notes) as client:
        entries = await search(client, notes, BASE, "(&(uid=karl)(jpegPhoto=*))", "jpegPhoto")
        photos = [value for entry in entries for value in values_of(entry, "jpegPhoto")]
        for photo in photos:
            notes.receive(f"a photo of {len(photo)} octets")
        if stage.directory is not None:
            entry = stage.directory.tree.find(Dn(f"uid=karl,{PEOPLE}"))
            kept = entry.attributes[AttributeDescription("jpegPhoto")]
            notes.expect(photos == kept, "the octets that the directory has")


async def change_an_entry(stage: Stage, notes: Notes) -> None:
    first, renamed = f"uid=tour,{PEOPLE}", f"uid=visitor,ou=former,{PEOPLE}"
    attributes = [
        Attribute("objectClass", [b"inetOrgPerson"]),
        Attribute("cn", [b"On Tour"]),
        Attribute("sn", [b"Tour"]),
    ]
    change = Change("replace", Attribute("mail", [b"tour@example.org"]))
    async with stage.connect("ldaps", notes) as client:
        await bind(client, stage.account or ALICE, notes)
        for text, request in (
            (f"add {first}", AddRequest(first, attributes)),
            ("modify: replace mail", ModifyRequest(first, [change])),
            (f"modify DN to {renamed}", ModifyDnRequest(first, "uid=visitor", True, f"ou=former,{PEOPLE}")),
        ):
            notes.ask(text)
            notes.expect_code(await client.request(request), ResultCode.SUCCESS)
        entries = await search(client, notes, PEOPLE, "(mail=tour@example.org)", "uid")
        notes.expect([entry.object_name for entry in entries] == [renamed], "the entry under its new name")
        notes.ask(f"delete {renamed}")
        notes.expect_code(await client.request(DelRequest(renamed)), ResultCode.SUCCESS)


async def search_in_pages(stage: Stage, notes: Notes) -> None:
    sizes: list[int] = []
    cookie = b""
    async with stage.connect("ldaps", notes) as client:
        await bind(client, WIKI, notes)
        notes.ask("search (objectClass=posixAccount) in pages of 10")
        request = SearchRequest(PEOPLE, _SUBTREE, Filter("(objectClass=posixAccount)"), ["uid"])
        while not sizes or cookie:
            control = Control(PAGED_RESULTS_OID, True, PagedResults(10, cookie).encode())
            answer = await client.request(request, [control])
            sizes.append(len(entries_of(answer)))
            values = [one.control_value for one in answer.controls if one.control_type == PAGED_RESULTS_OID]
            cookie = PagedResults.decode(values[0] or b"").cookie if values else b""
            if answer.result.result_code != ResultCode.SUCCESS:
                break
        notes.receive(f"pages of {', '.join(map(str, sizes))} entries")
        notes.expect_code(answer, ResultCode.SUCCESS)
        notes.expect(sizes == [10, 10, 5], "25 people in pages of 10, 10 and 5")


async def serve_an_application_without_tls(stage: Stage, notes: Notes) -> None:
    async with stage.connect("plain", notes) as client:
        await bind(client, SCANNER, notes)
        entries = await search(client, notes, PEOPLE, "(telephoneNumber=*0108)", "cn", "telephoneNumber")
        for entry in entries:
            notes.receive(show(entry, "cn", "telephoneNumber"))
        notes.expect(len(entries) == 1, "one entry")
        notes.expect(not client.tls, "no TLS towards this client")
        seen = stage.directory.seen[-1] if stage.directory is not None and stage.directory.seen else None
        notes.expect(seen is not None and bool(seen.tls), "TLS towards the directory all the same")


async def give_a_wrong_password(stage: Stage, notes: Notes) -> None:
    async with stage.connect("ldaps", notes) as client:
        notes.ask(f"bind as {ALICE.name} with a wrong password")
        answer = await client.bind(ALICE.name, "open barley")
        notes.expect_code(answer, ResultCode.INVALID_CREDENTIALS)
        notes.ask("who am I?")
        answer = await client.request(ExtendedRequest(WHO_AM_I_OID))
        notes.receive((answer.result.response_value or b"").decode(errors="replace") or "anonymous")
        notes.expect(not answer.result.response_value, "nobody is bound")


async def bind_without_a_password(stage: Stage, notes: Notes) -> None:
    name = ALICE.name if stage.account is None else stage.account.name
    async with stage.connect("ldaps", notes) as client:
        before = stage.arrived
        notes.ask(f"bind as {name} without a password")
        notes.expect_code(await client.bind(name, ""), ResultCode.UNWILLING_TO_PERFORM)
        notes.expect(no_bind_arrived(stage, before), "no bind with a name at the directory")


async def search_where_tls_is_required(stage: Stage, notes: Notes) -> None:
    host, port = stage.listeners["starttls"]
    before = stage.arrived
    client = await Client.connect(host, port)
    try:
        notes.ask("search on the StartTLS port without StartTLS")
        answer = await client.request(SearchRequest("", _BASE_OBJECT, Filter("(objectClass=*)")))
        notes.expect_code(answer, ResultCode.CONFIDENTIALITY_REQUIRED)
        notes.client_side, notes.upstream_side = "plain LDAP, no TLS", "nothing arrived"
        notes.expect(stage.arrived == before, "nothing at the directory")
    finally:
        await client.close()


async def speak_ldap_version_2(stage: Stage, notes: Notes) -> None:
    account = stage.account or ALICE
    async with stage.connect("ldaps", notes) as client:
        before = stage.arrived
        notes.ask(f"bind as {account.name} by LDAPv2")
        answer = await client.bind(account.name, account.password, version=2)
        notes.expect_code(answer, ResultCode.PROTOCOL_ERROR)
        notes.expect(no_bind_arrived(stage, before), "no bind with a name at the directory")


def no_bind_arrived(stage: Stage, before: int) -> bool:
    """True if the directory saw no bind with a name since; an anonymous one may make it forget."""
    return stage.directory is None or not any(
        seen.kind == "bind" and seen.name for seen in list(stage.directory.seen)[before:]
    )


async def read_root_dse(stage: Stage, notes: Notes) -> None:
    async with stage.connect("ldaps", notes) as client:
        await _read_root_dse(client, notes)


async def read_root_dse_by_start_tls(stage: Stage, notes: Notes) -> None:
    async with stage.connect("starttls", notes) as client:
        await _read_root_dse(client, notes)
        notes.expect(bool(client.tls), "TLS towards the client")


async def _read_root_dse(client: Client, notes: Notes) -> None:
    notes.ask("search the root DSE, anonymously")
    request = SearchRequest(
        "", _BASE_OBJECT, Filter("(objectClass=*)"), ["namingContexts", "supportedLDAPVersion", "vendorName"]
    )
    answer = await client.request(request)
    notes.expect_code(answer, ResultCode.SUCCESS)
    for entry in entries_of(answer):
        notes.receive(show(entry, "vendorName", "namingContexts"))
    notes.expect(len(entries_of(answer)) == 1, "one entry, the root DSE")


async def bind_with_given_account(stage: Stage, notes: Notes) -> None:
    if stage.account is None:
        notes.ask("bind: no --bind-dn was given, so anonymously")
    async with stage.connect("starttls", notes) as client:
        if stage.account is None:
            notes.expect_code(await client.bind("", ""), ResultCode.SUCCESS)
        else:
            await bind(client, stage.account, notes)


_REFUSALS = (
    Step(
        "unauthenticated-bind",
        "A name without a password",
        "refused by the gateway: unwillingToPerform (53)",
        bind_without_a_password,
    ),
    Step(
        "tls-required",
        "A client that forgets StartTLS",
        "refused by the gateway: confidentialityRequired (13)",
        search_where_tls_is_required,
    ),
    Step("ldap-v2", "A client from 1995", "refused by the gateway: protocolError (2)", speak_ldap_version_2),
)

DEMO_STEPS = (
    Step("ldaps-search", "An application over LDAPS looks a person up", "one entry", look_up_over_ldaps),
    Step("starttls-bind", "A person logs in over StartTLS", "success", bind_over_start_tls),
    Step("who-am-i", "Who am I?", "the identity that was bound", ask_who_am_i),
    Step("groups", "Which groups is somebody in?", "two groups", look_up_groups),
    Step("compare", "Compare", "compareTrue, then compareFalse", compare_values),
    Step("binary", "A binary value", "the same octets as in the directory", fetch_binary_value),
    Step("write", "Add, modify, modify DN, delete", "success each time", change_an_entry),
    Step("paged-search", "A search in pages", "three pages", search_in_pages),
    Step(
        "plain-client",
        "An application that knows no TLS at all",
        "its answer, and TLS between gateway and directory",
        serve_an_application_without_tls,
    ),
    Step(
        "wrong-password",
        "A wrong password",
        "the directory's own invalidCredentials (49)",
        give_a_wrong_password,
    ),
    *_REFUSALS,
)
"""The tour of the demo's own directory."""

REAL_STEPS = (
    Step("root-dse", "The root DSE over LDAPS", "one entry", read_root_dse),
    Step("root-dse-starttls", "The root DSE over StartTLS", "one entry", read_root_dse_by_start_tls),
    Step("bind", "A bind over StartTLS", "success", bind_with_given_account),
    Step("who-am-i", "Who am I?", "the identity that was bound", ask_who_am_i),
    *_REFUSALS,
)
"""The tour of somebody's real directory: it only reads."""
